// Folders and scripts for Slurm, and the protocol with sbatch.

#include "sweeps/slurm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/results_db/fixture.h"
#include "tests/support/run_program.h"

namespace denseshift::sweeps {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Job job(const std::string& hash, const std::string& depends_on = {}) {
  Job job;
  job.label = "job " + hash;
  job.config_hash = hash;
  job.recipe_hash = "recipe-" + hash;
  job.depends_on = depends_on;
  return job;
}

class SlurmTest : public ::testing::Test {
 protected:
  [[nodiscard]] SlurmOptions options(const std::string& name = "first") const {
    SlurmOptions options;
    options.name = "study";
    options.folder = parent() / name;
    options.program = "/opt/some where/denseshift";
    options.db = folder_.file("results.db");
    options.directory = folder_.path();
    return options;
  }
  [[nodiscard]] fs::path parent() const { return fs::path(folder_.path()) / "slurm"; }

  /// Commands of Slurm that answer as told and note how they were called.
  void fake(const std::string& name, const std::string& body) const {
    const fs::path file = folder_.write(
        "bin/" + name, "#!/bin/sh\necho \"" + name + " $*\" >> " + folder_.file("calls") + "\n" + body + "\n");
    fs::permissions(file, fs::perms::owner_all);
    const std::string path = ::getenv("PATH");
    const std::string bin = folder_.file("bin");
    if (!path.starts_with(bin)) ::setenv("PATH", (bin + ":" + path).c_str(), 1);
  }
  [[nodiscard]] std::string calls() const { return results_db::file_bytes(folder_.file("calls")); }
  ~SlurmTest() override { ::setenv("PATH", path_.c_str(), 1); }

