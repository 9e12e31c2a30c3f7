// Two runs of one configuration: what counts as the same, and what is said about the rest.

#include "results_db/reproduction.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "results_db/metric_direction.h"
#include "results_db/query.h"
#include "tests/results_db/fixture.h"

namespace denseshift::results_db {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class ReproductionTest : public ResultsTest {
 protected:
  /// A run with `losses` by epoch from 1, and a speed that is never the same twice.
  std::int64_t trained(const std::vector<double>& losses, NewRun run = example_run()) {
    const std::int64_t id = store_.create(run);
    for (std::size_t i = 0; i < losses.size(); ++i) {
      const auto epoch = static_cast<std::int64_t>(i + 1);
      store_.record_metrics(id, epoch, "train", {{"images_per_second", 100.0 + static_cast<double>(++speed_)}});
      store_.record_metrics(id, epoch, "val", {{"loss", losses[i]}, {"top1", 50.0 + static_cast<double>(epoch)}});
      store_.record_weight_stats(id, epoch, {{"conv", {1, epoch}}});
    }
    store_.finish(id, RunStatus::finished);
    return id;
  }
  [[nodiscard]] Reproduction compare(std::int64_t a, std::int64_t b) const {
    return compare_reproduction(database_, a, b, {"name", "seed"});
  }
  static MetricAgreement metric(const Reproduction& result, const std::string& name) {
    for (const MetricAgreement& item : result.metrics) {
      if (item.name == name) return item;
    }
    ADD_FAILURE() << "no metric " << name;
    return {};
  }

  Database database_{path(), OpenMode::create};
  RunStore store_{database_};
  int speed_ = 0;
};

TEST_F(ReproductionTest, EqualMetricsAgreeWhateverTheSpeedWas) {
  const Reproduction result = compare(trained({2.5, kNan, kInfinity}), trained({2.5, kNan, kInfinity}));
  EXPECT_TRUE(result.agrees());
  EXPECT_EQ(result.epochs(), 3);
  EXPECT_THAT(result.metrics, SizeIs(2));
  EXPECT_THAT(result.not_compared, ElementsAre("train/images_per_second"));
  EXPECT_EQ(result.weight_rows, 3);
  EXPECT_EQ(metric(result, "loss").compared, 3);
  EXPECT_EQ(metric(result, "loss").best_repeated, 2.5);
  EXPECT_THAT(result.configuration, IsEmpty());
  EXPECT_THAT(result.environment, IsEmpty());
}

TEST_F(ReproductionTest, OneBitIsADifference) {
  const double near = std::nextafter(0.3, 1.0);
  const Reproduction result = compare(trained({0.5, 0.3, 0.25}), trained({0.5, near, 0.5}));
  EXPECT_FALSE(result.agrees());
  const MetricAgreement loss = metric(result, "loss");
  EXPECT_EQ(loss.differing, 2);
  EXPECT_EQ(loss.first_differing, 2);
  EXPECT_EQ(loss.largest_difference, 0.25);
  EXPECT_EQ(loss.largest_at, 3);
  EXPECT_EQ(loss.last_original, 0.25);
  EXPECT_EQ(loss.last_repeated, 0.5);
  EXPECT_EQ(loss.best_original, 0.25) << "the smallest loss is the best";
  EXPECT_EQ(loss.best_repeated, near);
  EXPECT_TRUE(metric(result, "top1").agrees());
  EXPECT_EQ(metric(result, "top1").best_original, 53);
}

TEST_F(ReproductionTest, NotANumberOnOneSideIsAnInfiniteDifference) {
  const Reproduction result = compare(trained({1, kNan}), trained({1, 2}));
  EXPECT_EQ(metric(result, "loss").largest_difference, kInfinity);
  EXPECT_EQ(metric(result, "loss").last_original, std::nullopt);
  EXPECT_EQ(metric(compare(trained({kInfinity}), trained({-kInfinity})), "loss").differing, 1);
}

TEST_F(ReproductionTest, OnlyCommonEpochsAreCompared) {
  const Reproduction result = compare(trained({3, 2}), trained({3, 2, 1, 0.5}));
  EXPECT_TRUE(result.agrees());
  EXPECT_EQ(result.epochs(), 2);
  EXPECT_EQ(result.repeated_epochs, 4);
  EXPECT_EQ(metric(result, "loss").last_repeated, 2) << "of the last compared epoch";
  EXPECT_EQ(metric(result, "loss").best_repeated, 2);
}

TEST_F(ReproductionTest, AMetricThatTheRepetitionLacksIsADifference) {
  const std::int64_t original = trained({3, 2});
  store_.record_metrics(original, 1, "val", {{"top5", 90}});
  const std::int64_t repeated = trained({3, 2});
  store_.record_metrics(repeated, 1, "val", {{"new_metric", 1}});
  const Reproduction result = compare(original, repeated);
  EXPECT_FALSE(result.agrees());
  EXPECT_EQ(metric(result, "top5").missing, 1);
  EXPECT_THAT(result.metrics, SizeIs(3)) << "what only the repetition has is not compared";
}

TEST_F(ReproductionTest, NothingInCommonIsNoAgreement) {
  EXPECT_FALSE(compare(trained({}), trained({})).agrees());
  EXPECT_FALSE(compare(trained({1}), trained({})).agrees());
}

TEST_F(ReproductionTest, WeightStatisticsCount) {
  const std::int64_t original = trained({3});
  const std::int64_t repeated = trained({3});
  store_.record_weight_stats(repeated, 1, {{"conv", {2, 0}}});
  const Reproduction result = compare(original, repeated);
  EXPECT_EQ(result.differing_weight_rows, 1);
  EXPECT_FALSE(result.agrees());
}

TEST_F(ReproductionTest, SaysWhatChangedAround) {
  NewRun other = example_run(3, "other name");
  other.config["seed"] = 7;
  other.environment["torch_version"] = "2.0";
  other.dataset["train"] = 49999;
  const Reproduction result = compare(trained({1}), trained({1}, other));
  EXPECT_THAT(result.configuration, ElementsAre(Field(&Difference::key, "wbits"))) << "ignored keys are left out";
  EXPECT_THAT(result.environment, ElementsAre(Field(&Difference::key, "torch_version")));
  EXPECT_THAT(result.dataset, Contains(Field(&Difference::key, "train")));
}

TEST_F(ReproductionTest, FindsTheRunOfAProcess) {
  const std::int64_t first = trained({1});
  EXPECT_EQ(run_of_process(database_, ::getpid(), first), 0);
  const std::int64_t second = trained({1, 2});
  EXPECT_EQ(run_of_process(database_, ::getpid(), first), second);
  EXPECT_EQ(run_of_process(database_, ::getpid() + 1, first), 0);
  EXPECT_EQ(last_epoch(database_, second), 2);
  EXPECT_EQ(last_epoch(database_, second + 1), 0);
  EXPECT_EQ(metric_count(database_, second, 2), 3);
}

TEST(MeasuresTime, ByName) {
  for (const char* name : {"seconds", "images_per_second", "loader_wait_seconds", "latency", "step_ms"}) {
    EXPECT_TRUE(measures_time(name)) << name;
  }
  for (const char* name : {"loss", "top1", "lr", "frozen_fraction"}) EXPECT_FALSE(measures_time(name)) << name;
}

}  // namespace
}  // namespace denseshift::results_db
