#include "cli/commands/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

#include "cli/commands/runs_common.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "results_db/process.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

constexpr const char* kFolder = "denseshift-slurm";
constexpr int kMostCpus = 4096;

/// A part of a file's name: everything unusual becomes '-'.
std::string plain_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_'; }, '-');
  return name;
}

/// Now as "20240501-120000".
std::string time_name() {
  std::string digits;
  constexpr std::size_t kSeconds = 19;  // "2024-05-01T12:00:00"
  for (const char c : results_db::utc_now().substr(0, kSeconds)) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) digits += c;
    if (c == 'T') digits += '-';
  }
  return digits;
}

void refuse_slurm_options(const po::variables_map& values) {
  for (const char* name : {"slurm-folder", "cpus-per-task", "time", "partition", "gres", "slurm-option"}) {
    if (values.count(name) > 0) throw usage_error(fmt::format("--{} belongs to --launcher=slurm", name));
  }
  if (values["no-submit"].as<bool>()) throw usage_error("--no-submit belongs to --launcher=slurm");
}

sweeps::SlurmSubmission submission_of(const sweeps::Plan& plan, const LauncherOptions& launcher) {
  return sweeps::plan_submission(plan, launcher.scripts, sweeps::earlier_cells(launcher.scripts.folder.parent_path()));
}

std::string tasks(std::size_t count) { return fmt::format("{} task{}", count, count == 1 ? "" : "s"); }

/// Trainings that are left out of a submission, and why.
void tell_left_out(const sweeps::Plan& plan, const sweeps::SlurmSubmission& submission, std::ostream& out) {
  for (const std::string& label : submission.queued) out << label << ": queued already\n";
  for (const sweeps::PlannedJob& planned : plan.jobs) {
    if (planned.state == sweeps::JobState::running) out << planned.job.label << ": another process trains it\n";
    if (planned.state == sweeps::JobState::resumable) {
      out << fmt::format("{}: interrupted run {} stays as it is, the task starts anew\n", planned.job.label,
                         planned.run);
    }
  }
}

void print_json_of(const sweeps::SlurmSubmission& submission, const sweeps::SubmittedJobs& jobs) {
  auto cells = nlohmann::ordered_json::array();
  for (const sweeps::SlurmCell& cell : submission.cells) {
    cells.push_back({{"label", cell.job.label}, {"config_hash", cell.job.config_hash}});
  }
  print_json({{"folder", submission.options.folder.string()},
              {"jobs", jobs.waves},
              {"merge", jobs.merge},
              {"cells", cells},
              {"queued", submission.queued}},
             std::cout);
}

int launch_slurm(const sweeps::Plan& plan, const PlanOptions& options, const LauncherOptions& launcher) {
  if (launcher.submit) sweeps::require_sbatch();
  const sweeps::SlurmSubmission submission = submission_of(plan, launcher);
  const std::string folder = submission.options.folder.string();
  if (!options.quiet) tell_left_out(plan, submission, std::cerr);
  sweeps::SubmittedJobs jobs;
  if (submission.cells.empty()) {
    std::cerr << "nothing to submit\n";
  } else {
    sweeps::write_submission(submission);
    if (launcher.submit) jobs = sweeps::submit(submission);
  }
  if (options.json) {
    print_json_of(submission, jobs);
  } else if (!submission.cells.empty() && launcher.submit) {
    std::string ids;
    for (const std::string& id : jobs.waves) ids += id + " ";
    fmt::print("submitted {} as {}and their merge as {}; files and logs are in {}\n", tasks(submission.cells.size()),
               ids, jobs.merge, folder);
  } else if (!submission.cells.empty()) {
    fmt::print("wrote {} to {}; nothing was submitted\n", tasks(submission.cells.size()), folder);
  }
  return 0;
}

}  // namespace

