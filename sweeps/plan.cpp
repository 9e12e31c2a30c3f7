#include "sweeps/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/util/error.h"
#include "results_db/process.h"
#include "results_db/statement.h"

namespace denseshift::sweeps {
namespace {

using results_db::Database;
using results_db::Statement;

struct Found {
  std::int64_t run = 0;
  std::string status;  ///< as of now
  std::string run_dir;
};

/// Runs of a configuration, newest first.
std::vector<Found> runs_of(const Database& database, const std::string& config_hash) {
  Statement rows(database,
                 "SELECT id, status, run_dir, host, boot_id, pid_namespace, pid, process_start, heartbeat_at "
                 "FROM main.runs WHERE config_hash = ? ORDER BY id DESC",
                 config_hash);
  std::vector<Found> found;
  while (rows.step()) {
    Found run{rows.integer(0), rows.text(1), rows.text(2)};
    if (run.status == "running") {
      const results_db::ProcessIdentity process{rows.text(3), rows.text(4), rows.text(5), rows.integer(6),
                                                rows.integer(7)};
      if (!results_db::process_alive(process, rows.text(8))) run.status = "killed";
    }
    found.push_back(std::move(run));
  }
  return found;
}

std::optional<double> duration_of(const Database& database, const std::string& sql, const std::string& text,
                                  std::int64_t number, std::string& basis) {
  Statement row(database, sql, text, number);
  if (!row.step() || row.is_null(1)) return std::nullopt;
  basis = fmt::format("run {}", row.integer(0));
  return row.real(1);
}

/// Time of a whole run: the same recipe, else the same data and network with another method, else the recipe's figure.
void estimate(PlannedJob& planned, const Database* database) {
  const Job& job = planned.job;
  if (database != nullptr) {
    planned.seconds = duration_of(*database,
                                  "SELECT id, duration FROM main.runs WHERE recipe_hash = ? AND status = 'finished' "
                                  "AND duration > ? ORDER BY id DESC LIMIT 1",
                                  job.recipe_hash, 0, planned.basis);
    if (!planned.seconds) {
      const auto& c = job.config;
      Statement row(*database,
                    "SELECT id, duration * ? / epochs FROM main.runs WHERE status = 'finished' AND arch = ? AND "
                    "dataset = ? AND image_size = ? AND limit_train = ? AND limit_val = ? AND batch_size = ? AND "
                    "duration > 0 ORDER BY (method = ?) DESC, id DESC LIMIT 1",
                    c.epochs, c.arch, c.dataset, c.image_size, c.limit_train, c.limit_val, c.batch_size, c.method);
      if (row.step() && !row.is_null(1)) {
        planned.seconds = row.real(1);
        planned.basis = fmt::format("run {}", row.integer(0));
      }
    }
  }
  if (!planned.seconds && job.recipe_seconds > 0) {
    planned.seconds = job.recipe_seconds;
    planned.basis = "the recipe's figure";
  }
  if (planned.seconds && planned.state == JobState::resumable && database != nullptr) {
    Statement epoch(*database, "SELECT epoch FROM main.runs WHERE id = ?", planned.run);
    if (epoch.step() && !epoch.is_null(0)) {
      *planned.seconds *= 1 - static_cast<double>(epoch.integer(0)) / static_cast<double>(job.config.epochs);
    }
  }
}

bool is_complete(const Job& job, const Database& database, std::int64_t run) {
  for (const experiments::MetricReference& metric : job.metrics) {
    if (!Statement(database, "SELECT 1 FROM summary WHERE run = ? AND split = ? AND name = ?", run, metric.split,
                   metric.name)
             .step()) {
      return false;
    }
  }
  if (!job.needs_traces) return true;
  return Statement(database, "SELECT 1 FROM weight_traces WHERE run = ? LIMIT 1", run).step();
}

}  // namespace

const char* to_string(JobState state) {
  switch (state) {
    case JobState::missing:
      return "missing";
    case JobState::resumable:
      return "interrupted";
    case JobState::failed:
      return "failed";
    case JobState::running:
      return "running";
    case JobState::done:
      break;
  }
  return "done";
}

PlannedJob look_up(const Job& job, const Database& database) {
  PlannedJob planned;
  planned.job = job;
  for (const Found& found : runs_of(database, job.config_hash)) {
    const bool finished = found.status == "finished";
    if (finished && is_complete(job, database, found.run)) {
      planned.state = JobState::done;
      planned.run = found.run;
      break;
    }
    // A run without a folder died before it began: nothing of it can be continued.
    const bool stopped = (found.status == "interrupted" || found.status == "killed") && !found.run_dir.empty();
    const JobState state = found.status == "running"  ? JobState::running
                           : stopped                  ? JobState::resumable
                           : found.status == "failed" ? JobState::failed
                                                      : JobState::missing;
    if (state == JobState::running || planned.state == JobState::missing) {
      planned.state = state;
      planned.run = state == JobState::missing ? 0 : found.run;
    }
  }
  if (planned.state != JobState::done) estimate(planned, &database);
  return planned;
}

std::int64_t Plan::open() const {
  return std::ranges::count_if(jobs, [](const PlannedJob& job) { return job.state != JobState::done; });
}

std::optional<double> Plan::seconds(int workers) const {
  double sum = 0;
  for (const PlannedJob& job : jobs) {
    if (job.state == JobState::done) continue;
    if (!job.seconds) return std::nullopt;
    sum += *job.seconds;
  }
  return sum / std::max(1, workers);
}

namespace {

/// What two wishes for the same configuration want together: what is recorded does not change the result.
void unite(Job& one, const Job& other) {
  one.metrics.insert(one.metrics.end(), other.metrics.begin(), other.metrics.end());
  one.needs_traces = one.needs_traces || other.needs_traces;
  one.config.trace_weights = std::max(one.config.trace_weights, other.config.trace_weights);
  one.config.stats_levels = std::max(one.config.stats_levels, other.config.stats_levels);
}

}  // namespace

Plan make_plan(const std::vector<Job>& jobs, const Database* database) {
  std::vector<Job> unique;
  for (const Job& job : jobs) {
    const auto same = std::ranges::find(unique, job.config_hash, &Job::config_hash);
    if (same == unique.end()) {
      unique.push_back(job);
    } else {
      unite(*same, job);
    }
  }
  Plan plan;
  // Starts first; an order of jobs is kept otherwise. No start has a start itself.
  for (const bool dependent : {false, true}) {
    for (const Job& job : unique) {
      if (job.depends_on.empty() == dependent) continue;
      PlannedJob planned;
      planned.job = job;
      if (database != nullptr) {
        planned = look_up(job, *database);
      } else {
        estimate(planned, nullptr);
      }
      plan.jobs.push_back(std::move(planned));
    }
  }
  return plan;
}

}  // namespace denseshift::sweeps
