// denseshift report: tables with measured values beside the paper's.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/report_drawn.h"
#include "cli/commands/runs_common.h"
#include "cli/commands/study_options.h"
#include "cli/terminal/table.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "experiments/report/render.h"
#include "experiments/studies/study.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using experiments::Study;
using experiments::StudyCatalog;
using experiments::StudyResult;
using experiments::StudyScale;
using results_db::Database;

OptionParser report_parser() {
  OptionParser parser({"report STUDY... [options]",
                       "Prints tables of studies: what was measured, the paper's value, the difference. STUDY is a "
                       "name or `all`.\nA cell without a run shows `-`; scales are never mixed. `report curves RUN...` "
                       "draws metrics of runs.",
                       "denseshift report table1\n"
                       "denseshift report table1 epochs --scale small --format md --runs\n"
                       "denseshift report all --format latex --out tables.tex\n"
                       "denseshift report all --format html --out report.html\n"
                       "denseshift report fig1 --format png --out fig1.png\n"
                       "denseshift report --list"});
  po::options_description& study = parser.group("Study");
  add_study_options(study);
  study.add_options()("list", po::bool_switch(), "names and titles of all studies")(
      "scale", po::value<std::string>()->value_name("smoke|small|paper"),
      "scale [every scale that has runs; smoke when none has]")(
      "value", po::value<std::string>()->value_name("last|best"), "which value of a run counts [last]");
  std::string formats;
  for (const auto& format : experiments::report_formats()) formats += (formats.empty() ? "" : "|") + format.name;
  for (const std::string& name : drawn_formats()) formats += "|" + name;
  po::options_description& output = parser.group("Output");
  output.add_options()("format", po::value<std::string>()->value_name(formats), "format [text]")(
      "out", po::value<std::string>()->value_name("FILE"), "write to a file, whole or not at all [standard output]")(
      "runs", po::bool_switch(), "show the ids of the runs behind each cell")(
      "commands", po::bool_switch(), "show the commands that fill empty cells");
  add_drawing_options(output);
  parser.positional("study", -1);
  parser.add_database_option();
  parser.add_json_option();
  return parser;
}

/// Option with one of a few words.
std::string choice_option(const po::variables_map& values, const std::string& name,
                          const std::vector<std::string>& choices) {
  const std::string word = text_option(values, name);
  if (values.count(name) > 0 && std::ranges::find(choices, word) == choices.end()) {
    throw usage_error(fmt::format("--{}: unknown {} '{}'", name, name, word), suggestion(word, choices));
  }
  return word;
}

std::string table_format(const po::variables_map& values) {
  const bool json = values["json"].as<bool>();
  const std::string name = text_option(values, "format");
  if (json && !name.empty() && name != "json") throw usage_error("--json and --format " + name + " exclude each other");
  return json ? "json" : name.empty() ? "text" : name;
}

bool is_drawn(const std::string& format) { return std::ranges::find(drawn_formats(), format) != drawn_formats().end(); }

/// Throws a usage error with the nearest of all formats.
void check_format(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& format : experiments::report_formats()) names.push_back(format.name);
  names.insert(names.end(), drawn_formats().begin(), drawn_formats().end());
  if (std::ranges::find(names, name) == names.end()) {
    throw usage_error(fmt::format("--format: unknown format '{}'", name), suggestion(name, names));
  }
}

experiments::EvaluateOptions evaluate_options(const po::variables_map& values) {
  experiments::EvaluateOptions options;
  if (choice_option(values, "value", {"last", "best"}) == "best") options.value = experiments::CellValue::best;
  options.seeds = seeds_option(values);
  return options;
}

experiments::RenderOptions render_options(const po::variables_map& values, experiments::CellValue value) {
  return {.show_runs = values["runs"].as<bool>(),
          .show_commands = values["commands"].as<bool>(),
          .value = value,
          .fill_options = fill_options(values)};
}

