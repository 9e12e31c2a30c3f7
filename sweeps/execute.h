#pragma once
// Runs a plan with worker processes of this program on this machine.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sweeps/plan.h"

namespace denseshift::sweeps {

/// What to do when a job fails.
enum class OnFailure {
  go_on,  ///< the other jobs run; the end says what failed
  stop,   ///< no new jobs start; running ones are stopped and keep their checkpoints
};

struct ExecuteOptions {
  std::string program;  ///< path of the program that trains
  std::string db;
  int workers = 1;  ///< trainings at a time
  int threads = 0;  ///< CPU threads of each; 0: an even share of the CPUs this process may use
  OnFailure on_failure = OnFailure::go_on;
  int retries = 0;         ///< further tries of a job that failed
  std::string log_folder;  ///< where the output of each worker goes; made when missing
};

/// How a job ended, or what it is doing.
struct JobEvent {
  enum class Kind {
    started,
    resumed,
    finished,
    failed,
    retried,      ///< failed, and will be tried again
    skipped,      ///< what it starts from has failed
    waiting,      ///< another process trains the same configuration
    interrupted,  ///< stopped with its state saved
  };
  Kind kind = Kind::started;
  std::size_t index = 0;  ///< in the plan
  std::string message;    ///< first line of what the worker said, for failures
};

/// A job that is running now.
struct ActiveJob {
  std::size_t index = 0;
  std::int64_t run = 0;
  std::int64_t epoch = 0;  ///< completed
  std::int64_t epochs = 1;
  double seconds = 0;  ///< since it was started here
};

/// Where the whole plan stands.
struct PlanProgress {
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t total = 0;
  std::vector<ActiveJob> active;
  std::optional<double> seconds_left;
};

/// Watches an execution. Called from the calling thread.
struct ExecuteObserver {
  std::function<void(const Plan&, const JobEvent&)> on_event;
  std::function<void(const Plan&, const PlanProgress&)> on_progress;  ///< about twice a second
  std::function<std::string()> should_stop;                           ///< non-empty: why
};

struct ExecuteReport {
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t left = 0;  ///< not run: stopped, or what they start from failed
  std::string stop_reason;
};

/// Trains every open job of the plan: missing ones anew, interrupted ones from their checkpoints; a job waits for the
/// one it depends on, and for a run of another process of the same configuration. A worker is a process of its own that
/// is told to stop, and saves, when this process ends in whatever way. `plan` is kept up to date.
[[nodiscard]] ExecuteReport execute(Plan& plan, const ExecuteOptions& options, const ExecuteObserver& observer);

}  // namespace denseshift::sweeps
