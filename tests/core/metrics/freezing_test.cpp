#include "core/metrics/freezing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "core/util/error.h"
#include "core/util/rng.h"

namespace denseshift::metrics {
namespace {

using Codes = std::vector<std::uint8_t>;

/// S of a code, as the definition says.
int shift_of(std::uint8_t code, int gates) {
  int shift = 0;
  for (int t = 1; t <= gates; ++t) shift = (code >> t) & 1 ? shift + 1 : 0;
  return shift;
}

TEST(Freezing, ConstantCodesAreFrozen) {
  const Codes codes = {0b0000, 0b1111, 0b1100, 0b0011};
  FreezingTracker tracker(4, 3);
  for (int k = 0; k < 3; ++k) tracker.snapshot(codes.data());
  const FreezingReport report = tracker.report();
  EXPECT_EQ(report.frozen_fraction(), 1.0);
  EXPECT_EQ(report.last.rate(), 0.0);
  EXPECT_EQ(report.last.jump_size(), 0.0);
  EXPECT_EQ(report.mean_distinct_shifts(), 1.0);
  EXPECT_EQ(report.mean_distinct_levels(), 1.0);
  EXPECT_EQ(report.last.observed, 4);
  EXPECT_EQ(report.window.observed, 8);
}

TEST(Freezing, AlternatingShiftsAreNot) {
  const Codes low = {0b0000, 0b1001}, high = {0b1000, 0b1101};  // S 0 -> 1 and 1 -> 2, same signs
  FreezingTracker tracker(2, 3);
  for (int k = 0; k < 6; ++k) tracker.snapshot(k % 2 == 0 ? low.data() : high.data());
  const FreezingReport report = tracker.report();
  EXPECT_EQ(report.frozen_fraction(), 0.0);
  EXPECT_EQ(report.last.rate(), 1.0);
  EXPECT_EQ(report.last.sign_rate(), 0.0);
  EXPECT_EQ(report.last.shift_rate(), 1.0);
  EXPECT_EQ(report.last.jump_size(), 1.0);
  EXPECT_EQ(report.mean_distinct_shifts(), 2.0);
  EXPECT_EQ(report.window.rate(), 1.0);
}

TEST(Freezing, SignFlipsAndHiddenGatesAreToldApart) {
  // Weight 0 flips its sign, weight 1 moves an inner gate behind a closed outer one, weight 2 jumps from 8 to 1.
  const Codes before = {0b0000, 0b0010, 0b1110}, after = {0b0001, 0b0110, 0b0110};
  FreezingTracker tracker(3, 3);
  tracker.snapshot(before.data());
  tracker.snapshot(after.data());
  const FreezingReport report = tracker.report();
  EXPECT_EQ(report.frozen, 1);
  EXPECT_EQ(report.last.changed, 2);
  EXPECT_EQ(report.last.sign_changed, 1);
  EXPECT_EQ(report.last.shift_changed, 1);
  EXPECT_EQ(report.last.jump_size(), 1.5);
  EXPECT_EQ(report.distinct_shifts, 1 + 1 + 2);
  EXPECT_EQ(report.distinct_levels, 2 + 1 + 2);
}

TEST(Freezing, EqualsTheDefinitionsOnRandomCodes) {
  for (const int gates : {1, 3, 7}) {
    for (const std::size_t n : {std::size_t{1}, std::size_t{4095}, std::size_t{4097}, std::size_t{9001}}) {
      RandomStream random(n, static_cast<std::uint64_t>(gates));
      std::vector<Codes> snapshots;
      Codes codes(n);
      for (int k = 0; k < 4; ++k) {
        for (std::uint8_t& code : codes) {
          if (random.below(2) == 0) code = static_cast<std::uint8_t>(random.below(2U << gates));
        }
        snapshots.push_back(codes);
      }
      FreezingTracker tracker(static_cast<std::int64_t>(n), gates);
      FreezingReport expected;
      expected.weights = static_cast<std::int64_t>(n);
      std::vector<std::set<std::pair<int, int>>> levels(n);
      for (std::size_t k = 0; k < snapshots.size(); ++k) {
        tracker.snapshot(snapshots[k].data());
        ChangeCounts counts;
        for (std::size_t i = 0; i < n; ++i) {
          const std::uint8_t now = snapshots[k][i];
          levels[i].insert({now & 1, shift_of(now, gates)});
          if (k == 0) continue;
          const std::uint8_t past = snapshots[k - 1][i];
          const int distance = std::abs(shift_of(now, gates) - shift_of(past, gates));
          ++counts.observed;
          counts.sign_changed += (now & 1) != (past & 1);
          counts.shift_changed += distance != 0;
          counts.changed += (now & 1) != (past & 1) || distance != 0;
          counts.shift_distance += distance;
        }
        expected.last = counts;
        expected.window += counts;
      }
      for (const auto& visited : levels) {
        std::set<int> shifts;
        for (const auto& level : visited) shifts.insert(level.second);
        expected.frozen += visited.size() == 1;
        expected.distinct_levels += static_cast<std::int64_t>(visited.size());
        expected.distinct_shifts += static_cast<std::int64_t>(shifts.size());
      }
      EXPECT_EQ(tracker.report(), expected) << gates << " gates, " << n << " weights";
    }
  }
}

TEST(Freezing, ReportsOfLayersAddUpByWeights) {
  const Codes moving[] = {{0b00, 0b10}, {0b10, 0b00}}, still = {0b11, 0b11, 0b11, 0b11, 0b11, 0b11};
  FreezingTracker small(2, 1), large(6, 1);
  for (const Codes& codes : moving) {
    small.snapshot(codes.data());
    large.snapshot(still.data());
  }
  FreezingReport network = small.report();
  network += large.report();
  EXPECT_EQ(network.frozen_fraction(), 0.75);
  EXPECT_EQ(network.last.rate(), 0.25);
  EXPECT_EQ(network.mean_distinct_shifts(), 1.25);
}

TEST(Freezing, NothingSeenIsAllZero) {
  EXPECT_EQ(FreezingTracker(5, 3).report(), FreezingReport{});
  EXPECT_EQ(FreezingReport{}.frozen_fraction(), 0.0);
  FreezingTracker once(1, 1);
  const std::uint8_t code = 0;
  once.snapshot(&code);
  EXPECT_EQ(once.report().frozen_fraction(), 1.0);
  EXPECT_EQ(once.report().last.rate(), 0.0);
  EXPECT_THROW(FreezingTracker(-1, 3), std::invalid_argument);
  EXPECT_THROW(FreezingTracker(1, 8), std::invalid_argument);
  EXPECT_THROW(FreezingTracker(1, 0), std::invalid_argument);
}

TEST(Freezing, GoesOnFromASavedState) {
  RandomStream random(7);
  Codes codes(5000);
  FreezingTracker whole(5000, 7), second(5000, 7);
  for (int k = 0; k < 6; ++k) {
    for (std::uint8_t& code : codes) {
      if (random.below(4) == 0) code = static_cast<std::uint8_t>(random.below(256));
    }
    whole.snapshot(codes.data());
    if (k == 2) second.restore(whole.state());
    if (k > 2) second.snapshot(codes.data());
  }
  EXPECT_EQ(whole.report(), second.report());
  EXPECT_EQ(whole.state(), second.state());
  EXPECT_EQ(second.snapshots(), 6);
}

TEST(Freezing, RefusesAStateOfAnotherLayer) {
  FreezingTracker tracker(10, 3);
  const Codes state = FreezingTracker(11, 3).state();
  EXPECT_THROW(tracker.restore(state), Error);
  EXPECT_THROW(tracker.restore(FreezingTracker(10, 7).state()), Error);
  EXPECT_THROW(tracker.restore({}), Error);
  Codes damaged = tracker.state();
  damaged[0] ^= 1;
  EXPECT_THROW(tracker.restore(damaged), Error);
}

}  // namespace
}  // namespace denseshift::metrics
