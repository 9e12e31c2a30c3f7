#include "core/metrics/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace denseshift::metrics {

Histogram symmetric_histogram(const float* values, std::int64_t count, int bins) {
  float largest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) largest = std::max(largest, std::fabs(values[i]));
  }
  Histogram histogram;
  histogram.high = largest > 0 ? static_cast<double>(largest) : 1.0;
  histogram.low = -histogram.high;
  histogram.counts.resize(static_cast<std::size_t>(bins));
  // In double precision a float's bin is that of its exact value but for the last bit of this factor.
  const double per_unit = static_cast<double>(bins) / (2 * histogram.high);
  for (std::int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) continue;
    const auto bin = static_cast<std::size_t>((static_cast<double>(values[i]) + histogram.high) * per_unit);
    ++histogram.counts[std::min(bin, histogram.counts.size() - 1)];
  }
  return histogram;
}

}  // namespace denseshift::metrics
