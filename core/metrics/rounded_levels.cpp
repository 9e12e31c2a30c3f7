#include "core/metrics/rounded_levels.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace denseshift::metrics {

void RoundedLevels::fit(const float* weights, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += std::fabs(static_cast<double>(weights[i]));
  const double mean = count == 0 ? 0 : sum / static_cast<double>(count);
  const int magnitudes = top() + 1;
  const double mean_level = (std::ldexp(1.0, magnitudes) - 1) / magnitudes;
  scale_ = mean > 0 ? mean / mean_level : 1;
}

std::vector<double> RoundedLevels::levels() const {
  std::vector<double> levels;
  for (int k = top(); k >= 0; --k) levels.push_back(-std::ldexp(1.0, k));
  for (int k = 0; k <= top(); ++k) levels.push_back(std::ldexp(1.0, k));
  return levels;
}

std::vector<std::uint8_t> RoundedLevels::codes(const float* weights, std::int64_t count) const {
  // Between 2^k and 2^(k+1) the limit is 1.5 * 2^k.
  std::vector<double> limits;
  for (int k = 0; k < top(); ++k) limits.push_back(std::ldexp(1.5 * scale_, k));
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const double magnitude = std::fabs(static_cast<double>(weights[i]));
    int k = 0;
    for (const double limit : limits) k += magnitude >= limit;
    codes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(weights[i] > 0 ? top() + 1 + k : top() - k);
  }
  return codes;
}

}  // namespace denseshift::metrics
