#pragma once
// What is to be trained, what is there already, and how long the rest may take. Studies and sweeps share it: both are
// lists of jobs, and a job is found again by the hash of its configuration, so repeating a command resumes it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/config/train_config.h"
#include "experiments/studies/study.h"
#include "results_db/database.h"

namespace denseshift::sweeps {

/// One training that somebody wants.
struct Job {
  std::string label;  ///< for people: "table1 smoke inq-2 seed 1"
  experiments::TrainConfig config;
  std::string config_hash;
  std::string recipe_hash;
  std::string depends_on;  ///< config_hash of the job it starts from; empty: none
  /// Only a run with values of these counts as done.
  std::vector<experiments::MetricReference> metrics;
  bool needs_traces = false;  ///< the same for recorded weight traces
  double recipe_seconds = 0;  ///< the recipe's figure for one run; 0: unknown
};

enum class JobState {
  missing,    ///< no run of this configuration
  resumable,  ///< an interrupted or killed run that goes on from its checkpoint
  failed,     ///< the newest run of this configuration failed
  running,    ///< a living process trains it
  done,
};
[[nodiscard]] const char* to_string(JobState state);

/// A job with what the database knows about it.
struct PlannedJob {
  Job job;
  JobState state = JobState::missing;
  std::int64_t run = 0;           ///< the run that `state` speaks of; 0: none
  std::optional<double> seconds;  ///< estimated time still needed, on this machine
  std::string basis;              ///< what the estimate rests on: "run 12", "the recipe's figure"
};

/// Jobs in an order in which every job comes after the one it depends on.
struct Plan {
  std::vector<PlannedJob> jobs;
  [[nodiscard]] std::int64_t open() const;  ///< jobs that are not done
  /// Sum of the estimates of the open jobs over `workers`; nullopt when some job has none.
  [[nodiscard]] std::optional<double> seconds(int workers) const;
};

/// Looks every job up. `database` may be null: nothing is recorded yet. Equal hashes become one job.
[[nodiscard]] Plan make_plan(const std::vector<Job>& jobs, const results_db::Database* database);

/// State of one job as of now.
[[nodiscard]] PlannedJob look_up(const Job& job, const results_db::Database& database);

}  // namespace denseshift::sweeps