bool all_asked_for(const po::variables_map& values) {
  const auto names = values["study"].as<std::vector<std::string>>();
  return std::ranges::find(names, "all") != names.end();
}

/// `scale` empty: every scale with runs, else the smallest. With `all` a study that lacks the scale is left out.
std::vector<const StudyScale*> chosen_scales(const Study& study, const std::string& scale, bool all,
                                             const Database* database) {
  const bool lacks = std::ranges::find(study.scales, scale, &StudyScale::name) == study.scales.end();
  if (!scale.empty() && all && lacks) return {};
  if (!scale.empty()) return {&study.scale(scale)};
  std::vector<const StudyScale*> scales;
  if (database != nullptr) {
    for (const std::string& name : experiments::scales_with_runs(study, *database)) {
      scales.push_back(&study.scale(name));
    }
  }
  if (!scales.empty()) return scales;
  for (const std::string& name : experiments::study_scales()) {
    const auto found = std::ranges::find(study.scales, name, &StudyScale::name);
    if (found != study.scales.end()) return {&*found};
  }
  return {};
}

bool can_be_filled(const Study& study) {
  return experiments::task_is_built(study.task) || !experiments::benchmark_of_task(study.task).empty();
}

void print_list(const StudyCatalog& catalog, bool json) {
  if (json) {
    auto array = nlohmann::ordered_json::array();
    for (const Study& study : catalog.studies()) {
      nlohmann::ordered_json object = {
          {"name", study.name}, {"title", study.title},          {"source", study.source},
          {"task", study.task}, {"built", can_be_filled(study)}, {"aliases", study.aliases}};
      object["figure"] = study.figure.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(study.figure);
      object["scales"] = nlohmann::ordered_json::array();
      for (const StudyScale& scale : study.scales) object["scales"].push_back(scale.name);
      array.push_back(std::move(object));
    }
    print_json(array, std::cout);
    return;
  }
  Table table({{"name"}, {"title"}, {"task"}});
  for (const Study& study : catalog.studies()) {
    std::string name = study.name;
    for (const std::string& alias : study.aliases) name += ", " + alias;
    const bool built = can_be_filled(study);
    table.add({one_line(name), one_line(study.title), one_line(study.task) + (built ? "" : " (not built)")});
  }
  table.print(std::cout);
}

std::unique_ptr<const Database> open_to_read(const std::string& path) {
  if (std::filesystem::exists(path))
    return std::unique_ptr<const Database>(new Database(results_db::open_for_reading(path)));
  std::cerr << fmt::format("report: {} does not exist, so every cell is empty\n", path);
  return nullptr;
}

int run_report(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == "curves")
    return report_curves({arguments.begin() + 1, arguments.end()});
  OptionParser parser = report_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string format = table_format(values);
  check_format(format);
  check_drawing_options(values, format);
  const std::string scale = choice_option(values, "scale", experiments::study_scales());
  const experiments::EvaluateOptions options = evaluate_options(values);
  const StudyCatalog catalog(studies_folder(values));
  if (values["list"].as<bool>()) {
    print_list(catalog, format == "json");
    return 0;
  }
  // Misspelt names are told before anything about the database.
  const std::vector<const Study*> studies = chosen_studies(catalog, values);
  const std::unique_ptr<const Database> database = open_to_read(database_path(values));
  std::vector<StudyResult> results;
  for (const Study* study : studies) {
    for (const StudyScale* one : chosen_scales(*study, scale, all_asked_for(values), database.get())) {
      results.push_back(experiments::evaluate_study(*study, *one, database.get(), options));
    }
  }
  const experiments::RenderOptions render = render_options(values, options.value);
  const std::string text = is_drawn(format) ? render_drawn(format, results, database.get(), render, values)
                                            : experiments::report_format(format).render(results, render);
  write_report(text, text_option(values, "out"), format);
  return 0;
}

}  // namespace

Command report_command() {
  return {"report", "tables and figures of the paper with what was measured beside them; training curves", run_report};
}

}  // namespace denseshift::cli
