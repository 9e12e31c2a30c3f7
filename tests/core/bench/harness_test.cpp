// Statistics, the dropping rule and the harness itself, under a clock of our own.

#include "core/bench/harness.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>
#include <stdexcept>

namespace denseshift::bench {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;

/// Time that passes only when a candidate says so.
struct FakeMachine {
  double now = 0;
  std::size_t calibrations = 0;
  std::vector<double> calibrator;  ///< seconds of each calibration in turn, the last one for ever; empty: 1

  HarnessOptions options(std::size_t rounds) {
    HarnessOptions options;
    options.rounds = rounds;
    options.sample_seconds = 1e-3;
    options.clock = [this] { return now; };
    options.calibrator = [this] {
      const std::size_t at = calibrations++;
      return calibrator.empty() ? 1.0 : calibrator[std::min(at, calibrator.size() - 1)];
    };
    return options;
  }
  Candidate candidate(const std::string& name, double seconds) {
    return {name, "", "",
            [this, seconds](std::size_t, std::size_t count) { now += seconds * static_cast<double>(count); }};
  }
};

TEST(Statistics, QuantilesLieBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({10}, 0.95), 10);
  const Summary summary = summarise({5, 1, 2, 3, 4});
  EXPECT_EQ(summary.count, 5U);
  EXPECT_DOUBLE_EQ(summary.min, 1);
  EXPECT_DOUBLE_EQ(summary.q1, 2);
  EXPECT_DOUBLE_EQ(summary.median, 3);
  EXPECT_DOUBLE_EQ(summary.q3, 4);
  EXPECT_DOUBLE_EQ(summary.p95, 4.8);
  EXPECT_EQ(summarise({}).count, 0U);
}

TEST(SelectRounds, DropsWhatIsSlowerThanTheThreshold) {
  const Selection selection = select_rounds({1.0, 1.09, 1.11, 1.0, 3.0, 1.05}, 0.10, 0.5);
  EXPECT_THAT(selection.kept, ElementsAre(0, 1, 3, 5));
  EXPECT_EQ(selection.disturbed_kept, 0U);
}

TEST(SelectRounds, NeverDropsMoreThanTheShareAndTheWorstFirst) {
  const Selection selection = select_rounds({1.0, 2.0, 3.0, 4.0, 5.0}, 0.10, 0.5);
  EXPECT_THAT(selection.kept, ElementsAre(0, 1, 2));
  EXPECT_EQ(selection.disturbed_kept, 2U);
  EXPECT_THAT(select_rounds({1.0, 9.0}, 0.10, 0).kept, ElementsAre(0, 1));
  EXPECT_TRUE(select_rounds({}, 0.1, 0.5).kept.empty());
}

TEST(Measure, RepeatsShortCallsUntilASampleIsLongEnough) {
  FakeMachine machine;
  const Measurement measured =
      measure({machine.candidate("short", 1e-7), machine.candidate("long", 0.5)}, machine.options(5));
  EXPECT_EQ(measured.timing("long").repetitions, 1U);
  EXPECT_THAT(static_cast<double>(measured.timing("short").repetitions), DoubleNear(10000, 2));
  EXPECT_THAT(measured.timing("short").seconds, Each(DoubleNear(1e-7, 1e-12)));
  EXPECT_EQ(measured.timing("short").summary.count, 5U);
  EXPECT_THROW((void)measured.timing("other"), std::out_of_range);
}

TEST(Measure, RatioIsTakenWithinEachRound) {
  // The machine slows down from round to round by more than the candidates differ: only the quotients within a round
  // tell them apart.
  FakeMachine machine;
  double slowness = 1;
  HarnessOptions options = machine.options(8);
  options.on_round = [&](std::size_t) { slowness *= 2; };
  const auto slowed = [&](const std::string& name, double seconds) {
    return Candidate{name, "", "", [&, seconds](std::size_t, std::size_t count) {
                       machine.now += slowness * seconds * static_cast<double>(count);
                     }};
  };
  const Measurement measured = measure({slowed("base", 3.0), slowed("fast", 2.0)}, options);
  const Summary speedup = measured.speedup("fast", "base");
  for (const double value : {speedup.min, speedup.q1, speedup.median, speedup.q3}) EXPECT_NEAR(value, 1.5, 1e-9);
  EXPECT_NEAR(measured.speedup("base", "fast").median, 2.0 / 3.0, 1e-9);
  EXPECT_GT(measured.timing("base").summary.q3, 10 * measured.timing("base").summary.min);
}

