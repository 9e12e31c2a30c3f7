#include "core/bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace denseshift::bench {

double quantile(std::vector<double> samples, double p) {
  std::sort(samples.begin(), samples.end());
  const double at = p * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(at));
  const std::size_t above = std::min(below + 1, samples.size() - 1);
  return samples[below] + (at - static_cast<double>(below)) * (samples[above] - samples[below]);
}

Summary summarise(const std::vector<double>& samples) {
  if (samples.empty()) return {};
  Summary summary;
  summary.count = samples.size();
  summary.min = quantile(samples, 0);
  summary.q1 = quantile(samples, 0.25);
  summary.median = quantile(samples, 0.5);
  summary.q3 = quantile(samples, 0.75);
  summary.p95 = quantile(samples, 0.95);
  return summary;
}

}  // namespace denseshift::bench
