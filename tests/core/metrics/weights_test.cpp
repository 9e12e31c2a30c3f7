// Histograms of real weights, and real weights rounded to DenseShift's levels.

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "core/metrics/histogram.h"
#include "core/metrics/rounded_levels.h"
#include "core/util/rng.h"

namespace denseshift::metrics {
namespace {

using ::testing::ElementsAre;

TEST(Histogram, IsSymmetricAndHoldsEverything) {
  const std::vector<float> values = {-1.0F, -0.34F, -0.32F, 0.0F, 0.32F, 0.34F, 0.5F, 2.0F / 3};
  const Histogram histogram = symmetric_histogram(values.data(), 8, 3);
  EXPECT_EQ(histogram.low, -1);
  EXPECT_EQ(histogram.high, 1);
  EXPECT_THAT(histogram.counts, ElementsAre(2, 3, 3));
}

TEST(Histogram, ZeroIsInTheMiddleAndTheEndsAreInside) {
  const std::vector<float> zeros(5, 0.0F);
  const Histogram flat = symmetric_histogram(zeros.data(), 5, 101);
  EXPECT_EQ(flat.high, 1);
  EXPECT_EQ(flat.counts[50], 5);
  RandomStream random(1);
  std::vector<float> values(10000);
  for (float& value : values) value = static_cast<float>(1e-3 * random.normal());
  const Histogram normal = symmetric_histogram(values.data(), 10000, 101);
  EXPECT_EQ(std::accumulate(normal.counts.begin(), normal.counts.end(), std::int64_t{0}), 10000);
  EXPECT_EQ(normal.counts.size(), 101u);
  EXPECT_GT(normal.counts.front() + normal.counts.back(), 0) << "the largest magnitude is an end of the range";
  for (std::size_t bin = 0; bin < 101; ++bin) {
    const double from = normal.low + static_cast<double>(bin) * (2 * normal.high / 101);
    std::int64_t expected = 0;
    for (const float value : values) {
      const double x = static_cast<double>(value);
      expected += x >= from && (x < from + 2 * normal.high / 101 || bin == 100);
    }
    EXPECT_NEAR(static_cast<double>(normal.counts[bin]), static_cast<double>(expected), 1) << bin;
  }
}

TEST(Histogram, LeavesOutWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {1.0F, infinity, -infinity, std::nanf("")};
  EXPECT_THAT(symmetric_histogram(values.data(), 4, 1).counts, ElementsAre(1));
}

TEST(RoundedLevels, TakesTheNearestLevel) {
  for (const std::int64_t bits : {2, 3, 4}) {
    const RoundedLevels rounded(bits, 0.25);
    const std::vector<double> levels = rounded.levels();
    EXPECT_EQ(levels.size(), std::size_t{1} << bits);
    EXPECT_EQ(levels.back(), std::exp2((1 << (bits - 1)) - 1));
    RandomStream random(static_cast<std::uint64_t>(bits));
    std::vector<float> weights(2000);
    for (float& weight : weights) weight = static_cast<float>(random.normal() * std::exp2(random.uniform(-4, 6)));
    const std::vector<std::uint8_t> codes = rounded.codes(weights.data(), 2000);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double w = static_cast<double>(weights[i]);
      const double chosen = std::fabs(w - 0.25 * levels.at(codes[i]));
      for (const double level : levels) EXPECT_LE(chosen, std::fabs(w - 0.25 * level)) << w;
    }
  }
}

TEST(RoundedLevels, TiesAndZero) {
  const std::vector<float> weights = {0.0F, -0.0F, 1.5F, -1.5F, 1e-30F, 1e30F};
  EXPECT_THAT(RoundedLevels(2).codes(weights.data(), 6), ElementsAre(1, 1, 3, 0, 2, 3));
}

TEST(RoundedLevels, TheScaleMatchesTheMeanMagnitude) {
  const std::vector<float> weights = {-3.0F, 1.0F, 0.5F, 3.0F};  // mean magnitude 1.875
  RoundedLevels rounded(3);                                      // 1, 2, 4, 8: mean 3.75
  rounded.fit(weights.data(), 4);
  EXPECT_DOUBLE_EQ(rounded.scale(), 0.5);
  const std::vector<float> zeros(3, 0.0F);
  rounded.fit(zeros.data(), 3);
  EXPECT_EQ(rounded.scale(), 1);
}

}  // namespace
}  // namespace denseshift::metrics
