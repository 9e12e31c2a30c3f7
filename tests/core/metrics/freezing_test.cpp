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

/// DenseShift's levels: -2^T .. -1, 1 .. 2^T.
std::vector<double> dense_levels(int top) {
  std::vector<double> levels;
  for (int k = top; k >= 0; --k) levels.push_back(-std::ldexp(1.0, k));
  for (int k = 0; k <= top; ++k) levels.push_back(std::ldexp(1.0, k));
  return levels;
}

TEST(Freezing, LevelsHaveSignAndShift) {
  using Parts = std::vector<LevelParts>;
  EXPECT_EQ(level_parts({-4, -1, 1, 4}), (Parts{{-1, 2}, {-1, 0}, {1, 0}, {1, 2}}));
  EXPECT_EQ(level_parts({-0.5, 0, 0.25}), (Parts{{-1, 1}, {0, -1}, {1, 0}})) << "zero is one step below the smallest";
  EXPECT_EQ(level_parts({-3, -2, -1, 0, 1, 2, 3})[0], (LevelParts{-1, 2})) << "log2 3 is nearer to 2";
  EXPECT_EQ(level_parts({0, 1e-30, 1}).back(), (LevelParts{1, 30})) << "the largest shift told apart";
  EXPECT_EQ(level_parts({0}), (Parts{{0, -1}}));
}

TEST(Freezing, ConstantCodesAreFrozen) {
  const Codes codes = {4, 0, 7, 3};
  FreezingTracker tracker(4, dense_levels(3));
  for (int k = 0; k < 3; ++k) tracker.snapshot(codes.data());
  const FreezingReport report = tracker.report();
  EXPECT_EQ(report.frozen_fraction(), 1.0);
  EXPECT_EQ(report.last.rate(), 0.0);
  EXPECT_EQ(report.last.jump_size(), 0.0);
  EXPECT_EQ(report.mean_distinct_shifts(), 1.0);
  EXPECT_EQ(report.mean_distinct_levels(), 1.0);
  EXPECT_EQ(report.last.observed, 4);
  EXPECT_EQ(report.window.observed, 8);
  EXPECT_EQ(tracker.histogram(), (std::vector<std::int64_t>{1, 0, 0, 1, 1, 0, 0, 1}));
}

