// What a task of a Slurm array decides to do, and the merge of the tasks' databases.

#include "sweeps/slurm_cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/results_db/fixture.h"

namespace denseshift::sweeps {
namespace {

namespace fs = std::filesystem;
using results_db::Database;
using results_db::OpenMode;
using results_db::RunStatus;
using results_db::RunStore;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using OutcomeKind = CellStep::Kind;

class CellTest : public results_db::ResultsTest {
 protected:
  CellTest() { fs::create_directories(folder()); }

  [[nodiscard]] fs::path folder() const { return path("folder"); }
  static SlurmCell cell(const std::string& hash) {
    SlurmCell cell;
    cell.job.label = "job " + hash;
    cell.job.config_hash = hash;
    cell.job.recipe_hash = "recipe";
    cell.job.config.wbits = 2;
    cell.job.config.milestones = {1.5};
    return cell;
  }
  /// A run with a checkpoint, ended or still ours.
  std::int64_t run(const fs::path& db, const std::string& hash, std::optional<RunStatus> status) {
    Database database(db, OpenMode::create);
    RunStore store(database);
    results_db::NewRun run = results_db::example_run();
    run.config_hash = hash;
    const std::int64_t id = store.create(run);
    const fs::path directory = path("run-" + hash);
    fs::create_directories(directory);
    results_db::write_text(directory / "last.json", "{}");
    store.set_directory(id, directory.string());
    if (status) store.finish(id, *status);
    return id;
  }
};

TEST_F(CellTest, FilesRoundTrip) {
  SlurmCell written = cell("h");
  written.job.depends_on = "s";
  written.start_db = "/a/b.db";
  written.previous_db = "/c/d.db";
  written.job.needs_traces = true;
  write_cell(folder(), 3, written);
  const SlurmCell read = read_cell(folder(), 3);
  EXPECT_EQ(read.job.config, written.job.config);
  EXPECT_EQ(read.job.label, written.job.label);
  EXPECT_EQ(read.job.config_hash, "h");
  EXPECT_EQ(read.job.recipe_hash, "recipe");
  EXPECT_EQ(read.job.depends_on, "s");
  EXPECT_TRUE(read.job.needs_traces);
  EXPECT_EQ(read.start_db, written.start_db);
  EXPECT_EQ(read.previous_db, written.previous_db);
  results_db::write_text(cell_file(folder(), 4), "{}");
  EXPECT_THAT(results_db::error_of([&] { return read_cell(folder(), 4); }).what(), HasSubstr("not the file of a cell"));
  EXPECT_EQ(results_db::error_of([&] { return read_cell(folder(), 9); }).exit_status(), 2);
}

TEST_F(CellTest, TrainsThenResumesThenIsDone) {
  write_cell(folder(), 0, cell("h"));
  CellStep step = next_step(folder(), 0, 4);
  EXPECT_EQ(step.kind, OutcomeKind::train);
  EXPECT_EQ(step.words.front(), "train");
  EXPECT_THAT(step.words, Contains("--wbits=2"));
  EXPECT_THAT(step.words, Contains("--milestones=1.5"));
  EXPECT_THAT(step.words, Contains("--threads=4"));
  EXPECT_THAT(step.words, Contains("--db=" + cell_db(folder(), 0).string()));
  EXPECT_THAT(step.words, Contains(StartsWith("--run-dir=" + (folder() / "runs").string())));

  const std::int64_t id = run(cell_db(folder(), 0), "h", RunStatus::interrupted);
  step = next_step(folder(), 0);
  EXPECT_EQ(step.kind, OutcomeKind::resume);
  EXPECT_THAT(step.words, Contains("--resume=" + std::to_string(id)));
  fs::remove(path("run-h") / "last.json");
  EXPECT_EQ(next_step(folder(), 0).kind, OutcomeKind::train) << "without a checkpoint nothing can go on";

  run(cell_db(folder(), 0), "h", RunStatus::finished);
  EXPECT_EQ(next_step(folder(), 0).kind, OutcomeKind::done);
}

TEST_F(CellTest, ATaskKilledInTheActIsResumed) {
  write_cell(folder(), 0, cell("h"));
  EXPECT_EQ(results_db::in_child([&] { run(cell_db(folder(), 0), "h", std::nullopt); }), 0);
  EXPECT_EQ(next_step(folder(), 0).kind, OutcomeKind::resume);
}

TEST_F(CellTest, WaitsWhileTheRunMayLive) {
  write_cell(folder(), 0, cell("h"));
  run(cell_db(folder(), 0), "h", std::nullopt);  // this process lives
  EXPECT_EQ(next_step(folder(), 0).kind, OutcomeKind::wait);
}

TEST_F(CellTest, AFailedTrainingBeginsAnewInAnotherFolder) {
  write_cell(folder(), 0, cell("h"));
  run(cell_db(folder(), 0), "h", RunStatus::failed);
  fs::create_directories(folder() / "runs" / "cell-0");
  const CellStep step = next_step(folder(), 0);
  EXPECT_EQ(step.kind, OutcomeKind::train);
  EXPECT_THAT(step.words, Contains("--run-dir=" + (folder() / "runs" / "cell-0-2").string()));
}

TEST_F(CellTest, GoesOnWithTheRunOfAnEarlierSubmission) {
  SlurmCell again = cell("h");
  again.previous_db = path("previous.db");
  run(again.previous_db, "other", RunStatus::finished);
  run(again.previous_db, "h", RunStatus::interrupted);
  write_cell(folder(), 0, again);
  EXPECT_EQ(next_step(folder(), 0).kind, OutcomeKind::resume);
  const Database database(cell_db(folder(), 0), OpenMode::read_only);
  EXPECT_EQ(results_db::integer(database, "SELECT count(*) FROM main.runs"), 1) << "only its own run";
}

TEST_F(CellTest, FetchesTheRunItStartsFrom) {
  SlurmCell dependent = cell("h");
  dependent.job.depends_on = "start";
  dependent.start_db = path("start.db");
  write_cell(folder(), 0, dependent);
  EXPECT_THAT(results_db::error_of([&] { return next_step(folder(), 0); }).what(),
              HasSubstr("what it starts from has no finished run"));
  run(dependent.start_db, "start", RunStatus::failed);
  EXPECT_EQ(results_db::error_of([&] { return next_step(folder(), 0); }).exit_status(), 1);
  run(dependent.start_db, "unrelated", RunStatus::finished);
  run(dependent.start_db, "start", RunStatus::finished);
  EXPECT_EQ(next_step(folder(), 0).kind, OutcomeKind::train);
  const Database database(cell_db(folder(), 0), OpenMode::read_only);
  EXPECT_EQ(results_db::integer(database, "SELECT count(*) FROM main.runs WHERE config_hash = 'start'"), 1);
  EXPECT_EQ(results_db::integer(database, "SELECT count(*) FROM main.runs"), 1);
}

TEST_F(CellTest, MergeTakesWhatHasEndedAndLeavesWhatMayGoOn) {
  for (std::size_t i = 0; i < 4; ++i) write_cell(folder(), i, cell("h" + std::to_string(i)));
  run(cell_db(folder(), 0), "h0", RunStatus::finished);
  run(cell_db(folder(), 1), "h1", RunStatus::failed);
  run(cell_db(folder(), 2), "h2", RunStatus::interrupted);  // and cell 3 never began
  const fs::path db = path("all.db");
  const CellMerge first = merge_cells(folder(), db);
  EXPECT_EQ(first.added, 2);
  EXPECT_EQ(first.open, 3);
  {
    Database database(cell_db(folder(), 2), OpenMode::write);
    RunStore store(database);
    store.reopen(1);
    store.record_metrics(1, 0, "val", {{"top1", 77.0}});
    store.finish(1, RunStatus::finished);
  }
  const CellMerge second = merge_cells(folder(), db);
  EXPECT_EQ(second.added, 1);
  EXPECT_EQ(second.open, 2);
  const Database database(db, OpenMode::read_only);
  EXPECT_EQ(results_db::integer(database, "SELECT count(*) FROM main.runs WHERE status = 'finished'"), 2);
  EXPECT_EQ(std::get<double>(results_db::scalar(database, "SELECT top1 FROM main.runs WHERE config_hash = 'h2'")),
            77.0);
}

}  // namespace
}  // namespace denseshift::sweeps