  ::denseshift::testing::TemporaryFolder folder_;
  std::string path_ = ::getenv("PATH");
};

TEST_F(SlurmTest, DependentTrainingsFormALaterWave) {
  const Plan plan = make_plan({job("start"), job("a", "start"), job("b"), job("c", "done elsewhere")}, nullptr);
  const SlurmSubmission submission = plan_submission(plan, options(), {});
  ASSERT_EQ(submission.cells.size(), 4u);
  ASSERT_EQ(submission.waves.size(), 2u);
  std::vector<std::string> first;
  for (const std::size_t cell : submission.waves[0].cells) first.push_back(submission.cells[cell].job.config_hash);
  EXPECT_THAT(first, ElementsAre("start", "b", "c"));
  ASSERT_EQ(submission.waves[1].cells.size(), 1u);
  const SlurmCell& dependent = submission.cells[submission.waves[1].cells[0]];
  EXPECT_EQ(dependent.start_db, cell_db(options().folder, 0));
  EXPECT_EQ(submission.cells[submission.waves[0].cells[2]].start_db, options().db) << "a run of an earlier day";
}

TEST_F(SlurmTest, ScriptsSayWhatWasAsked) {
  SlurmOptions all = options();
  all.at_once = 4;
  all.retries = 2;
  all.cpus = 8;
  all.time = "4:00:00";
  all.partition = "gpu";
  all.gres = "gpu:1";
  all.more = {"--account=lab", "--nice"};
  const SlurmSubmission submission = plan_submission(make_plan({job("a"), job("b"), job("c")}, nullptr), all, {});
  ASSERT_EQ(submission.waves.size(), 1u);
  const std::string& text = submission.waves[0].text;
  for (const char* line : {"#SBATCH --array=0-2%4\n", "#SBATCH --requeue\n", "#SBATCH --signal=B:TERM@120\n",
                           "#SBATCH --cpus-per-task=8\n", "#SBATCH --time=4:00:00\n", "#SBATCH --partition=gpu\n",
                           "#SBATCH --gres=gpu:1\n", "#SBATCH --account=lab\n", "#SBATCH --nice\n",
                           "'/opt/some where/denseshift' worker ", "-gt 2 ] && exit", "scontrol requeue"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(submission.merge_text, AllOf(HasSubstr(" --merge --db="), HasSubstr("#SBATCH --account=lab\n"),
                                           Not(HasSubstr("--gres")), Not(HasSubstr("--array"))));
  const auto checked = ::denseshift::testing::run_command({"/bin/bash", "-n", folder_.write("w.sh", text)});
  EXPECT_EQ(checked.status, 0) << checked.err;
}

TEST_F(SlurmTest, BadOptionsAreRefused) {
  SlurmOptions bad = options();
  bad.more = {"--nice\n#SBATCH --exclusive"};
  EXPECT_THAT(results_db::error_of([&] { return plan_submission({}, bad, {}); }).what(), HasSubstr("line break"));
  bad.more = {"nice"};
  EXPECT_THAT(results_db::error_of([&] { return plan_submission({}, bad, {}); }).what(), HasSubstr("'nice'"));
}

TEST_F(SlurmTest, SubmitsWavesThenTheMerge) {
  fake("sbatch", "n=$(cat " + folder_.file("n") + " 2>/dev/null || echo 40); n=$((n+1)); echo $n > " +
                     folder_.file("n") + "; echo \"$n;cluster\"");
  const SlurmSubmission submission = plan_submission(make_plan({job("a"), job("b", "a")}, nullptr), options(), {});
  write_submission(submission);
  const SubmittedJobs jobs = submit(submission);
  EXPECT_THAT(jobs.waves, ElementsAre("41", "42"));
  EXPECT_EQ(jobs.merge, "43");
  const std::string folder = options().folder.string();
  EXPECT_EQ(calls(), "sbatch --parsable " + folder + "/wave-1.sh\nsbatch --parsable --dependency=afterany:41 " +
                         folder + "/wave-2.sh\nsbatch --parsable --dependency=afterany:41:42 " + folder +
                         "/merge.sh\n");
  EXPECT_THROW(write_submission(submission), Error) << "a folder is used once";
}

TEST_F(SlurmTest, ARefusalNamesWhatWasSubmittedBefore) {
  fake("sbatch", "case \"$*\" in *wave-2*) echo 'sbatch: error: Invalid account' >&2; exit 1;; esac; echo 41");
  const SlurmSubmission submission = plan_submission(make_plan({job("a"), job("b", "a")}, nullptr), options(), {});
  write_submission(submission);
  const Error error = results_db::error_of([&] { return submit(submission); });
  EXPECT_EQ(error.exit_status(), 1);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("wave-2.sh"), HasSubstr("Invalid account")));
  EXPECT_THAT(error.hint(), HasSubstr("scancel 41"));
  fake("squeue", "echo 41_0");
  ASSERT_EQ(earlier_cells(parent()).size(), 2u) << "what was submitted is known afterwards";
}

TEST_F(SlurmTest, QueuedTrainingsAreNotSubmittedAgain) {
  fake("sbatch", "echo 41");
  fake("squeue", "echo 41_1; echo 99_N/A");
  const SlurmSubmission first = plan_submission(make_plan({job("a"), job("b")}, nullptr), options(), {});
  write_submission(first);
  static_cast<void>(submit(first));
  results_db::write_text(cell_db(options().folder, 0), "");  // task 0 began and is not listed any more

  const auto earlier = earlier_cells(parent());
  ASSERT_EQ(earlier.size(), 2u);
  EXPECT_FALSE(earlier[0].queued);
  EXPECT_TRUE(earlier[1].queued);
  const Plan plan = make_plan({job("a"), job("b"), job("c", "b")}, nullptr);
  const SlurmSubmission second = plan_submission(plan, options("second"), earlier);
  EXPECT_THAT(second.queued, ElementsAre("job b"));
  ASSERT_EQ(second.cells.size(), 2u);
  EXPECT_EQ(second.cells[0].previous_db, cell_db(options().folder, 0)) << "its interrupted run goes on";
  EXPECT_EQ(second.cells[1].start_db, cell_db(options().folder, 1));
  ASSERT_EQ(second.waves.size(), 2u);
  EXPECT_THAT(second.waves[1].after_jobs, ElementsAre("41"));
  fake("squeue", "exit 1");
  for (const EarlierCell& cell : earlier_cells(parent())) EXPECT_FALSE(cell.queued);
}

TEST_F(SlurmTest, ForeignFoldersArePassedOver) {
  folder_.write("slurm/other/submitted.json", "{\"cells\": 3}");
  folder_.write("slurm/notes/readme", "");
  EXPECT_THAT(earlier_cells(parent()), IsEmpty());
  EXPECT_THAT(earlier_cells(parent() / "missing"), IsEmpty());
}

// The script itself, with a training that we make up.
class ScriptTest : public SlurmTest {
 protected:
  [[nodiscard]] ::denseshift::testing::ProgramResult run_task(const std::string& training, int retries = 0) {
    SlurmOptions with = options();
    with.program = folder_.write("training", "#!/bin/bash\n" + training + "\n");
    fs::permissions(with.program, fs::perms::owner_all);
    with.retries = retries;
    const SlurmSubmission submission = plan_submission(make_plan({job("a")}, nullptr), with, {});
    const std::string script = folder_.write("task.sh", submission.waves[0].text);
    ::denseshift::testing::ProgramOptions how;
    how.environment = {{"SLURM_ARRAY_TASK_ID", "0"}, {"SLURM_JOB_ID", "77"}};
    return ::denseshift::testing::run_command({"/bin/bash", script}, how);
  }
};

TEST_F(ScriptTest, EndsWithTheTraining) {
  EXPECT_EQ(run_task("exit 0").status, 0);
  EXPECT_EQ(run_task("exit 1").status, 1);
}

TEST_F(ScriptTest, FailuresAreTriedAgain) {
  const std::string count = folder_.file("count");
  EXPECT_EQ(run_task("echo x >> " + count + "; [ $(wc -l < " + count + ") = 3 ]", 2).status, 0);
  EXPECT_EQ(results_db::file_bytes(count), "x\nx\nx\n");
}

// The training tells its script, as Slurm does shortly before the time limit, and expects the signal to be handed on.
const char* const kTolerantTraining =
    "trap 'echo saved; exit 130' TERM; kill -TERM $PPID; for i in $(seq 100); do sleep 0.1; done; exit 3";

TEST_F(ScriptTest, ATimeLimitSavesAndQueuesAgain) {
  fake("scontrol", "case \"$*\" in *show*) echo 'JobId=77 JobState=RUNNING Reason=None';; *) exit 1;; esac");
  const auto result = run_task(kTolerantTraining);
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(result.out, "saved\n");
  EXPECT_THAT(calls(), HasSubstr("scontrol requeue 77\n"));
}

TEST_F(ScriptTest, ACancelledTaskStaysCancelled) {
  fake("scontrol", "echo 'JobId=77 JobState=CANCELLED Reason=None'");
  EXPECT_EQ(run_task(kTolerantTraining).status, 130);
  EXPECT_THAT(calls(), Not(HasSubstr("requeue")));
}

}  // namespace
}  // namespace denseshift::sweeps
