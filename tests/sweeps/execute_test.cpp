// Plans and their execution with a trainer that only records.

#include "sweeps/execute.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "results_db/statement.h"
#include "results_db/store.h"
#include "tests/support/run_program.h"

namespace denseshift::sweeps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = JobEvent::Kind;

Job job(std::uint64_t seed, const std::string& note = "", const std::string& depends_on = "") {
  Job made;
  made.config.init = "kaiming";
  made.config.image_size = 32;
  made.config.seed = seed;
  made.config.note = note;
  made.config.name = "job " + std::to_string(seed);
  made.label = made.config.name;
  made.config_hash = experiments::config_hash(made.config);
  made.recipe_hash = experiments::recipe_hash(made.config);
  made.depends_on = depends_on;
  return made;
}

class ExecuteTest : public ::testing::Test {
 protected:
  [[nodiscard]] ExecuteOptions options(int workers = 2) const {
    ExecuteOptions made;
    made.program = DENSESHIFT_FAKE_TRAINER;
    made.db = db();
    made.workers = workers;
    made.threads = 1;
    made.log_folder = folder_.file("logs");
    return made;
  }
  [[nodiscard]] std::string db() const { return folder_.file("runs.db"); }

  Plan plan(const std::vector<Job>& jobs) const {
    const results_db::Database database(db(), results_db::OpenMode::create);
    return make_plan(jobs, &database);
  }

  ExecuteReport run(Plan& plan, const ExecuteOptions& with) {
    events_.clear();
    ExecuteObserver observer;
    observer.on_event = [&](const Plan&, const JobEvent& event) { events_.push_back(event); };
    return execute(plan, with, observer);
  }

  [[nodiscard]] std::vector<JobState> states(const Plan& plan) const {
    std::vector<JobState> all;
    for (const PlannedJob& planned : plan.jobs) all.push_back(planned.state);
    return all;
  }

  [[nodiscard]] int count(Kind kind) const {
    return static_cast<int>(
        std::count_if(events_.begin(), events_.end(), [&](const JobEvent& event) { return event.kind == kind; }));
  }

  std::int64_t runs() const {
    const results_db::Database database(db(), results_db::OpenMode::read_only);
    results_db::Statement row(database, "SELECT count(*) FROM main.runs");
    row.step();
    return row.integer(0);
  }

  denseshift::testing::TemporaryFolder folder_;
  std::vector<JobEvent> events_;
};

TEST_F(ExecuteTest, TrainsWhatIsMissingAndNothingTwice) {
  Plan first = plan({job(1), job(2), job(1)});
  ASSERT_EQ(first.jobs.size(), 2U);
  EXPECT_EQ(run(first, options()).done, 2);
  EXPECT_THAT(states(first), ElementsAre(JobState::done, JobState::done));

  Plan second = plan({job(1), job(2), job(3)});
  EXPECT_EQ(second.open(), 1);
  EXPECT_EQ(run(second, options()).done, 3);
  EXPECT_EQ(runs(), 3);
}

TEST_F(ExecuteTest, ADependentJobComesAfterItsStart) {
  const Job base = job(1);
  Plan made = plan({job(2, "", base.config_hash), base});
  EXPECT_EQ(made.jobs[0].job.config_hash, base.config_hash);
  EXPECT_EQ(run(made, options(2)).done, 2);
  EXPECT_LT(made.jobs[0].run, made.jobs[1].run);
}

TEST_F(ExecuteTest, AFailureLeavesTheOthersAndSkipsWhatNeedsIt) {
  const Job bad = job(1, "fail");
  Plan made = plan({bad, job(2), job(3, "", bad.config_hash)});
  const ExecuteReport report = run(made, options(1));
  EXPECT_EQ(report.done, 1);
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(report.left, 1);
  EXPECT_EQ(count(Kind::skipped), 1);
  const auto failed =
      std::find_if(events_.begin(), events_.end(), [](const JobEvent& event) { return event.kind == Kind::failed; });
  ASSERT_NE(failed, events_.end());
  EXPECT_THAT(failed->message, HasSubstr("as the test wants it"));
  EXPECT_EQ(plan({bad}).jobs[0].state, JobState::failed);
}