TEST(Measure, DisturbedRoundsAreLeftOutOfEveryTiming) {
  FakeMachine machine;
  machine.calibrator = {1, 1, 1, 1.5, 1, 1, 2, 1, 1};  // before and after each round: rounds 1 and 3 are slow
  double price = 1;
  HarnessOptions options = machine.options(4);
  options.on_round = [&](std::size_t done) { price = static_cast<double>(done) + 1; };
  const Candidate candidate{"a", "", "",
                            [&](std::size_t, std::size_t count) { machine.now += price * static_cast<double>(count); }};
  const Measurement measured = measure({candidate}, options);
  EXPECT_EQ(measured.rounds, 4U);
  EXPECT_EQ(measured.dropped, 2U);
  EXPECT_EQ(measured.disturbed_kept, 0U);
  EXPECT_THAT(measured.timing("a").seconds, ElementsAre(1, 3));
}

TEST(Measure, RoundsInWhichOthersHadTheCoreAreDropped) {
  FakeMachine machine;
  HarnessOptions options = machine.options(4);
  double ran = 0;
  double share = 1;  // of the core, for this thread
  options.thread_clock = [&] { return ran; };
  options.on_round = [&](std::size_t done) { share = done == 2 ? 0.5 : 1; };
  const Candidate candidate{"a", "", "", [&](std::size_t, std::size_t count) {
                              machine.now += static_cast<double>(count) / share;
                              ran += static_cast<double>(count);
                            }};
  const Measurement measured = measure({candidate}, options);
  EXPECT_EQ(measured.dropped, 1U);
  EXPECT_THAT(measured.timing("a").seconds, ElementsAre(1, 1, 1));
}

TEST(Measure, CallsAreCountedOnAndOrdersDiffer) {
  FakeMachine machine;
  std::size_t next = 0;
  std::vector<std::string> order;
  const Candidate counting{"a", "", "", [&](std::size_t first, std::size_t count) {
                             EXPECT_EQ(first, next);
                             next += count;
                             order.emplace_back("a");
                             machine.now += 1;
                           }};
  const Candidate other{"b", "", "", [&](std::size_t, std::size_t) {
                          order.emplace_back("b");
                          machine.now += 1;
                        }};
  HarnessOptions options = machine.options(20);
  options.untimed_calls = 0;
  (void)measure({counting, other}, options);
  ASSERT_GE(order.size(), 40U);
  std::set<std::string> pairs;
  for (std::size_t i = order.size() - 40; i < order.size(); i += 2) {
    EXPECT_NE(order[i], order[i + 1]) << "each round times every candidate once";
    pairs.insert(order[i] + order[i + 1]);
  }
  EXPECT_EQ(pairs.size(), 2U);
}

TEST(Measure, UntimedCallsComeBeforeEachSampleAndDoNotCount) {
  FakeMachine machine;
  bool cold = true;
  const Candidate first{"a", "", "", [&](std::size_t, std::size_t count) {
                          machine.now += static_cast<double>(count) + (cold ? 10 : 0);
                          cold = false;
                        }};
  const Candidate evicting{"b", "", "", [&](std::size_t, std::size_t count) {
                             machine.now += static_cast<double>(count);
                             cold = true;
                           }};
  HarnessOptions options = machine.options(4);
  EXPECT_THAT(measure({first, evicting}, options).timing("a").seconds, ::testing::Each(1));
  options.untimed_calls = 0;
  EXPECT_THAT(measure({first, evicting}, options).timing("a").seconds, ::testing::Contains(::testing::Gt(1)));
}

TEST(Calibration, TheChainTakesTime) {
  EXPECT_GT(calibration_seconds(), 0);
  const double clock = estimated_clock();
  EXPECT_TRUE(std::isfinite(clock));
  EXPECT_GT(clock, 0);
}

}  // namespace
}  // namespace denseshift::bench
