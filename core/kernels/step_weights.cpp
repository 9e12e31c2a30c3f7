#include "core/kernels/step_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/kernels/target_clones.h"

namespace denseshift::kernels {
namespace {

constexpr std::int64_t kBlock = 512;
/// Lanes of partial sums: a fixed number, so that the result is the same for every width of vector.
constexpr int kLanes = 16;

/// Sums term(i) for i in [0, n) in kLanes partial sums.
template <class Term>
DENSESHIFT_INLINE double lane_sum(std::int64_t n, const Term& term) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    DENSESHIFT_INDEPENDENT
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  for (int lane = 0; i < n; ++i, ++lane) lanes[lane] += term(i);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace

DENSESHIFT_CLONES
bool quantize_steps(const float* weights, std::int64_t n, const float* thresholds, const float* levels, int steps,
                    float* quantized, std::uint8_t* codes) {
  alignas(64) std::int32_t code[kBlock];
  int nan = 0;
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t count = std::min(kBlock, n - first);
    const float* w = weights + first;
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) {
      nan |= w[i] != w[i];
      code[i] = 0;
    }
    for (int k = 0; k < steps; ++k) {
      const float threshold = thresholds[k];
      DENSESHIFT_INDEPENDENT
      for (std::int64_t i = 0; i < count; ++i) code[i] += w[i] > threshold ? 1 : 0;
    }
    if (quantized != nullptr) {
      DENSESHIFT_INDEPENDENT
      for (std::int64_t i = 0; i < count; ++i) quantized[first + i] = levels[code[i]];
    }
    if (codes != nullptr) {
      DENSESHIFT_INDEPENDENT
      for (std::int64_t i = 0; i < count; ++i) codes[first + i] = static_cast<std::uint8_t>(code[i]);
    }
  }
  return nan == 0;
}

DENSESHIFT_CLONES
void step_gradient(const float* grad, const std::uint8_t* codes, const float* weights, std::int64_t n,
                   const float* factors, float offset, float slope, float* out) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) out[i] = grad[i] * factors[codes[i]] + (offset + slope * weights[i]);
}

DENSESHIFT_CLONES
GradientSums step_gradient_sums(const float* grad, const std::uint8_t* codes, const float* weights, std::int64_t n,
                                const float* first, const float* second) {
  GradientSums sums;
  // Table look-ups first, block by block: they are vectorised only apart from the sums.
  alignas(64) float factor[kBlock];
  for (std::int64_t start = 0; start < n; start += kBlock) {
    const std::int64_t block = std::min(kBlock, n - start);
    const float* g = grad + start;
    const float* w = weights + start;
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < block; ++i) factor[i] = first[codes[start + i]];
    sums.grad +=
        lane_sum(block, [&](std::int64_t i) { return static_cast<double>(g[i]) * static_cast<double>(factor[i]); });
    if (second == nullptr) continue;
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < block; ++i) factor[i] = second[codes[start + i]];
    sums.product += lane_sum(block, [&](std::int64_t i) {
      return static_cast<double>(g[i]) * static_cast<double>(factor[i]) * static_cast<double>(w[i]);
    });
  }
  return sums;
}

DENSESHIFT_CLONES
void add_code_statistics(const std::uint8_t* codes, const float* weights, std::int64_t n, int levels,
                         std::int64_t* counts, double* sums) {
  alignas(64) std::int32_t code[kBlock];
  alignas(64) float kept[kBlock];
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t block = std::min(kBlock, n - first);
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < block; ++i) code[i] = codes[first + i];
    for (int level = 0; level < levels; ++level) {
      std::int32_t count = 0;
      for (std::int64_t i = 0; i < block; ++i) {
        count += code[i] == level ? 1 : 0;
        kept[i] = code[i] == level ? weights[first + i] : 0.0F;
      }
      counts[level] += count;
      // Summed apart from the choice: GCC 12 vectorises a conditional sum of both widths wrongly.
      sums[level] += lane_sum(block, [&](std::int64_t i) { return static_cast<double>(kept[i]); });
    }
  }
}

DENSESHIFT_CLONES
RowStatistics row_statistics(const float* weights, std::int64_t n) {
  RowStatistics row;
  row.sum = lane_sum(n, [&](std::int64_t i) { return static_cast<double>(weights[i]); });
  row.sum_abs = lane_sum(n, [&](std::int64_t i) { return static_cast<double>(std::fabs(weights[i])); });
  // In lanes: a single running maximum would be a chain of one comparison after the other.
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    DENSESHIFT_INDEPENDENT
    for (int lane = 0; lane < kLanes; ++lane) {
      const float magnitude = std::fabs(weights[i + lane]);
      lanes[lane] = lanes[lane] > magnitude ? lanes[lane] : magnitude;
    }
  }
  float largest = 0;
  for (; i < n; ++i) largest = std::max(largest, std::fabs(weights[i]));
  for (const float lane : lanes) largest = std::max(largest, lane);
  row.max_abs = std::isnan(row.sum_abs) ? std::numeric_limits<float>::quiet_NaN() : largest;
  return row;
}

