#include "sweeps/execute.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "core/util/clock.h"
#include "core/util/cpus.h"
#include "core/util/error.h"
#include "experiments/studies/cells.h"
#include "results_db/statement.h"
#include "sweeps/worker_process.h"

namespace denseshift::sweeps {
namespace {

namespace fs = std::filesystem;
using Kind = JobEvent::Kind;

constexpr auto kLook = std::chrono::milliseconds(50);
constexpr auto kProgress = std::chrono::milliseconds(500);
constexpr auto kForeign = std::chrono::seconds(5);  ///< between looks at runs of other processes
constexpr int kInterrupted = 130;

/// What the program said about its failure, without its name in front.
std::string last_words(const fs::path& log) {
  std::ifstream file(log);
  std::string words;
  constexpr std::string_view kProgram = "denseshift: ";
  constexpr std::string_view kWarning = "denseshift: warning: ";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kProgram) && !line.starts_with(kWarning)) words = line.substr(kProgram.size());
  }
  return words;
}

class Execution {
 public:
  Execution(Plan& plan, const ExecuteOptions& options, const ExecuteObserver& observer)
      : plan_(plan),
        options_(options),
        observer_(observer),
        database_(options.db, results_db::OpenMode::create),
        threads_(options.threads > 0 ? options.threads : std::max(1, usable_cpus() / std::max(1, options.workers))),
        entries_(plan.jobs.size()) {
    fs::create_directories(options_.log_folder);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (plan_.jobs[i].state == JobState::done) entries_[i].phase = Phase::done;
    }
  }

  ExecuteReport run() {
    while (step()) std::this_thread::sleep_for(kLook);
    ExecuteReport report;
    report.stop_reason = stop_reason_;
    for (const Entry& entry : entries_) {
      if (entry.phase == Phase::done) {
        ++report.done;
      } else if (entry.phase == Phase::failed) {
        ++report.failed;
      } else {
        ++report.left;
      }
    }
    return report;
  }

 private:
  enum class Phase { open, active, waiting, done, failed, left };

  struct Entry {
    Phase phase = Phase::open;
    int failures = 0;
    bool fresh = false;  ///< a resume failed: the next try starts anew
    bool resumed = false;
    std::unique_ptr<WorkerProcess> process;
    Clock::time_point started;
    Clock::time_point looked;
  };

  /// One round. False when nothing is left to do.
  bool step() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].phase == Phase::active) reap(i);
    }
    ask_for_stop();
    if (stop_reason_.empty()) {
      for (std::size_t i = 0; i < entries_.size() && stop_reason_.empty(); ++i) consider(i);
    }
    report_progress();
    return active() > 0 || (stop_reason_.empty() && std::ranges::any_of(entries_, [](const Entry& entry) {
                              return entry.phase == Phase::open || entry.phase == Phase::waiting;
                            }));
  }

  [[nodiscard]] std::int64_t active() const { return std::ranges::count(entries_, Phase::active, &Entry::phase); }

  void stop(const std::string& reason) {
    if (!stop_reason_.empty()) return;
    stop_reason_ = reason;
    for (Entry& entry : entries_) {
      if (entry.phase == Phase::active) entry.process->terminate();
    }
  }

  void ask_for_stop() {
    if (!stop_reason_.empty() || !observer_.should_stop) return;
    if (const std::string reason = observer_.should_stop(); !reason.empty()) stop(reason);
  }

  /// What the job starts from: done, failed for good, or still to come.
  [[nodiscard]] Phase start_of(const Job& job) const {
    if (job.depends_on.empty()) return Phase::done;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (plan_.jobs[i].job.config_hash != job.depends_on) continue;
      const Phase phase = entries_[i].phase;
      return phase == Phase::left ? Phase::failed : phase;
    }
    return Phase::done;  // not part of this plan: the training itself says whether it is there
  }

  void consider(std::size_t index) {
    Entry& entry = entries_[index];
    if (entry.phase != Phase::open && entry.phase != Phase::waiting) return;
    const Phase start = start_of(plan_.jobs[index].job);
    if (start == Phase::failed) {
      entry.phase = Phase::left;
      return tell({Kind::skipped, index, "what it starts from has failed"});
    }
    if (start != Phase::done || active() >= options_.workers) return;
    if (entry.phase == Phase::waiting && Clock::now() - entry.looked < kForeign) return;
    entry.looked = Clock::now();
    const Job job = plan_.jobs[index].job;
    plan_.jobs[index] = look_up(job, database_);
    switch (plan_.jobs[index].state) {
      case JobState::done:
        entry.phase = Phase::done;
        return tell({Kind::finished, index, ""});
      case JobState::running:
        if (entry.phase != Phase::waiting) tell({Kind::waiting, index, "another process trains it"});
        entry.phase = Phase::waiting;
        return;
      default:
        launch(index);
    }
  }

  void launch(std::size_t index) {
    Entry& entry = entries_[index];
    PlannedJob& planned = plan_.jobs[index];
    entry.resumed = planned.state == JobState::resumable && !entry.fresh;
    std::vector<std::string> words = {options_.program, "train"};
    if (entry.resumed) {
      words.push_back(fmt::format("--resume={}", planned.run));
    } else {
      for (const std::string& word : experiments::train_arguments(planned.job.config)) words.push_back(word);
    }
    words.push_back("--db=" + options_.db);
    words.push_back(fmt::format("--threads={}", threads_));
    words.emplace_back("--quiet");
    entry.process = std::make_unique<WorkerProcess>(words, log_of(index));
    entry.started = Clock::now();
    entry.phase = Phase::active;
    planned.state = JobState::running;
    tell({entry.resumed ? Kind::resumed : Kind::started, index, ""});
  }

  [[nodiscard]] fs::path log_of(std::size_t index) const {
    return fs::path(options_.log_folder) / (plan_.jobs[index].job.config_hash + ".log");
  }

  void reap(std::size_t index) {
    Entry& entry = entries_[index];
    const std::optional<ProcessEnd> end = entry.process->poll();
    if (!end) return;
    const double seconds = seconds_since(entry.started);
    entry.process.reset();
    const Job job = plan_.jobs[index].job;
    plan_.jobs[index] = look_up(job, database_);
    if (plan_.jobs[index].state == JobState::done) {
      entry.phase = Phase::done;
      spent_ += seconds;
      ++ended_;
      std::error_code ignored;
      fs::remove(log_of(index), ignored);
      return tell({Kind::finished, index, ""});
    }
    if (end->status == kInterrupted || !stop_reason_.empty()) {
      entry.phase = Phase::left;
      return tell({Kind::interrupted, index, "stopped; its state is saved"});
    }
    failed(index, *end);
  }

  void failed(std::size_t index, const ProcessEnd& end) {
    Entry& entry = entries_[index];
    std::string words = end.signal != 0 ? fmt::format("ended by signal {}", end.signal) : last_words(log_of(index));
    if (words.empty()) words = fmt::format("ended with status {}", end.status);
    words += fmt::format(" ({})", log_of(index).string());
    // A checkpoint that cannot be taken up must not block the job for ever.
    const bool bad_resume = entry.resumed && end.signal == 0;
    entry.fresh = entry.fresh || bad_resume;
    if (bad_resume || ++entry.failures <= options_.retries) {
      entry.phase = Phase::open;
      return tell({Kind::retried, index, words});
    }
    entry.phase = Phase::failed;
    plan_.jobs[index].state = JobState::failed;
    tell({Kind::failed, index, words});
    if (options_.on_failure == OnFailure::stop) stop("a failure");
  }

  void tell(const JobEvent& event) {
    if (observer_.on_event) observer_.on_event(plan_, event);
  }

  void report_progress() {
    if (!observer_.on_progress || Clock::now() - reported_ < kProgress) return;
    reported_ = Clock::now();
    PlanProgress progress;
    progress.total = static_cast<std::int64_t>(entries_.size());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      progress.done += entry.phase == Phase::done ? 1 : 0;
      progress.failed += entry.phase == Phase::failed ? 1 : 0;
      if (entry.phase == Phase::active) progress.active.push_back(active_job(i));
    }
    progress.seconds_left = seconds_left(progress);
    observer_.on_progress(plan_, progress);
  }

  ActiveJob active_job(std::size_t index) {
    const Job& job = plan_.jobs[index].job;
    ActiveJob active{.index = index,
                     .run = 0,
                     .epoch = 0,
                     .epochs = job.config.epochs,
                     .seconds = seconds_since(entries_[index].started)};
    results_db::Statement row(
        database_,
        "SELECT id, epoch FROM main.runs WHERE config_hash = ? AND pid = ? AND status = 'running' "
        "ORDER BY id DESC LIMIT 1",
        job.config_hash, std::int64_t{entries_[index].process->pid()});
    if (row.step()) {
      active.run = row.integer(0);
      active.epoch = row.is_null(1) ? 0 : row.integer(1);
    }
    return active;
  }

  /// From the mean time of the jobs that ended here, else from the plan's estimates.
  [[nodiscard]] std::optional<double> seconds_left(const PlanProgress& progress) const {
    double left = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Phase phase = entries_[i].phase;
      if (phase != Phase::open && phase != Phase::active) continue;
      const std::optional<double> whole = ended_ > 0 ? spent_ / ended_ : plan_.jobs[i].seconds;
      if (!whole) return std::nullopt;
      double done = 0;
      for (const ActiveJob& active : progress.active) {
        if (active.index == i) done = active.seconds;
      }
      left += std::max(0.0, *whole - done);
    }
    return left / std::max(1, options_.workers);
  }

  Plan& plan_;
  const ExecuteOptions& options_;
  const ExecuteObserver& observer_;
  results_db::Database database_;
  int threads_;
  std::vector<Entry> entries_;
  std::string stop_reason_;
  Clock::time_point reported_;
  double spent_ = 0;
  int ended_ = 0;
};

}  // namespace

ExecuteReport execute(Plan& plan, const ExecuteOptions& options, const ExecuteObserver& observer) {
  return Execution(plan, options, observer).run();
}

}  // namespace denseshift::sweeps
