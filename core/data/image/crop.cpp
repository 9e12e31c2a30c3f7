#include "core/data/image/crop.h"

#include <algorithm>
#include <cmath>

namespace denseshift::data {
namespace {

constexpr double kLowestFraction = 0.08;
constexpr double kLowestRatio = 3.0 / 4.0;
constexpr double kHighestRatio = 4.0 / 3.0;

/// Halves go to the even neighbour, as in the reference implementation.
std::int64_t round_half_even(double value) { return std::llrint(value); }

/// First and one past the last source pixel under outputs [start, start + run) when `length` pixels become `outputs`.
std::pair<std::int64_t, std::int64_t> span_behind(std::int64_t length, std::int64_t outputs, std::int64_t start,
                                                  std::int64_t run) {
  const double scale = static_cast<double>(length) / static_cast<double>(outputs);
  const double support = std::max(scale, 1.0) + 1.0;
  const double low = (static_cast<double>(start) + 0.5) * scale - support;
  const double high = (static_cast<double>(start + run) - 0.5) * scale + support;
  return {std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(low)), 0, length - 1),
          std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(high)), 1, length)};
}

}  // namespace

Region random_resized_crop(std::int64_t width, std::int64_t height, RandomStream& random) {
  const auto area = static_cast<double>(width * height);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * random.uniform(kLowestFraction, 1.0);
    const double ratio = std::exp(random.uniform(std::log(kLowestRatio), std::log(kHighestRatio)));
    const std::int64_t w = round_half_even(std::sqrt(target * ratio));
    const std::int64_t h = round_half_even(std::sqrt(target / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const auto y = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(height - h + 1)));
    const auto x = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(width - w + 1)));
    return {x, y, w, h};
  }
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  std::int64_t w = width;
  std::int64_t h = height;
  if (ratio < kLowestRatio) h = std::max<std::int64_t>(1, round_half_even(static_cast<double>(width) / kLowestRatio));
  if (ratio > kHighestRatio)
    w = std::max<std::int64_t>(1, round_half_even(static_cast<double>(height) * kHighestRatio));
  return {(width - w) / 2, (height - h) / 2, w, h};
}

Target centre_crop(std::int64_t width, std::int64_t height, std::int64_t size) {
  const std::int64_t side = (size * 256 + 112) / 224;
  Target target;
  if (width <= height) {
    target.width = side;
    target.height = side * height / width;
  } else {
    target.width = side * width / height;
    target.height = side;
  }
  target.x = round_half_even(static_cast<double>(target.width - size) / 2.0);
  target.y = round_half_even(static_cast<double>(target.height - size) / 2.0);
  target.part_width = target.part_height = size;
  return target;
}

Region region_behind(std::int64_t width, std::int64_t height, const Target& target) {
  const auto [left, right] = span_behind(width, target.width, target.x, target.part_width);
  const auto [top, bottom] = span_behind(height, target.height, target.y, target.part_height);
  return {left, top, right - left, bottom - top};
}

}  // namespace denseshift::data
