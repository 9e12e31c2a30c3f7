// Weight traces and histograms: what comes back, what a resume keeps, where they go with their run.

#include "results_db/traces.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "results_db/export.h"
#include "results_db/merge.h"
#include "results_db/query.h"
#include "tests/results_db/fixture.h"

namespace denseshift::results_db {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TracesTest : public ResultsTest {
 protected:
  TracesTest() {
    run_ = store_.create(example_run());
    store_.record_weight_traces(run_, {{"layer1", 7, 0, 0, -1, {{"w_sign", -0.1F}, {"w_1", 1e-30F}}},
                                       {"layer1", 3, 0, 0, 2, {}},
                                       {"layer1", 3, 10, 1.25, 4, {}},
                                       {"layer2", 0, 10, 1.25, 1, {}}});
    store_.record_weight_histograms(run_, {{0, "layer1", "w_sign", -0.5, 0.5, {1, 2, 3}},
                                           {2, "layer1", "w_1", -1, 1, {0, 6, 0}},
                                           {2, "layer1", "w_sign", -2, 2, {2, 2, 2}}});
  }

  Database database_{path(), OpenMode::create};
  RunStore store_{database_};
  std::int64_t run_ = 0;
};

TEST_F(TracesTest, ComeBackToTheBitInOrder) {
  const std::vector<WeightTrace> traces = load_weight_traces(database_, run_);
  ASSERT_EQ(traces.size(), 4u);
  EXPECT_EQ(traces[0], (WeightTrace{"layer1", 3, 0, 0, 2, {}}));
  EXPECT_EQ(traces[1], (WeightTrace{"layer1", 3, 10, 1.25, 4, {}}));
  EXPECT_EQ(traces[2], (WeightTrace{"layer1", 7, 0, 0, -1, {{"w_sign", -0.1F}, {"w_1", 1e-30F}}}));
  EXPECT_THAT(load_weight_traces(database_, run_, "layer2"), ElementsAre(traces[3]));
  EXPECT_THAT(load_weight_traces(database_, run_ + 1), IsEmpty());
  EXPECT_EQ(std::get<double>(scalar(database_, "SELECT trained ->> '$.w_sign' FROM weight_traces WHERE weight = 7")),
            -0.1)
      << "the shortest decimal, as people and SQL read it";
}

TEST_F(TracesTest, HistogramsComeBackAndAreFoundByTensor) {
  const std::vector<WeightHistogram> all = load_weight_histograms(database_, run_);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0], (WeightHistogram{0, "layer1", "w_sign", -0.5, 0.5, {1, 2, 3}}));
  EXPECT_EQ(load_weight_histograms(database_, run_, "layer1", "w_sign").size(), 2u);
  EXPECT_THAT(load_weight_histograms(database_, run_, "layer9"), IsEmpty());
}

TEST_F(TracesTest, WhatIsNotFiniteReadsAsNotANumber) {
  const float infinity = std::numeric_limits<float>::infinity();
  store_.record_weight_traces(run_, {{"odd", 0, 0, 0, std::nanf(""), {{"w", infinity}}}});
  const WeightTrace trace = load_weight_traces(database_, run_, "odd").at(0);
  EXPECT_TRUE(std::isnan(trace.value));
  EXPECT_TRUE(std::isnan(trace.trained.at(0).second));
}

TEST_F(TracesTest, AResumeKeepsWhatIsNotDoneAgain) {
  store_.truncate(run_, 2, 9);
  EXPECT_EQ(load_weight_traces(database_, run_).size(), 2u);
  EXPECT_EQ(load_weight_histograms(database_, run_).size(), 1u);
  store_.truncate(run_, 2, 0);
  EXPECT_EQ(load_weight_traces(database_, run_).size(), 2u) << "step 0 was before the first update";
  store_.truncate(run_, 0);
  EXPECT_THAT(load_weight_traces(database_, run_), IsEmpty());
  EXPECT_THAT(load_weight_histograms(database_, run_), IsEmpty());
}

TEST_F(TracesTest, AreCounted) {
  const TraceCounts counts = count_traces(database_, run_);
  EXPECT_EQ(counts.layers, 2);
  EXPECT_EQ(counts.weights, 3);
  EXPECT_EQ(counts.steps, 2);
  EXPECT_EQ(counts.histograms, 3);
  EXPECT_EQ(counts.epochs, 2);
  EXPECT_EQ(run_to_json(database_, run_, TraceRows::counts).at("traces").at("weights"), 3);
  EXPECT_FALSE(run_to_json(database_, run_, TraceRows::counts).contains("weight_traces"));
}

TEST_F(TracesTest, GoWithTheirRun) {
  store_.finish(run_, RunStatus::finished);
  Database copy(path("copy.db"), OpenMode::create);
  RunStore(copy).create(example_run(2, "takes the id"));
  const std::int64_t there = merge(copy, path()).added.at(0).second;
  EXPECT_NE(there, run_);
  EXPECT_EQ(load_weight_traces(copy, there), load_weight_traces(database_, run_));
  EXPECT_EQ(load_weight_histograms(copy, there), load_weight_histograms(database_, run_));
  const nlohmann::ordered_json json = run_to_json(copy, there);
  EXPECT_EQ(json.at("weight_traces").size(), 4u);
  EXPECT_EQ(json.at("weight_traces")[2].at("trained").at("w_sign").get<float>(), -0.1F);
  EXPECT_EQ(json.at("weight_histograms")[0].at("counts"), nlohmann::json({1, 2, 3}));
  std::string csv;
  export_csv(copy, "weight_traces", {there}, [&](std::string_view part) { csv += part; });
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
  store_.remove(run_);
  EXPECT_EQ(
      integer(database_, "SELECT (SELECT count(*) FROM weight_traces) + (SELECT count(*) FROM weight_histograms)"), 0);
}

TEST_F(TracesTest, AnOlderDatabaseHasNone) {
  database_.execute("DROP TABLE weight_traces; DROP TABLE weight_histograms; PRAGMA user_version=3");
  const Database older(path(), OpenMode::read_only);
  EXPECT_THAT(load_weight_traces(older, run_), IsEmpty());
  EXPECT_THAT(load_weight_histograms(older, run_), IsEmpty());
  EXPECT_EQ(count_traces(older, run_).weights, 0);
  EXPECT_THAT(run_to_json(older, run_).at("weight_traces"), IsEmpty());
  Database reader(path(), OpenMode::read_only);
  EXPECT_THAT(error_of([&] {
                export_csv(reader, "weight_traces", {run_}, [](std::string_view) {});
                return 0;
              }).what(),
              HasSubstr("has no table weight_traces"));
}

}  // namespace
}  // namespace denseshift::results_db
