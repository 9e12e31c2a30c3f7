// denseshift ablate: trains what a study lacks and prints its table.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/launch.h"
#include "cli/commands/plan_output.h"
#include "cli/commands/runs_common.h"
#include "cli/commands/study_options.h"
#include "core/data/dataset.h"
#include "core/util/error.h"
#include "experiments/report/render.h"
#include "experiments/studies/cells.h"
#include "results_db/database.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using experiments::Study;
using experiments::StudyScale;

/// What the cells of all chosen studies have in common.
struct CellOptions {
  std::string scale;
  int seeds = 0;
  std::map<std::string, std::string> data;  ///< folder by dataset; "" for all others
  std::string device;
};

sweeps::Job job_of(const Study& study, const StudyScale& scale, const experiments::StudyCell& cell,
                   const CellOptions& options) {
  sweeps::Job job;
  // Columns that only read other values of the same run need no mention.
  const bool columns_differ = !scale.columns.empty() || std::ranges::any_of(study.columns, [](const auto& column) {
    return !column.set.empty();
  });
  job.label = fmt::format("{}/{}/{}{}/{}", study.name, scale.name, cell.row, columns_differ ? "/" + cell.column : "",
                          cell.seed);
  job.config = cell.config;
  job.config.name = job.label;
  job.config.tag = {"study=" + study.name, "scale=" + scale.name};
  if (const auto own = options.data.find(cell.config.dataset); own != options.data.end()) {
    job.config.data = own->second;
  } else if (const auto any = options.data.find(""); any != options.data.end()) {
    job.config.data = any->second;
  }
  job.config.device = options.device.empty() ? job.config.device : options.device;
  job.config_hash = cell.config_hash;
  job.recipe_hash = cell.recipe_hash;
  job.depends_on = cell.depends_on;
  job.metrics = cell.metrics;
  job.needs_traces = cell.traces;
  job.recipe_seconds = scale.recipe.seconds;
  return job;
}

OptionParser ablate_parser() {
  OptionParser parser(
      {"ablate STUDY... [options]",
       "Trains the missing cells of studies and prints their tables. STUDY is a name (`denseshift report "
       "--list`) or\n`all`. Cells are found by the hash of their configuration: repeating the command "
       "resumes it.",
       "denseshift ablate table1 --scale smoke\n"
       "denseshift ablate epochs init --scale small --data cifar-10 --jobs 2\n"
       "denseshift ablate table2 --scale paper --data imagenet --dry-run\n"
       "denseshift ablate init --task detection\n"
       "denseshift ablate table4 --scale small --data cifar10=cifar-10 --data coco=bccd"});
  po::options_description& study = parser.group("Study");
  add_study_options(study);
  study.add_options()("scale", po::value<std::string>()->value_name("SCALE"),
                      "smoke (rendered data, minutes), small (small real sets, hours) or paper [smoke]");
  study.add_options()("task", po::value<std::string>()->value_name("TASK"),
                      "the study's form for another task: detection turns init into init-detection");
  parser.group("Environment")
      .add_options()("data", po::value<std::vector<std::string>>()->composing()->value_name("[DATASET=]DIR"),
                     "folder of the dataset, or of one of several (or environment DENSESHIFT_DATA); repeatable")(
          "device", po::value<std::string>()->value_name("NAME"), "auto, cpu or cuda [auto]");
  add_plan_options(parser);
  add_launcher_options(parser);
  parser.positional("study", -1);
  return parser;
}

std::vector<sweeps::Job> jobs_of(const std::vector<const Study*>& studies, const CellOptions& options) {
  std::vector<sweeps::Job> jobs;
  for (const Study* study : studies) {
    if (const std::string benchmark = experiments::benchmark_of_task(study->task); !benchmark.empty()) {
      std::cerr << fmt::format(
          "{0}: is measured, not trained: `denseshift {1}` fills it, `denseshift report {0}` prints it\n", study->name,
          benchmark);
      continue;
    }
    const StudyScale& scale = study->scale(options.scale);
    if (!experiments::task_is_built(study->task)) {
      std::cerr << fmt::format("{}: its task, {}, is not built yet; `denseshift report {}` prints the paper's values\n",
                               study->name, study->task, study->name);
      continue;
    }
    for (const experiments::StudyCell& cell : experiments::study_cells(*study, scale, options.seeds)) {
      jobs.push_back(job_of(*study, scale, cell, options));
    }
  }
  return jobs;
}