DENSESHIFT_CLONES
CentredStatistics centred_statistics(const float* weights, std::int64_t n, float centre) {
  CentredStatistics row;
  row.sum_abs = lane_sum(n, [&](std::int64_t i) { return static_cast<double>(std::fabs(weights[i] - centre)); });
  row.sum_square = lane_sum(n, [&](std::int64_t i) {
    const double d = static_cast<double>(weights[i] - centre);
    return d * d;
  });
  return row;
}

DENSESHIFT_CLONES
KeptStatistics kept_statistics(const float* weights, std::int64_t n, float threshold) {
  KeptStatistics row;
  alignas(64) float kept[kBlock];
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t block = std::min(kBlock, n - first);
    std::int32_t count = 0;
    for (std::int64_t i = 0; i < block; ++i) {
      const float magnitude = std::fabs(weights[first + i]);
      count += magnitude > threshold ? 1 : 0;
      kept[i] = magnitude > threshold ? magnitude : 0.0F;
    }
    row.count += count;
    row.sum_abs += lane_sum(block, [&](std::int64_t i) { return static_cast<double>(kept[i]); });
  }
  return row;
}

DENSESHIFT_CLONES
double ternary_error(const float* weights, std::int64_t n, float threshold, float scale) {
  alignas(64) float lost[kBlock];
  double sum = 0;
  for (std::int64_t start = 0; start < n; start += kBlock) {
    const std::int64_t block = std::min(kBlock, n - start);
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < block; ++i) {
      const float magnitude = std::fabs(weights[start + i]);
      lost[i] = std::fabs(magnitude - (magnitude > threshold ? scale : 0.0F));
    }
    sum += lane_sum(block, [&](std::int64_t i) { return static_cast<double>(lost[i]); });
  }
  return sum;
}

DENSESHIFT_CLONES
void clamp_magnitude(float* weights, std::int64_t n, float low, float high) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const float w = weights[i];
    const float magnitude = std::fabs(w);
    const float limited = magnitude < low ? low : (magnitude > high ? high : magnitude);
    weights[i] = magnitude > 0 ? std::copysign(limited, w) : w;
  }
}

DENSESHIFT_CLONES
void fixed_point(const float* in, std::int64_t n, int integer_bits, int fraction_bits, float* out) {
  const float unit = std::ldexp(1.0F, fraction_bits);
  const float step = std::ldexp(1.0F, -fraction_bits);
  const float high = std::ldexp(1.0F, integer_bits - 1) - 1;
  const float low = -std::ldexp(1.0F, integer_bits - 1);
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = std::floor(in[i] * unit) * step;
    out[i] = value < low ? low : (value > high ? high : value);
  }
}

DENSESHIFT_CLONES
void affine(const float* weights, std::int64_t n, float factor, float offset, float* out) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) out[i] = weights[i] * factor + offset;
}

DENSESHIFT_CLONES
void ede_gradient(const float* grad, const float* weights, std::int64_t n, float mean, float deviation, float factor,
                  float* tanh) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) tanh[i] = grad[i] * factor * (1.0F - tanh[i] * tanh[i]);
  const double sum = lane_sum(n, [&](std::int64_t i) { return static_cast<double>(tanh[i]); });
  const double product = lane_sum(
      n, [&](std::int64_t i) { return static_cast<double>(tanh[i]) * static_cast<double>(weights[i] - mean); });
  // dL/dw = (dh - mean(dh) - h sum(dh h) / (n-1)) / deviation
  const double count = static_cast<double>(n);
  const double width = static_cast<double>(deviation);
  const float inverse = static_cast<float>(1 / width);
  const float offset = static_cast<float>(-sum / count / width);
  const float slope = static_cast<float>(-product / (count - 1) / (width * width * width));
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) tanh[i] = tanh[i] * inverse + (offset + slope * (weights[i] - mean));
}

DENSESHIFT_CLONES
bool signed_powers(const float* shift, const float* sign, std::int64_t n, float* out) {
  int nan = 0;
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    nan |= (shift[i] != shift[i]) | (sign[i] != sign[i]);
    const auto exponent = static_cast<std::int32_t>(std::nearbyint(shift[i]));
    const float power = std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
    const float rounded = std::nearbyint(sign[i]);
    out[i] = rounded > 0 ? power : (rounded < 0 ? -power : 0.0F);
  }
  return nan == 0;
}

DENSESHIFT_CLONES
void product(const float* a, const float* b, std::int64_t n, float factor, float* out) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * b[i] * factor;
}

}  // namespace denseshift::kernels
