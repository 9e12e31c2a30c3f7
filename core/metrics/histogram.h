#pragma once
// Histograms of real values.

#include <cstdint>
#include <vector>

namespace denseshift::metrics {

/// Counts of values in equal bins between `low` and `high`; the last bin holds `high` itself.
struct Histogram {
  double low = 0;
  double high = 0;
  std::vector<std::int64_t> counts;
  bool operator==(const Histogram&) const = default;
};

/// Histogram over the symmetric range [-m, m] with m the largest finite magnitude (1 when all values are 0), in `bins`
/// bins; with an odd number of them 0 is in the middle of a bin. Values that are not finite are left out.
[[nodiscard]] Histogram symmetric_histogram(const float* values, std::int64_t count, int bins);

}  // namespace denseshift::metrics
