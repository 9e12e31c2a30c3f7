// Float activations to bytes.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/kernels/packed/packed.h"
#include "core/kernels/packed/tiles.h"
#include "core/kernels/target_clones.h"

namespace denseshift::kernels {
namespace {

// Bits of the largest magnitude; order of magnitudes is order of bits, and everything above infinity is NaN.
DENSESHIFT_CLONES_256 std::uint32_t largest_magnitude(const float* x, std::size_t n) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffU;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

DENSESHIFT_CLONES_256 void to_bytes(const float* x, std::size_t n, float inverse, std::uint8_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(std::nearbyint(x[i] * inverse)) + 128);
  }
}

}  // namespace

void quantize_a8(const float* x, std::size_t rows, std::size_t cols, A8Matrix& out) {
  // Below this the reciprocal overflows; such values are 0 to any network.
  constexpr float kTiny = 1e-30F;
  const float largest = std::bit_cast<float>(largest_magnitude(x, rows * cols));
  const bool finite = std::isfinite(largest);
  const bool zero = !finite || largest < kTiny;
  out.rows = rows;
  out.cols = cols;
  // An odd number of cache lines: rows that are multiplied together then lie in different sets of the cache.
  out.stride = (((cols + kCacheLine - 1) / kCacheLine) | 1) * kCacheLine;
  out.zero_point = 128;
  out.scale = !finite ? std::numeric_limits<float>::quiet_NaN() : zero ? 1.0F : largest / 127.0F;
  out.data.resize(rows * out.stride + kCacheLine);
  for (std::size_t row = 0; row < rows; ++row) {
    std::uint8_t* to = out.data.data() + row * out.stride;
    if (zero) {
      std::fill_n(to, out.stride, std::uint8_t{128});
    } else {
      to_bytes(x + row * cols, cols, 127.0F / largest, to);
      std::fill(to + cols, to + out.stride, std::uint8_t{128});
    }
  }
  std::fill_n(out.data.data() + rows * out.stride, kCacheLine, std::uint8_t{128});
}

}  // namespace denseshift::kernels
