#include "cli/commands/plan_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>

#include "cli/commands/runs_common.h"
#include "cli/terminal/progress.h"
#include "core/util/cpus.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"
#include "core/util/suggest.h"
#include "experiments/run/stop.h"
#include "experiments/studies/cells.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;
using Kind = sweeps::JobEvent::Kind;

constexpr int kMostJobs = 1024;

int small_number(const po::variables_map& values, const std::string& name, int missing, int low) {
  if (values.count(name) == 0) return missing;
  const int number = values[name].as<int>();
  if (number < low || number > kMostJobs) {
    throw usage_error(fmt::format("--{}: {} is out of range", name, number),
                      fmt::format("use a value from {} to {}", low, kMostJobs));
  }
  return number;
}

/// A GPU is filled by one training; of the CPU's threads small networks use few well.
int usual_jobs(const std::string& device) {
  constexpr int kMost = 4;
  const bool gpu = device == "cuda" || (device != "cpu" && fs::exists("/dev/nvidia0"));
  return gpu ? 1 : std::min(kMost, usable_cpus());
}

void read_on_failure(const std::string& text, PlanOptions& options) {
  constexpr std::string_view kRetry = "retry=";
  if (text.empty() || text == "continue") return;
  if (text == "stop") {
    options.on_failure = sweeps::OnFailure::stop;
    return;
  }
  const char* end = text.data() + text.size();
  if (!text.starts_with(kRetry) || text.size() == kRetry.size() ||
      std::from_chars(text.data() + kRetry.size(), end, options.retries).ptr != end || options.retries < 0) {
    throw usage_error("--on-failure: unknown value '" + text + "'", "use continue, stop or retry=N");
  }
}

std::string estimate_text(const sweeps::PlannedJob& planned) {
  return planned.seconds ? "about " + format_duration(*planned.seconds) : "unknown";
}

/// The running jobs in a few words: "inq-2 3/4".
std::string active_text(const sweeps::Plan& plan, const sweeps::PlanProgress& progress) {
  std::string text;
  for (const sweeps::ActiveJob& active : progress.active) {
    text += fmt::format("{}{} {}/{}", text.empty() ? "" : ", ", plan.jobs[active.index].job.label, active.epoch,
                        active.epochs);
  }
  return text;
}

const char* verb(Kind kind) {
  switch (kind) {
    case Kind::started:
      return "started";
    case Kind::resumed:
      return "resumed";
    case Kind::finished:
      return "finished";
    case Kind::failed:
      return "FAILED";
    case Kind::retried:
      return "failed, trying again";
    case Kind::skipped:
      return "skipped";
    case Kind::waiting:
      return "waiting";
    case Kind::interrupted:
      break;
  }
  return "interrupted";
}

std::string event_text(const sweeps::Plan& plan, const sweeps::JobEvent& event) {
  const sweeps::PlannedJob& planned = plan.jobs[event.index];
  std::string text = fmt::format("{}: {}", planned.job.label, verb(event.kind));
  if (event.kind == Kind::finished) text += fmt::format(" (run {})", planned.run);
  if (!event.message.empty()) text += ": " + event.message;
  return text;
}

}  // namespace

void add_plan_options(OptionParser& parser) {
  parser.group("Execution")
      .add_options()("jobs", po::value<int>()->value_name("N"),
                     "trainings at a time [one for each CPU, at most 4; 1 with a GPU]")(
          "threads", po::value<int>()->value_name("N"), "CPU threads of each training [an even share]")(
          "on-failure", po::value<std::string>()->value_name("HOW"),
          "continue with the others, stop, or retry=N times, then continue [continue]")(
          "dry-run", po::bool_switch(), "print what is missing, its commands and estimated times; train nothing")(
          "quiet", po::bool_switch(), "no progress");
  parser.add_database_option();
  parser.add_json_option();
}

PlanOptions plan_options(const po::variables_map& values) {
  PlanOptions options;
  options.db = database_path(values);
  options.jobs = small_number(values, "jobs", usual_jobs(text_option(values, "device")), 1);
  options.threads = small_number(values, "threads", 0, 0);
  read_on_failure(text_option(values, "on-failure"), options);
  options.dry_run = values["dry-run"].as<bool>();
  options.quiet = values["quiet"].as<bool>();
  options.json = values["json"].as<bool>();
  return options;
}