TEST_F(ExecuteTest, OnFailureStopStartsNothingMore) {
  ExecuteOptions with = options(1);
  with.on_failure = OnFailure::stop;
  Plan made = plan({job(1, "fail"), job(2), job(3)});
  const ExecuteReport report = run(made, with);
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(report.left, 2);
  EXPECT_EQ(report.stop_reason, "a failure");
}

TEST_F(ExecuteTest, RetriesAreCountedAndSucceed) {
  ExecuteOptions with = options(1);
  with.retries = 1;
  Plan made = plan({job(1, "fail once"), job(2, "fail")});
  const ExecuteReport report = run(made, with);
  EXPECT_EQ(report.done, 1);
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(count(Kind::retried), 2);
  EXPECT_EQ(runs(), 4);
}

TEST_F(ExecuteTest, AKilledWorkerIsResumable) {
  Plan made = plan({job(1, "crash")});
  EXPECT_EQ(run(made, options(1)).failed, 1);
  EXPECT_EQ(plan({job(1)}).jobs[0].state, JobState::resumable);
}

TEST_F(ExecuteTest, AStopSavesTheRunningJobsAndARepetitionResumesThem) {
  Plan made = plan({job(1, "wait"), job(2, "wait"), job(3)});
  ExecuteObserver observer;
  int rounds = 0;
  observer.on_progress = [&](const Plan&, const PlanProgress& progress) {
    if (progress.active.size() == 2 && progress.active[0].run != 0 && progress.active[1].run != 0) ++rounds;
  };
  observer.should_stop = [&] { return rounds > 0 ? std::string("the test") : std::string(); };
  const ExecuteReport report = execute(made, options(2), observer);
  EXPECT_EQ(report.stop_reason, "the test");
  EXPECT_EQ(report.left, 3);

  Plan again = plan({job(1, "wait"), job(2, "wait"), job(3)});
  EXPECT_THAT(states(again), ElementsAre(JobState::resumable, JobState::resumable, JobState::missing));
  EXPECT_EQ(run(again, options(2)).done, 3);
  EXPECT_EQ(count(Kind::resumed), 2);
  EXPECT_EQ(runs(), 3);
}

TEST_F(ExecuteTest, WorkersOfAKilledParentStopAndSave) {
  const pid_t parent = fork();
  if (parent == 0) {
    Plan made = plan({job(1, "wait")});
    (void)execute(made, options(1), {});
    _exit(0);
  }
  for (int i = 0; i < 400; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    if (std::filesystem::exists(db()) && plan({job(1)}).jobs[0].state == JobState::running) break;
  }
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  JobState state = JobState::running;
  for (int i = 0; i < 400 && state == JobState::running; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    state = plan({job(1)}).jobs[0].state;
  }
  EXPECT_EQ(state, JobState::resumable);
  const results_db::Database database(db(), results_db::OpenMode::read_only);
  results_db::Statement row(database, "SELECT status FROM main.runs");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.text(0), "interrupted");
}

TEST_F(ExecuteTest, EstimatesComeFromRecordedRuns) {
  Plan made = plan({job(1)});
  EXPECT_FALSE(made.seconds(1).has_value());
  (void)run(made, options(1));
  {
    results_db::Database database(db(), results_db::OpenMode::write);
    database.execute("UPDATE runs SET duration = 40");
  }
  const Plan next = plan({job(1), job(2), job(3)});
  EXPECT_EQ(next.open(), 2);
  ASSERT_TRUE(next.seconds(2).has_value());
  EXPECT_DOUBLE_EQ(*next.seconds(2), 40);
  EXPECT_EQ(next.jobs[1].basis, "run 1");
}

}  // namespace
}  // namespace denseshift::sweeps
