#include "core/data/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace denseshift::data {
namespace {

// Four lanes: the bytes of one pixel, or their sums. The compiler maps these to SSE2 or NEON.
using Bytes4 = std::uint8_t __attribute__((vector_size(4)));
using Floats4 = float __attribute__((vector_size(16)));
using Ints4 = std::int32_t __attribute__((vector_size(16)));

Floats4 widen(Pixel pixel) {
  Bytes4 bytes;
  std::memcpy(&bytes, &pixel, sizeof bytes);
  return __builtin_convertvector(__builtin_convertvector(bytes, Ints4), Floats4);
}

Floats4 load4(const float* from) {
  Floats4 value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void store4(float* to, Floats4 value) { std::memcpy(to, &value, sizeof value); }

}  // namespace

void Resizer::Axis::prepare(double origin, double length, std::int64_t outputs, std::int64_t start, std::int64_t run,
                            std::int64_t limit) {
  const double scale = length / static_cast<double>(outputs);
  const double support = std::max(scale, 1.0);
  const auto lowest = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(origin)));
  const auto highest = std::min<std::int64_t>(limit, static_cast<std::int64_t>(std::ceil(origin + length)));
  taps = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  first.resize(static_cast<std::size_t>(run));
  count.resize(static_cast<std::size_t>(run));
  weights.assign(static_cast<std::size_t>(run * taps), 0.0F);
  for (std::int64_t i = 0; i < run; ++i) {
    const double centre = origin + (static_cast<double>(start + i) + 0.5) * scale;
    const auto low = std::clamp(static_cast<std::int64_t>(std::floor(centre - support + 0.5)), lowest, highest - 1);
    const auto high = std::clamp(static_cast<std::int64_t>(std::floor(centre + support + 0.5)), low + 1, highest);
    float* weight = weights.data() + i * taps;
    double sum = 0;
    for (std::int64_t s = low; s < high; ++s) {
      sum += std::max(0.0, 1.0 - std::abs(static_cast<double>(s) + 0.5 - centre) / support);
    }
    for (std::int64_t s = low; s < high; ++s) {
      const double value = std::max(0.0, 1.0 - std::abs(static_cast<double>(s) + 0.5 - centre) / support);
      weight[s - low] = static_cast<float>(sum > 0 ? value / sum : 1.0 / static_cast<double>(high - low));
    }
    first[static_cast<std::size_t>(i)] = low;
    count[static_cast<std::size_t>(i)] = high - low;
  }
}

void Resizer::resize(const Image& source, const Box& box, const Target& target, Image& out) {
  const std::int64_t width = target.part_width > 0 ? target.part_width : target.width;
  const std::int64_t height = target.part_height > 0 ? target.part_height : target.height;
  columns_.prepare(box.x, box.width, target.width, target.x, width, source.width);
  rows_.prepare(box.y, box.height, target.height, target.y, height, source.height);
  out.resize(width, height);
  if (width == 0 || height == 0) return;

  const std::int64_t top = rows_.first.front();
  const std::int64_t bottom = rows_.first.back() + rows_.count.back();
  const std::int64_t stride = 4 * width;
  scaled_rows_.resize(static_cast<std::size_t>((bottom - top) * stride));
  for (std::int64_t y = top; y < bottom; ++y) {
    const Pixel* row = source.row(y);
    float* to = scaled_rows_.data() + (y - top) * stride;
    for (std::int64_t x = 0; x < width; ++x, to += 4) {
      const Pixel* from = row + columns_.first[static_cast<std::size_t>(x)];
      const float* weight = columns_.weights.data() + x * columns_.taps;
      const std::int64_t count = columns_.count[static_cast<std::size_t>(x)];
      Floats4 sum = weight[0] * widen(from[0]);
      for (std::int64_t k = 1; k < count; ++k) sum += weight[k] * widen(from[k]);
      store4(to, sum);
    }
  }
  for (std::int64_t y = 0; y < height; ++y) {
    const float* from = scaled_rows_.data() + (rows_.first[static_cast<std::size_t>(y)] - top) * stride;
    const float* weight = rows_.weights.data() + y * rows_.taps;
    const std::int64_t count = rows_.count[static_cast<std::size_t>(y)];
    Pixel* to = out.row(y);
    for (std::int64_t x = 0; x < width; ++x) {
      Floats4 sum = weight[0] * load4(from + 4 * x) + 0.5F;
      for (std::int64_t k = 1; k < count; ++k) sum += weight[k] * load4(from + k * stride + 4 * x);
      const Ints4 rounded = __builtin_convertvector(sum, Ints4);  // averages of bytes: never outside 0..255
      to[x] = static_cast<Pixel>(rounded[0] | (rounded[1] << 8) | (rounded[2] << 16)) | 0xFF000000U;
    }
  }
}

}  // namespace denseshift::data
