// denseshift sweep: trains what a search over configurations lacks and ranks its trials.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>

#include "cli/commands/commands.h"
#include "cli/commands/launch.h"
#include "cli/commands/plan_output.h"
#include "cli/commands/runs_common.h"
#include "cli/resolve_configs.h"
#include "cli/terminal/table.h"
#include "core/util/error.h"
#include "results_db/database.h"
#include "results_db/metric_direction.h"
#include "sweeps/halving.h"
#include "sweeps/space.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using sweeps::Search;
using sweeps::Sweep;
using sweeps::Trial;
using sweeps::TrialScore;

/// One rung of successive halving; other searches have a single one.
struct Rung {
  std::vector<std::size_t> trials;
  std::int64_t epochs = 0;  ///< 0: the configurations' own
  std::vector<sweeps::Job> jobs;
  std::vector<std::size_t> trial_of;  ///< by job
};

OptionParser sweep_parser() {
  OptionParser parser(
      {"sweep FILE [options]",
       "Trains the trials of a search that are missing and ranks all of them. FILE is JSON: grid, random, list or\n"
       "successive halving over any options of `denseshift train` (docs/sweeps.md). Trials are found by the hash of\n"
       "their configuration: repeating the command resumes it.",
       "denseshift sweep lr.json --dry-run\n"
       "denseshift sweep lr.json --jobs 2\n"
       "denseshift sweep lr.json --launcher slurm --cpus-per-task 8 --time 4:00:00"});
  parser.group("Sweep").add_options()("file", po::value<std::string>()->value_name("FILE")->required(),
                                      "description of the sweep");
  add_plan_options(parser);
  add_launcher_options(parser);
  parser.positional("file", 1);
  return parser;
}

/// Null when nothing is recorded yet. Opened for writing, so that an older schema is brought up to date first.
std::unique_ptr<const results_db::Database> open_database(const std::string& path) {
  if (!std::filesystem::exists(path)) return nullptr;
  return std::make_unique<results_db::Database>(path, results_db::OpenMode::write);
}

std::string job_label(const Sweep& sweep, const Trial& trial, const Rung& rung, std::uint64_t seed) {
  return fmt::format("{}: {}{}{}", sweep.name, sweeps::label(trial),
                     rung.epochs > 0 ? fmt::format(" epochs={}", rung.epochs) : "",
                     trial.keys.contains("seed") ? "" : fmt::format(" seed={}", seed));
}

Rung make_rung(const Sweep& sweep, const std::vector<Trial>& trials, std::vector<std::size_t> chosen,
               std::int64_t epochs) {
  Rung rung{.trials = std::move(chosen), .epochs = epochs, .jobs = {}, .trial_of = {}};
  const auto trainings = sweeps::make_trainings(sweep, trials, rung.trials, epochs);
  std::vector<OpenConfig> open;
  for (const sweeps::Training& training : trainings) open.push_back({training.config, training.given});
  const auto configs = resolve_configs(open);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    sweeps::Job job;
    job.config = configs[i];
    job.label = job_label(sweep, trials[trainings[i].trial], rung, configs[i].seed);
    if (job.config.name.empty()) job.config.name = job.label;
    job.config.tag.push_back("sweep=" + sweep.name);
    job.config_hash = experiments::config_hash(job.config);
    job.recipe_hash = experiments::recipe_hash(job.config);
    rung.jobs.push_back(std::move(job));
    rung.trial_of.push_back(trainings[i].trial);
  }
  return rung;
}

/// A sweep on its way through its rungs.
class Session {
 public:
  Session(const Sweep& sweep, const PlanOptions& options, const LauncherOptions& launcher)
      : sweep_(sweep),
        options_(options),
        launcher_(launcher),
        trials_(sweeps::make_trials(sweep)),
        higher_(results_db::higher_is_better(sweep.objective.name)) {
    if (sweep_.search == Search::random && static_cast<std::int64_t>(trials_.size()) < sweep_.trials) {
      say(fmt::format("the space has only {} combinations", trials_.size()));
    }
  }

  int run() {
    std::vector<std::size_t> chosen(trials_.size());
    std::iota(chosen.begin(), chosen.end(), std::size_t{0});
    const std::vector<std::int64_t> own_epochs = {0};
    const auto& rungs = sweep_.search == Search::halving ? sweep_.halving.epochs : own_epochs;
    int status = 0;
    for (std::size_t r = 0; r < rungs.size() && !chosen.empty(); ++r) {
      const Rung rung = make_rung(sweep_, trials_, chosen, rungs[r]);
      sweeps::Plan plan = plan_of(rung);
      if (rungs.size() > 1) {
        say(fmt::format("rung {} of {}: {} trials, {} epochs, {} of {} trainings to do", r + 1, rungs.size(),
                        rung.trials.size(), rung.epochs, plan.open(), plan.jobs.size()));
      }
      if (options_.dry_run && plan.open() > 0) return dry_run(plan, rungs, r, chosen.size());
      const bool handed_over = plan.open() > 0 && launcher_.slurm;
      status = std::max(status, launch(plan, options_, launcher_));
      if (handed_over) {
        if (rungs.size() > r + 1) say("the next rung is planned when this command is repeated after these jobs");
        return status;
      }
      score(rung);
      if (status == kInterrupted) break;
      if (r + 1 == rungs.size()) break;
      chosen = sweeps::survivors(by_trial(rung), sweep_.halving.keep, higher_);
      if (chosen.empty()) say("no trial of this rung has a result: there is no next one");
    }
    print_results();
    return status;
  }

 private:
  static constexpr int kInterrupted = 130;