TEST(Freezing, AlternatingShiftsAreNot) {
  const Codes low = {4, 2}, high = {5, 1};  // S 0 -> 1 and 1 -> 2, same signs
  FreezingTracker tracker(2, dense_levels(3));
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

TEST(Freezing, SignFlipsAndJumpsAreToldApart) {
  // Weight 0 flips its sign, weight 1 stays, weight 2 jumps from 8 to 1.
  const Codes before = {4, 5, 7}, after = {3, 5, 4};
  FreezingTracker tracker(3, dense_levels(3));
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

TEST(Freezing, ATernaryWeightPassesThroughZero) {
  const Codes snapshots[] = {{0, 1}, {1, 2}, {2, 1}};  // -1 -> 0 -> +1 and 0 -> +1 -> 0
  FreezingTracker tracker(2, {-0.7, 0, 0.7});
  for (const Codes& codes : snapshots) tracker.snapshot(codes.data());
  const FreezingReport report = tracker.report();
  EXPECT_EQ(report.window.changed, 4);
  EXPECT_EQ(report.window.sign_changed, 4);
  EXPECT_EQ(report.window.shift_changed, 4);
  EXPECT_EQ(report.window.jump_size(), 1.0);
  EXPECT_EQ(report.distinct_shifts, 2 + 2);
  EXPECT_EQ(report.distinct_levels, 3 + 2);
}

TEST(Freezing, ManyLevelsChangeWithoutChangingTheShift) {
  std::vector<double> levels;
  for (int k = -128; k < 128; ++k) levels.push_back(k);
  FreezingTracker tracker(3, levels);
  const Codes before = {128 + 100, 128 + 5, 0}, after = {128 + 101, 128 - 5, 0};
  tracker.snapshot(before.data());
  tracker.snapshot(after.data());
  const FreezingReport report = tracker.report();
  EXPECT_EQ(report.frozen, 1);
  EXPECT_EQ(report.last.changed, 2);
  EXPECT_EQ(report.last.sign_changed, 1);
  EXPECT_EQ(report.last.shift_changed, 0);
  EXPECT_EQ(report.distinct_shifts, 3);
}

/// The level sets of the methods: dense, with zero, uniform, and as many as a byte can tell.
std::vector<std::vector<double>> level_sets() {
  std::vector<std::vector<double>> sets = {
      dense_levels(1), dense_levels(3), dense_levels(7), {-1, 0, 1}, dense_levels(30)};
  for (const int half : {7, 8, 15, 31, 127}) {
    sets.emplace_back();
    for (int k = -half; k <= half; ++k) sets.back().push_back(0.37 * k);
  }
  return sets;
}

TEST(Freezing, EqualsTheDefinitionsOnRandomCodes) {
  for (const std::vector<double>& set : level_sets()) {
    const std::vector<LevelParts> parts = level_parts(set);
    for (const std::size_t n : {std::size_t{1}, std::size_t{4095}, std::size_t{4097}, std::size_t{9001}}) {
      RandomStream random(n, set.size());
      std::vector<Codes> snapshots;
      Codes codes(n);
      for (int k = 0; k < 4; ++k) {
        for (std::uint8_t& code : codes) {
          if (random.below(2) == 0) code = static_cast<std::uint8_t>(random.below(set.size()));
        }
        snapshots.push_back(codes);
      }
      FreezingTracker tracker(static_cast<std::int64_t>(n), set);
      FreezingReport expected;
      expected.weights = static_cast<std::int64_t>(n);
      std::vector<std::set<std::uint8_t>> levels(n);
      for (std::size_t k = 0; k < snapshots.size(); ++k) {
        tracker.snapshot(snapshots[k].data());
        ChangeCounts counts;
        for (std::size_t i = 0; i < n; ++i) {
          const std::uint8_t now = snapshots[k][i];
          levels[i].insert(now);
          if (k == 0) continue;
          const std::uint8_t past = snapshots[k - 1][i];
          const int distance = std::abs(parts[now].shift - parts[past].shift);
          ++counts.observed;
          counts.sign_changed += parts[now].sign != parts[past].sign;
          counts.shift_changed += distance != 0;
          counts.changed += now != past;
          counts.shift_distance += distance;
        }
        expected.last = counts;
        expected.window += counts;
      }
      std::vector<std::int64_t> histogram(set.size());
      for (const std::uint8_t code : snapshots.back()) ++histogram[code];
      for (const auto& visited : levels) {
        std::set<int> shifts;
        std::set<std::pair<int, int>> classes;
        for (const std::uint8_t level : visited) {
          shifts.insert(parts[level].shift);
          classes.insert({parts[level].sign, parts[level].shift});
        }
        expected.frozen += visited.size() == 1;
        expected.distinct_levels += static_cast<std::int64_t>(set.size() > 16 ? classes.size() : visited.size());
        expected.distinct_shifts += static_cast<std::int64_t>(shifts.size());
      }
      EXPECT_EQ(tracker.report(), expected) << set.size() << " levels, " << n << " weights";
      EXPECT_EQ(tracker.histogram(), histogram);
    }
  }
}

TEST(Freezing, ReportsOfLayersAddUpByWeights) {
  const Codes moving[] = {{2, 3}, {3, 2}}, still = {0, 0, 0, 0, 0, 0};
  FreezingTracker small(2, dense_levels(1)), large(6, dense_levels(1));
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
  EXPECT_EQ(FreezingTracker(5, dense_levels(3)).report(), FreezingReport{});
  EXPECT_EQ(FreezingReport{}.frozen_fraction(), 0.0);
  FreezingTracker once(1, dense_levels(1));
  const std::uint8_t code = 0;
  once.snapshot(&code);
  EXPECT_EQ(once.report().frozen_fraction(), 1.0);
  EXPECT_EQ(once.report().last.rate(), 0.0);
  EXPECT_THROW(FreezingTracker(-1, {1}), std::invalid_argument);
  EXPECT_THROW(FreezingTracker(1, std::vector<double>{}), std::invalid_argument);
  EXPECT_THROW(FreezingTracker(1, std::vector<double>(257)), std::invalid_argument);
  const std::uint8_t beyond = 4;
  EXPECT_THROW(once.snapshot(&beyond), std::invalid_argument);
}

TEST(Freezing, GoesOnFromASavedState) {
  for (const std::vector<double>& set : level_sets()) {
    RandomStream random(7);
    Codes codes(5000);
    FreezingTracker whole(5000, set), second(5000, std::vector<double>(set.size(), 1.0));
    for (int k = 0; k < 6; ++k) {
      for (std::uint8_t& code : codes) {
        if (random.below(4) == 0) code = static_cast<std::uint8_t>(random.below(set.size()));
      }
      whole.snapshot(codes.data());
      if (k == 2) second.restore(whole.state());
      if (k > 2) second.snapshot(codes.data());
    }
    EXPECT_EQ(whole.report(), second.report()) << "the saved signs and shifts count, not those of the new tracker";
    EXPECT_EQ(whole.state(), second.state());
    EXPECT_EQ(whole.histogram(), second.histogram());
    EXPECT_EQ(second.snapshots(), 6);
  }
}

TEST(Freezing, RefusesAStateOfAnotherLayer) {
  FreezingTracker tracker(10, dense_levels(3));
  EXPECT_THROW(tracker.restore(FreezingTracker(11, dense_levels(3)).state()), Error);
  EXPECT_THROW(tracker.restore(FreezingTracker(10, dense_levels(7)).state()), Error);
  EXPECT_THROW(tracker.restore({}), Error);
  const Codes good = tracker.state();
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{8 * 14}, std::size_t{8 * 14 + 1}, std::size_t{8 * 14 + 16}}) {
    Codes damaged = good;
    damaged[at] = 0x55;
    EXPECT_THROW(tracker.restore(damaged), Error) << at;
  }
  tracker.restore(good);
}

}  // namespace
}  // namespace denseshift::metrics
