// runs reproduce.

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <iostream>

#include "cli/child_program.h"
#include "cli/commands/reproduction_report.h"
#include "cli/commands/runs_common.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"
#include "experiments/config/train_config.h"
#include "results_db/query.h"
#include "results_db/reproduction.h"

namespace denseshift::cli {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;
using results_db::Database;
using results_db::RunRecord;

constexpr const char* kTag = "reproduction";
constexpr const char* kThisProgram = "/proc/self/exe";

/// A folder that goes away with its content.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((fs::temp_directory_path() / "denseshift-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr)
      throw work_error("cannot make a folder in " + fs::temp_directory_path().string());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] fs::path file(const char* name) const { return fs::path(path_) / name; }

 private:
  std::string path_;
};

/// Keys that do not decide the result. Where a network started from is in the environment, with its SHA-256.
std::vector<std::string> ignored_keys() {
  using experiments::FieldGroup;
  std::vector<std::string> keys = {"pretrained"};
  const experiments::TrainConfig config;
  experiments::visit_fields(config, [&](const char* key, const auto&, FieldGroup group, const char*) {
    if (group == FieldGroup::environment || group == FieldGroup::record) keys.emplace_back(key);
  });
  return keys;
}

RunRecord load_training(const Database& database, const std::string& reference) {
  RunRecord record = results_db::load_run(database, results_db::resolve_run(database, reference));
  if (record.command != "train" && record.command != "finetune") {
    throw usage_error(fmt::format("run {} is no training ({})", record.id, record.command),
                      "only runs of `denseshift train` and `finetune` can be reproduced");
  }
  if (!record.config.is_object()) {
    throw input_error(fmt::format("run {} has no readable configuration", record.id), "it cannot be started again");
  }
  return record;
}

/// What --pretrained must say now, empty for what the configuration says. A run may have been named by a name that
/// means another run by now; its id is the parent.
std::string pretrained_option(const Database& database, const RunRecord& record) {
  const auto start = record.environment.find("pretrained");
  if (start == record.environment.end() || !start->is_object() || !start->contains("run")) return {};
  const std::string reference = record.config.value("pretrained", "");
  if (record.parent == 0) {
    throw input_error(fmt::format("run {} started from run '{}', which is no longer in {}", record.id,
                                  one_line(reference), database.path().string()),
                      "train from a file with --pretrained FILE, then compare with --compare RUN");
  }
  try {
    if (results_db::resolve_run(database, reference) == record.parent) return {};
  } catch (const Error&) {
    // It means nothing, or several runs.
  }
  return std::to_string(record.parent);
}

/// The training that is to be started.
struct Plan {
  std::int64_t epochs = 0;  ///< after which it is stopped; 0: it ends by itself
  std::string config_file;  ///< holds the recorded configuration; empty: none was kept
  std::vector<std::string> options;
};

/// The file that the run wrote at its start, when it still says what was recorded.
std::string kept_config(const RunRecord& record) {
  const fs::path file = fs::path(record.run_dir) / "config.json";
  std::error_code code;
  if (record.run_dir.empty() || !fs::is_regular_file(file, code)) return {};
  constexpr std::size_t kLargest = std::size_t{1} << 20;
  try {
    const auto json = nlohmann::json::parse(read_file(file, kLargest), nullptr, false);
    return json == nlohmann::json(record.config) ? file.string() : std::string();
  } catch (const Error&) {
    return {};
  }
}

Plan make_plan(const Database& database, const RunRecord& record, const po::variables_map& values) {
  Plan plan;
  plan.config_file = kept_config(record);
  const std::int64_t done = results_db::last_epoch(database, record.id);
  if (done == 0) {
    throw input_error(fmt::format("run {} has no completed epoch: there is nothing to compare with", record.id));
  }
  const std::int64_t wanted = record.config.value("epochs", done);
  if (done < wanted) plan.epochs = done;
  const auto option = [&](const std::string& name, const std::string& value) {
    plan.options.push_back("--" + name);
    plan.options.push_back(value);
  };
  const std::string threads = values.count("threads") > 0 ? std::to_string(count_option(values, "threads", 0))
                                                          : results_db::to_text(record.column("threads"));
  if (!threads.empty()) option("threads", threads);
  // "cuda:0" is recorded, "cuda" is the key's word.
  const std::string device = results_db::to_text(record.column("device"));
  if (!device.empty()) option("device", device.substr(0, device.find(':')));
  if (values.count("data") > 0) option("data", text_option(values, "data"));
  if (const std::string start = pretrained_option(database, record); !start.empty()) option("pretrained", start);
  option("time-budget", "0");
  option("name", fmt::format("reproduction of {}", record.name.empty() ? std::to_string(record.id) : record.name));
  option("tag", kTag);
  option("note", fmt::format("the configuration of run {} (uid {}) again", record.id, record.uid));
  option("db", database.path().string());
  if (values["quiet"].as<bool>()) plan.options.emplace_back("--quiet");
  plan.options.emplace_back("--json");
  return plan;
}

std::vector<std::string> train_arguments(const Plan& plan, const std::string& config_file) {
  std::vector<std::string> words = {"train", "--config", config_file};
  words.insert(words.end(), plan.options.begin(), plan.options.end());
  return words;
}

