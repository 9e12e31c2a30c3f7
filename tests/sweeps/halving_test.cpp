// Decisions of successive halving and the ranking of trials, on results made up for the purpose.

#include "sweeps/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/results_db/fixture.h"

namespace denseshift::sweeps {
namespace {

using results_db::Database;
using results_db::OpenMode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TrialScore score(std::size_t trial, std::vector<double> values, std::size_t wanted = 1) {
  TrialScore result;
  result.trial = trial;
  result.values = std::move(values);
  result.wanted = wanted;
  return result;
}

TEST(Halving, RungsGrow) {
  EXPECT_THAT(rung_epochs(2, 2, 3), ElementsAre(2, 4, 8));
  EXPECT_THAT(rung_epochs(1, 1.5, 4), ElementsAre(1, 2, 3, 4)) << "1, 1.5, 2.25, 3.375: rounded, and each longer";
}

TEST(Halving, KeepsAShareAndAtLeastOne) {
  EXPECT_EQ(kept(8, 0.5), 4u);
  EXPECT_EQ(kept(5, 0.5), 3u);
  EXPECT_EQ(kept(30, 0.1), 3u) << "not 4, although 0.1 * 30 is above 3 in floating point";
  EXPECT_EQ(kept(2, 0.1), 1u);
}

TEST(Halving, TheBestHalfSurvivesInTheOrderOfTheTrials) {
  const std::vector<TrialScore> scores = {score(0, {50}), score(1, {70}), score(2, {60}), score(3, {80})};
  EXPECT_THAT(survivors(scores, 0.5, true), ElementsAre(1, 3));
  EXPECT_THAT(survivors(scores, 0.5, false), ElementsAre(0, 2));
}

TEST(Halving, MeansOverSeedsDecideAndTiesGoToTheEarlierTrial) {
  EXPECT_THAT(survivors({score(0, {90, 10}, 2), score(1, {55, 55}, 2)}, 0.5, true), ElementsAre(1));
  EXPECT_THAT(survivors({score(0, {60}), score(1, {60}), score(2, {60})}, 0.5, true), ElementsAre(0, 1));
}

TEST(Halving, FailedTrialsDropOut) {
  EXPECT_THAT(survivors({score(0, {}), score(1, {10}), score(2, {99}, 2), score(3, {20})}, 0.75, true),
              ElementsAre(1, 3))
      << "one trial has no value, another lacks a seed";
  EXPECT_THAT(survivors({score(0, {})}, 0.5, true), IsEmpty());
}

TEST(Halving, RankingPutsIncompleteTrialsLast) {
  const auto order = ranked({score(0, {}), score(1, {99}, 2), score(2, {10}), score(3, {20})}, true);
  std::vector<std::size_t> trials;
  for (const TrialScore& entry : order) trials.push_back(entry.trial);
  EXPECT_THAT(trials, ElementsAre(3, 2, 1, 0));
}

TEST(Halving, SpreadIsTheSampleStandardDeviation) {
  EXPECT_DOUBLE_EQ(*score(0, {2, 4, 4, 4, 5, 5, 7, 9}, 8).spread(), std::sqrt(32.0 / 7));
  EXPECT_FALSE(score(0, {2}).spread().has_value());
}

class ScoresTest : public results_db::ResultsTest {
 protected:
  ScoresTest() : database_(path(), OpenMode::create) {}

  std::int64_t run(const std::string& hash, const std::vector<double>& top1, results_db::RunStatus status) {
    results_db::RunStore store(database_);
    results_db::NewRun run = results_db::example_run();
    run.config_hash = hash;
    const std::int64_t id = store.create(run);
    for (std::size_t epoch = 0; epoch < top1.size(); ++epoch) {
      store.record_metrics(id, static_cast<std::int64_t>(epoch), "val", {{"top1", top1[epoch]}});
    }
    store.finish(id, status);
    return id;
  }
  static Job job(const std::string& hash) {
    Job job;
    job.config_hash = hash;
    return job;
  }

  Database database_;
};

TEST_F(ScoresTest, TakesFinishedRunsOfEachTrial) {
  using results_db::RunStatus;
  const auto a = run("a", {10, 30, 20}, RunStatus::finished);
  const auto b = run("b", {40}, RunStatus::finished);
  run("c", {99}, RunStatus::failed);
  run("d", {std::nan("")}, RunStatus::finished);
  const std::vector<Job> jobs = {job("a"), job("b"), job("c"), job("d"), job("e")};
  const std::vector<std::size_t> trials = {0, 0, 1, 2, 2};
  const auto last = score_trials({}, jobs, trials, &database_);
  ASSERT_EQ(last.size(), 3u);
  EXPECT_THAT(last[0].values, ElementsAre(20, 40));
  EXPECT_THAT(last[0].runs, ElementsAre(a, b));
  EXPECT_TRUE(last[0].complete());
  EXPECT_THAT(last[1].values, IsEmpty()) << "failed";
  EXPECT_THAT(last[2].values, IsEmpty()) << "not a number, and missing";
  EXPECT_EQ(last[2].wanted, 2u);
  Objective best;
  best.best = true;
  EXPECT_THAT(score_trials(best, jobs, trials, &database_)[0].values, ElementsAre(30, 40));
  EXPECT_THAT(score_trials({}, jobs, trials, nullptr)[0].values, IsEmpty());
}

TEST_F(ScoresTest, AnObjectiveThatIsNotRecordedIsNamed) {
  const auto id = run("a", {10}, results_db::RunStatus::finished);
  Objective wrong;
  wrong.name = "tpo1";
  const Error error = results_db::error_of([&] { return objective_value(wrong, database_, id); });
  EXPECT_THAT(error.what(), HasSubstr("has no val/tpo1"));
  EXPECT_THAT(error.hint(), HasSubstr("did you mean val/top1?"));
}

}  // namespace
}  // namespace denseshift::sweeps
