// Ranges and ticks.

#include "experiments/plot/axes.h"

#include <gmock/gmock.h>

#include <cmath>

#include "experiments/plot/svg.h"

namespace denseshift::plot {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> result;
  for (const Tick& tick : ticks) result.push_back(tick.text);
  return result;
}

TEST(Range, HoldsTheFiniteValuesWithRoom) {
  EXPECT_EQ(range_of({2, NAN, 12, INFINITY}, 0.1), (Range{1, 13}));
  EXPECT_EQ(range_of({}), (Range{0, 1}));
  EXPECT_EQ(range_of({5}), (Range{4.5, 5.5}));
  EXPECT_EQ(range_of({0, 0}), (Range{-1, 1}));
  EXPECT_EQ(range_of({-5}), (Range{-5.5, -4.5}));
}

TEST(Ticks, AreOneTwoOrFive) {
  EXPECT_THAT(texts(ticks({0, 1}, 6)), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(texts(ticks({0, 100}, 5)), ElementsAre("0", "50", "100"));
  EXPECT_THAT(texts(ticks({60.8, 70.94}, 6)), ElementsAre("62", "64", "66", "68", "70"));
  EXPECT_THAT(texts(ticks({-0.3, 0.3}, 4)), ElementsAre("\u22120.2", "0", "0.2"));
  EXPECT_THAT(texts(ticks({0, 4e6}, 4)), ElementsAre("0", "2e6", "4e6"));
  EXPECT_THAT(texts(ticks({0, 2.1e-4}, 4)), ElementsAre("0", "1e-4", "2e-4"));
}

TEST(Ticks, LieInsideAndAreNeverTooMany) {
  for (const Range range : {Range{0, 1}, Range{-3.7, 9.1}, Range{1e-9, 3e-9}, Range{99.5, 100.5}, Range{-2e8, 7e8}}) {
    for (int most = 2; most < 12; ++most) {
      const auto result = ticks(range, most);
      EXPECT_LE(result.size(), static_cast<std::size_t>(most));
      const double step = tick_step(range, most);
      const double leading = step / std::pow(10.0, std::floor(std::log10(step) + 1e-9));
      EXPECT_TRUE(std::abs(leading - 1) < 1e-6 || std::abs(leading - 2) < 1e-6 || std::abs(leading - 5) < 1e-6) << step;
      for (const Tick& tick : result) {
        EXPECT_GE(tick.value, range.low - step * 1e-6);
        EXPECT_LE(tick.value, range.high + step * 1e-6);
      }
    }
  }
}

TEST(Ticks, TextsDoNotTouch) {
  const Range range{-0.001, 0.001};
  const auto result = ticks_that_fit(range, 120);
  ASSERT_GE(result.size(), 2U);
  const double distance = (result[1].value - result[0].value) / 0.002 * 120;
  for (const Tick& tick : result) EXPECT_LT(text_width(tick.text), distance);
}

}  // namespace
}  // namespace denseshift::plot