void add_launcher_options(OptionParser& parser) {
  parser.group("Execution")
      .add_options()("launcher", po::value<std::string>()->value_name("WHERE"),
                     "local (worker processes here) or slurm (job arrays) [local]");
  parser.group("Slurm").add_options()("slurm-folder", po::value<std::string>()->value_name("DIR"),
                                      "new folder for scripts, logs and the tasks' databases "
                                      "[denseshift-slurm/NAME-TIME]")(
      "cpus-per-task", po::value<int>()->value_name("N"), "CPUs of a training [the cluster's default]")(
      "time", po::value<std::string>()->value_name("LIMIT"),
      "time limit of a task; a training that needs longer is saved and queued again")(
      "partition", po::value<std::string>()->value_name("NAME"), "partition")(
      "gres", po::value<std::string>()->value_name("TEXT"), "generic resources of a task, such as gpu:1")(
      "slurm-option", po::value<std::vector<std::string>>()->value_name("TEXT"),
      "another option of sbatch, word for word, such as --slurm-option=--account=NAME; repeatable")(
      "no-submit", po::bool_switch(), "write the folder, submit nothing");
}

LauncherOptions launcher_options(const po::variables_map& values, const PlanOptions& options, const std::string& name) {
  LauncherOptions launcher;
  const std::string where = values.count("launcher") > 0 ? text_option(values, "launcher") : "local";
  if (where != "local" && where != "slurm") {
    throw usage_error("--launcher: unknown launcher '" + where + "'", suggestion(where, {"local", "slurm"}));
  }
  launcher.slurm = where == "slurm";
  if (!launcher.slurm) {
    refuse_slurm_options(values);
    return launcher;
  }
  if (options.on_failure == sweeps::OnFailure::stop) {
    throw usage_error("--on-failure=stop is not possible with Slurm: its tasks do not know each other",
                      "use continue or retry=N");
  }
  launcher.submit = !values["no-submit"].as<bool>();
  sweeps::SlurmOptions& scripts = launcher.scripts;
  scripts.name = plain_name(name);
  scripts.folder =
      fs::absolute(values.count("slurm-folder") > 0 ? fs::path(text_option(values, "slurm-folder"))
                                                    : fs::path(kFolder) / (scripts.name + "-" + time_name()))
          .lexically_normal();
  if (!scripts.folder.has_filename()) scripts.folder = scripts.folder.parent_path();
  scripts.program = fs::read_symlink("/proc/self/exe").string();
  scripts.db = fs::absolute(options.db).lexically_normal();
  scripts.directory = fs::current_path().string();
  scripts.at_once = values.count("jobs") > 0 ? options.jobs : 0;
  scripts.retries = options.retries;
  if (values.count("cpus-per-task") > 0) scripts.cpus = values["cpus-per-task"].as<int>();
  if (scripts.cpus < 0 || scripts.cpus > kMostCpus) throw usage_error("--cpus-per-task: use a value from 1 to 4096");
  if (options.threads > 0 && scripts.cpus == 0) scripts.cpus = options.threads;
  scripts.time = text_option(values, "time");
  scripts.partition = text_option(values, "partition");
  scripts.gres = text_option(values, "gres");
  if (values.count("slurm-option") > 0) scripts.more = values["slurm-option"].as<std::vector<std::string>>();
  return launcher;
}

void print_launch(const sweeps::Plan& plan, const PlanOptions& options, const LauncherOptions& launcher) {
  print_plan(plan, options, std::cout);
  if (!launcher.slurm) return;
  const sweeps::SlurmSubmission submission = submission_of(plan, launcher);
  tell_left_out(plan, submission, std::cout);
  if (submission.cells.empty()) return;
  fmt::print("would write {} and submit:\n", submission.options.folder.string());
  std::string before;
  for (const sweeps::SlurmWave& wave : submission.waves) {
    if (wave.cells.empty()) continue;
    fmt::print("  {}: {}{}\n", wave.script, tasks(wave.cells.size()), before.empty() ? "" : ", after " + before);
    before = wave.script;
  }
  fmt::print("  merge.sh: into {}, after all of them\n", submission.options.db.string());
}

int launch(sweeps::Plan& plan, const PlanOptions& options, const LauncherOptions& launcher) {
  if (!launcher.slurm) return run_plan(plan, options);
  if (plan.open() == 0) return 0;
  return launch_slurm(plan, options, launcher);
}

}  // namespace denseshift::cli
