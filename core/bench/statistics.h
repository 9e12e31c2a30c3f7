#pragma once
// Order statistics of timings: medians and quantiles, since the errors of a timing only ever make it longer.

#include <cstddef>
#include <vector>

namespace denseshift::bench {

/// Value below which the share `p` (0..1) of the samples lies, between neighbours by a straight line. REQUIRES: not
/// empty.
[[nodiscard]] double quantile(std::vector<double> samples, double p);

/// What is told of a set of samples, in the samples' unit.
struct Summary {
  std::size_t count = 0;
  double min = 0, q1 = 0, median = 0, q3 = 0, p95 = 0;
};

/// All fields 0 when there are no samples.
[[nodiscard]] Summary summarise(const std::vector<double>& samples);

}  // namespace denseshift::bench