sweeps::Plan plan_of(const std::vector<sweeps::Job>& jobs, const std::string& db) {
  if (!std::filesystem::exists(db)) return sweeps::make_plan(jobs, nullptr);
  const results_db::Database database(db, results_db::OpenMode::write);
  return sweeps::make_plan(jobs, &database);
}

void print_results(const std::vector<const Study*>& studies, const CellOptions& cells, const PlanOptions& options,
                   const std::string& fill) {
  std::unique_ptr<results_db::Database> database;
  if (std::filesystem::exists(options.db)) {
    database = std::make_unique<results_db::Database>(options.db, results_db::OpenMode::read_only);
  }
  std::vector<experiments::StudyResult> results;
  for (const Study* study : studies) {
    const bool measured = !experiments::benchmark_of_task(study->task).empty();
    const StudyScale& scale = measured ? study->scales.front() : study->scale(cells.scale);
    results.push_back(experiments::evaluate_study(*study, scale, database.get(),
                                                  {.seeds = cells.seeds, .value = experiments::CellValue::last}));
  }
  experiments::RenderOptions render;
  render.fill_options = fill;
  std::cout << experiments::report_format(options.json ? "json" : "text").render(results, render);
}

/// The values of --data: "DIR" or "DATASET=DIR".
std::map<std::string, std::string> folders(const po::variables_map& values) {
  std::map<std::string, std::string> result;
  if (values.count("data") == 0) return result;
  for (const std::string& text : values["data"].as<std::vector<std::string>>()) {
    const std::size_t equal = text.find('=');
    const std::string name = equal == std::string::npos ? "" : text.substr(0, equal);
    if (equal != std::string::npos && data::datasets().contains(name)) {
      result[name] = text.substr(equal + 1);
    } else {
      result[""] = text;
    }
  }
  return result;
}

/// Replaces studies by their forms for the task: NAME-TASK, unless they are of that task already.
std::vector<const Study*> of_task(const experiments::StudyCatalog& catalog, std::vector<const Study*> studies,
                                  const std::string& task) {
  if (task.empty()) return studies;
  for (const Study*& study : studies) {
    if (study->task == task) continue;
    const std::string name = study->name + "-" + task;
    const auto found = std::ranges::find(catalog.studies(), name, &Study::name);
    if (found == catalog.studies().end()) {
      throw usage_error(fmt::format("--task: study {} has no form for {}", study->name, task),
                        "`denseshift report --list` shows every study with its task");
    }
    study = &*found;
  }
  return studies;
}

int run_ablate(const std::vector<std::string>& arguments) {
  OptionParser parser = ablate_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const PlanOptions options = plan_options(values);
  const CellOptions cells{.scale = values.count("scale") > 0 ? text_option(values, "scale") : "smoke",
                          .seeds = seeds_option(values),
                          .data = folders(values),
                          .device = text_option(values, "device")};
  const experiments::StudyCatalog catalog(studies_folder(values));
  const std::vector<const Study*> studies =
      of_task(catalog, chosen_studies(catalog, values), text_option(values, "task"));
  const LauncherOptions launcher =
      launcher_options(values, options, values["study"].as<std::vector<std::string>>().front());
  sweeps::Plan plan = plan_of(jobs_of(studies, cells), options.db);
  if (options.dry_run) {
    if (options.json) {
      print_json(plan_json(plan, options), std::cout);
    } else {
      print_launch(plan, options, launcher);
    }
    return 0;
  }
  const bool handed_over = launcher.slurm && plan.open() > 0;
  const int status = launch(plan, options, launcher);
  if (!handed_over) print_results(studies, cells, options, fill_options(values));
  return status;
}

}  // namespace

Command ablate_command() { return {"ablate", "train what a study of the paper lacks and print its table", run_ablate}; }

}  // namespace denseshift::cli