std::string job_command(const sweeps::Job& job, const PlanOptions& options) {
  std::vector<std::string> words = {"denseshift", job.config.backbone.empty() ? "train" : "finetune"};
  for (const std::string& word : experiments::train_arguments(job.config)) words.push_back(word);
  if (options.db != "denseshift.db") words.push_back("--db=" + options.db);
  return shell_line(words);
}

void print_plan(const sweeps::Plan& plan, const PlanOptions& options, std::ostream& out) {
  const auto total = static_cast<std::int64_t>(plan.jobs.size());
  for (const sweeps::PlannedJob& planned : plan.jobs) {
    if (planned.state == sweeps::JobState::done) continue;
    out << fmt::format("{}: {}, {}{}\n", planned.job.label,
                       planned.run != 0 ? fmt::format("{} (run {})", to_string(planned.state), planned.run)
                                        : std::string(to_string(planned.state)),
                       estimate_text(planned), planned.basis.empty() ? "" : " by " + planned.basis);
    out << "  "
        << (planned.state == sweeps::JobState::resumable ? fmt::format("denseshift train --resume={}", planned.run)
                                                         : job_command(planned.job, options))
        << '\n';
  }
  const auto seconds = plan.seconds(options.jobs);
  out << fmt::format("{} of {} trainings are done, {} to do{}\n", total - plan.open(), total, plan.open(),
                     plan.open() == 0 ? ""
                     : seconds ? fmt::format(": about {} with --jobs {}", format_duration(*seconds), options.jobs)
                               : ": the time is unknown until one of each kind is recorded");
}

nlohmann::ordered_json plan_json(const sweeps::Plan& plan, const PlanOptions& options) {
  auto jobs = nlohmann::ordered_json::array();
  for (const sweeps::PlannedJob& planned : plan.jobs) {
    nlohmann::ordered_json job = {{"label", planned.job.label},
                                  {"state", to_string(planned.state)},
                                  {"config_hash", planned.job.config_hash},
                                  {"recipe_hash", planned.job.recipe_hash},
                                  {"command", job_command(planned.job, options)}};
    if (planned.run != 0) job["run"] = planned.run;
    if (planned.seconds) job["estimated_seconds"] = *planned.seconds;
    if (!planned.basis.empty()) job["estimated_from"] = planned.basis;
    jobs.push_back(std::move(job));
  }
  return jobs;
}

int run_plan(sweeps::Plan& plan, const PlanOptions& options) {
  if (plan.open() == 0) return 0;
  const experiments::StopSignals signals;
  Progress progress(options.quiet);
  sweeps::ExecuteOptions execution;
  execution.program = fs::read_symlink("/proc/self/exe").string();
  execution.db = options.db;
  execution.workers = options.jobs;
  execution.threads = options.threads;
  execution.on_failure = options.on_failure;
  execution.retries = options.retries;
  execution.log_folder = (fs::path("denseshift-runs") / "logs").string();

  sweeps::ExecuteObserver observer;
  observer.on_event = [&](const sweeps::Plan& now, const sweeps::JobEvent& event) {
    if (event.kind == Kind::started) return;
    progress.line(event_text(now, event));
  };
  observer.on_progress = [&](const sweeps::Plan& now, const sweeps::PlanProgress& state) {
    progress.show(fmt::format(
        "{}/{} done{}{}  {}", state.done, state.total, state.failed > 0 ? fmt::format(", {} failed", state.failed) : "",
        state.seconds_left ? "  ETA " + duration_text(*state.seconds_left) : "", active_text(now, state)));
  };
  observer.should_stop = [] { return experiments::StopSignals::received(); };
  const sweeps::ExecuteReport report = sweeps::execute(plan, execution, observer);
  progress.clear();
  if (report.stop_reason == "Ctrl-C" || report.stop_reason == "SIGTERM") {
    std::cerr << fmt::format("stopped by {}: {} done, {} left; the same command goes on from here\n",
                             report.stop_reason, report.done, report.left);
    return 130;
  }
  if (report.failed + report.left > 0) {
    std::cerr << fmt::format("{} done, {} failed, {} not run; the same command tries them again\n", report.done,
                             report.failed, report.left);
    return 1;
  }
  return 0;
}

}  // namespace denseshift::cli