int show_plan(const RunRecord& record, const Plan& plan, bool json) {
  std::vector<std::string> words = train_arguments(plan, plan.config_file.empty() ? "FILE" : plan.config_file);
  words.insert(words.begin(), "denseshift");
  if (json) {
    print_json({{"original", record.id},
                {"command", shell_line(words)},
                {"epochs", plan.epochs == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(plan.epochs)},
                {"config", record.config}},
               std::cout);
    return 0;
  }
  std::cout << shell_line(words) << '\n';
  if (plan.config_file.empty())
    std::cerr << "FILE stands for the recorded configuration, which --dry-run --json prints\n";
  if (plan.epochs > 0) std::cerr << fmt::format("it would be stopped after epoch {}\n", plan.epochs);
  return 0;
}

/// Trains again. Returns the new run's id.
std::int64_t train_again(const Database& database, const RunRecord& record, const Plan& plan) {
  const TemporaryFolder folder;
  std::string file = plan.config_file;
  if (file.empty()) {
    file = folder.file("config.json").string();
    write_file(file, record.config.dump(2) + "\n");
  }
  const std::int64_t newest = results_db::resolve_run(database, "last");
  const std::int64_t complete = results_db::metric_count(database, record.id, plan.epochs);
  const auto enough = [&](int pid) {
    const std::int64_t run = results_db::run_of_process(database, pid, newest);
    return run != 0 && results_db::metric_count(database, run, plan.epochs) >= complete;
  };
  const ProgramEnd end = run_child_program(kThisProgram, train_arguments(plan, file),
                                           plan.epochs > 0 ? enough : std::function<bool(int)>());
  const auto result = nlohmann::json::parse(end.output, nullptr, false);
  const std::int64_t run = result.is_object() ? result.value("run", std::int64_t{0}) : 0;
  if (end.interrupted) {
    const std::string rest =
        run == 0 ? ""
                 : fmt::format("denseshift train --resume {0}, then denseshift runs reproduce {1} --compare {0}", run,
                               record.id);
    throw Error(ErrorKind::interrupted, "the repetition was interrupted", rest);
  }
  if (!end.exited) throw work_error(fmt::format("the repeated training was killed by signal {}", end.status));
  if (end.status == 2)
    throw input_error(fmt::format("run {} cannot be started again, for the reason above", record.id));
  if (end.status != 0 && !(end.asked_to_stop && end.status == 130)) {
    throw work_error(fmt::format("the repeated training failed, for the reason above (exit status {})", end.status));
  }
  if (run == 0) throw work_error("the repeated training did not say which run it is");
  return run;
}

void announce(const RunRecord& record, const Plan& plan, std::int64_t done) {
  const std::int64_t wanted = record.config.value("epochs", done);
  if (plan.epochs > 0) {
    std::cerr << fmt::format("run {} ({}) completed {} of {} epochs: only those are repeated\n", record.id,
                             record.status, done, wanted);
  } else if (done > wanted) {
    std::cerr << fmt::format("run {} was continued to {} epochs: only the {} of its configuration are repeated\n",
                             record.id, done, wanted);
  }
}

int run_runs_reproduce(const std::vector<std::string>& arguments) {
  OptionParser parser(
      {"runs reproduce RUN [options]",
       "Trains a run's configuration again, with the threads and device that were recorded, as a new run (tag\n"
       "`reproduction`), and says whether both agree to the bit, by how much they differ, and what changed around "
       "them.",
       "denseshift runs reproduce 7\ndenseshift runs reproduce 7 --dry-run\ndenseshift runs reproduce 7 --compare 9"});
  parser.group("Run").add_options()("run", po::value<std::string>()->value_name("RUN")->required(),
                                    "id, `last`, or beginning of a name or uid")(
      "compare", po::value<std::string>()->value_name("RUN"), "train nothing: compare with this run")(
      "dry-run", po::bool_switch(), "print the command, train nothing")(
      "threads", po::value<std::int64_t>()->value_name("N"), "CPU threads [as recorded]")(
      "data", po::value<std::string>()->value_name("DIR"), "folder of the dataset [as recorded]")(
      "quiet", po::bool_switch(), "no progress");
  parser.positional("run", 1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const bool dry_run = values["dry-run"].as<bool>();
  const bool json = values["json"].as<bool>();
  const Database database = results_db::open_for_reading(database_path(values));
  const RunRecord record = load_training(database, text_option(values, "run"));

  std::int64_t repeated = 0;
  if (values.count("compare") > 0) {
    for (const char* option : {"threads", "data"}) {
      if (values.count(option) > 0) throw usage_error(fmt::format("--{} does not go with --compare", option));
    }
    if (dry_run) throw usage_error("--dry-run does not go with --compare");
    repeated = load_training(database, text_option(values, "compare")).id;
    if (repeated == record.id) throw usage_error(fmt::format("--compare: {} is the run itself", repeated));
  } else {
    if (record.status == "running") throw usage_error(fmt::format("run {} is still running", record.id));
    const Plan plan = make_plan(database, record, values);
    if (dry_run) return show_plan(record, plan, json);
    if (!values["quiet"].as<bool>()) announce(record, plan, results_db::last_epoch(database, record.id));
    repeated = train_again(database, record, plan);
  }
  const auto result = results_db::compare_reproduction(database, record.id, repeated, ignored_keys());
  const auto checkpoints = compare_checkpoints(database, record.id, repeated);
  if (json) {
    print_json(reproduction_json(result, checkpoints), std::cout);
  } else {
    print_reproduction(result, checkpoints);
  }
  return 0;
}

}  // namespace

Command runs_reproduce_command() {
  return {"reproduce", "train a run's configuration again and compare", run_runs_reproduce};
}

}  // namespace denseshift::cli
