// The freezing entries of the quantizer vectors. Their codes number the levels; which level has which number does not
// matter for what they expect.

#include <gtest/gtest.h>

#include "core/metrics/freezing.h"
#include "tests/support/quantizer_vectors.h"

namespace denseshift::metrics {
namespace {

TEST(FreezingVectors, FractionsAndRates) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int compared = 0;
  for (const nlohmann::json& entry : denseshift::testing::quantizer_vectors()) {
    if (entry.at("kind") != "metric" || !entry.at("expected").contains("frozen_fraction")) continue;
    const int bits = entry.at("bits").get<int>();
    ASSERT_GE(bits, 2);
    ASSERT_LE(bits, 4);
    std::vector<double> level_values;
    for (int level = 0; level < 1 << bits; ++level) level_values.push_back(level + 1);
    const auto shape = entry.at("inputs").at("codes").at("shape").get<std::vector<std::size_t>>();
    const auto levels = denseshift::testing::tensor<int>(entry.at("inputs").at("codes"));
    FreezingTracker tracker(static_cast<std::int64_t>(shape[1]), level_values);
    std::vector<double> rates;
    for (std::size_t k = 0; k < shape[0]; ++k) {
      std::vector<std::uint8_t> codes;
      for (std::size_t i = 0; i < shape[1]; ++i) {
        const int level = levels[k * shape[1] + i];
        ASSERT_GE(level, 0);
        ASSERT_LT(level, 1 << bits);
        codes.push_back(static_cast<std::uint8_t>(level));
      }
      tracker.snapshot(codes.data());
      if (k > 0) rates.push_back(tracker.report().last.rate());
    }
    const FreezingReport report = tracker.report();
    denseshift::testing::expect_tensor(entry, "frozen_fraction", std::vector<double>{report.frozen_fraction()});
    denseshift::testing::expect_tensor(entry, "change_rate_per_interval", rates);
    denseshift::testing::expect_tensor(entry, "mean_distinct_levels_visited",
                                       std::vector<double>{report.mean_distinct_levels()});
    ++compared;
  }
  EXPECT_GT(compared, 0) << "the file has no freezing metric";
}

}  // namespace
}  // namespace denseshift::metrics