  void say(const std::string& text) const {
    if (!options_.quiet) std::cerr << text << '\n';
  }

  [[nodiscard]] sweeps::Plan plan_of(const Rung& rung) const {
    const auto database = open_database(options_.db);
    return sweeps::make_plan(rung.jobs, database.get());
  }

  int dry_run(const sweeps::Plan& plan, const std::vector<std::int64_t>& rungs, std::size_t rung,
              std::size_t size) const {
    if (options_.json) {
      print_json(plan_json(plan, options_), std::cout);
      return 0;
    }
    print_launch(plan, options_, launcher_);
    const std::size_t seeds = std::max<std::size_t>(1, sweep_.seeds.size());
    for (std::size_t next = rung + 1; next < rungs.size(); ++next) {
      size = sweeps::kept(size, sweep_.halving.keep);
      fmt::print("then rung {}: the best {} trials, {} trainings of {} epochs\n", next + 1, size, size * seeds,
                 rungs[next]);
    }
    return 0;
  }

  /// Scores of this rung replace those that its trials have from shorter ones.
  void score(const Rung& rung) {
    const auto database = open_database(options_.db);
    for (TrialScore& score : sweeps::score_trials(sweep_.objective, rung.jobs, rung.trial_of, database.get())) {
      const auto old = std::ranges::find(scores_, score.trial, &TrialScore::trial);
      if (old == scores_.end()) {
        scores_.push_back(std::move(score));
      } else if (!score.values.empty()) {
        *old = std::move(score);
      }
    }
  }

  [[nodiscard]] std::vector<TrialScore> by_trial(const Rung& rung) const {
    std::vector<TrialScore> scores;
    for (const TrialScore& score : scores_) {
      if (score.epochs != rung.epochs) {
        TrialScore none;
        none.trial = score.trial;
        if (std::ranges::find(rung.trials, score.trial) != rung.trials.end()) scores.push_back(none);
      } else {
        scores.push_back(score);
      }
    }
    return scores;
  }

  /// Longer trained trials first; within a rung by the objective.
  [[nodiscard]] std::vector<TrialScore> ranking() const {
    std::vector<TrialScore> scores = sweeps::ranked(scores_, higher_);
    if (sweep_.search == Search::halving) {
      std::ranges::stable_sort(scores, std::ranges::greater(), &TrialScore::epochs);
    }
    return scores;
  }

  void print_results() const {
    if (options_.json) {
      print_json(results_json(), std::cout);
    } else {
      print_table();
    }
  }

  [[nodiscard]] std::string objective_text() const {
    return fmt::format("{}{}/{}", sweep_.objective.best ? "best " : "", sweep_.objective.split, sweep_.objective.name);
  }

  void print_table() const {
    const bool halving = sweep_.search == Search::halving;
    std::vector<Column> columns = {{"rank", true}, {objective_text(), true}, {"spread", true}, {"runs", true}};
    if (halving) columns.push_back({"epochs", true});
    const std::vector<std::string> keys = sweep_.searched_keys();
    for (const std::string& key : keys) columns.push_back({key, false});
    Table table(columns);
    std::size_t rank = 0;
    for (const TrialScore& score : ranking()) {
      std::vector<std::string> cells = {score.values.empty() ? "-" : std::to_string(++rank),
                                        score.mean() ? fmt::format("{:.4g}", *score.mean()) : "-",
                                        score.spread() ? fmt::format("{:.2g}", *score.spread()) : "-",
                                        fmt::format("{}/{}", score.values.size(), score.wanted)};
      if (halving) cells.push_back(std::to_string(score.epochs));
      const auto& trial = trials_[score.trial].keys;
      for (const std::string& key : keys) cells.push_back(trial.contains(key) ? value_text(trial[key]) : "-");
      table.add(std::move(cells));
    }
    table.print(std::cout);
  }

  static std::string value_text(const nlohmann::ordered_json& value) {
    return one_line(value.is_string() ? value.get<std::string>() : value.dump());
  }

  [[nodiscard]] nlohmann::ordered_json results_json() const {
    nlohmann::ordered_json json = {{"name", sweep_.name},
                                   {"objective",
                                    {{"split", sweep_.objective.split},
                                     {"name", sweep_.objective.name},
                                     {"value", sweep_.objective.best ? "best" : "last"},
                                     {"higher_is_better", higher_}}},
                                   {"trials", nlohmann::ordered_json::array()}};
    for (const TrialScore& score : ranking()) {
      nlohmann::ordered_json trial = {{"trial", score.trial + 1}, {"keys", trials_[score.trial].keys},
                                      {"mean", nullptr},          {"spread", nullptr},
                                      {"values", score.values},   {"runs", score.runs},
                                      {"wanted", score.wanted},   {"epochs", score.epochs}};
      if (score.mean()) trial["mean"] = *score.mean();
      if (score.spread()) trial["spread"] = *score.spread();
      json["trials"].push_back(std::move(trial));
    }
    return json;
  }

  const Sweep& sweep_;
  const PlanOptions& options_;
  const LauncherOptions& launcher_;
  std::vector<Trial> trials_;
  bool higher_;
  std::vector<TrialScore> scores_;
};

int run_sweep(const std::vector<std::string>& arguments) {
  OptionParser parser = sweep_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const Sweep sweep = sweeps::read_sweep(text_option(values, "file"));
  const PlanOptions options = plan_options(values);
  const LauncherOptions launcher = launcher_options(values, options, sweep.name);
  return Session(sweep, options, launcher).run();
}

}  // namespace

Command sweep_command() { return {"sweep", "search over configurations and rank the trials", run_sweep}; }

}  // namespace denseshift::cli
