#pragma once
// Random boxes and other helpers of the tests of detection.

#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "core/nn/detection/boxes.h"

namespace denseshift::testing {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Numbers and boxes from a seed.
class Draw {
 public:
  explicit Draw(unsigned seed) : engine_(seed) {}
  float number(float low, float high) { return std::uniform_real_distribution<float>(low, high)(engine_); }
  std::int64_t whole(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  /// On a coarse grid, so that equal boxes, equal areas and touching sides are common.
  nn::Box box(float side, std::int64_t grid) {
    const float cell = side / static_cast<float>(grid);
    const auto pair = [&] {
      const std::int64_t a = whole(0, grid - 1);
      return std::pair{static_cast<float>(a) * cell, static_cast<float>(whole(a + 1, grid)) * cell};
    };
    const auto [left, right] = pair();
    const auto [top, bottom] = pair();
    return {left, top, right, bottom};
  }

 private:
  std::mt19937 engine_;
};

/// What each candidate was in the order of its finding.
inline std::vector<std::int64_t> orders(const std::vector<nn::Candidate>& candidates) {
  std::vector<std::int64_t> result;
  for (const nn::Candidate& c : candidates) result.push_back(c.order);
  return result;
}

}  // namespace denseshift::testing
