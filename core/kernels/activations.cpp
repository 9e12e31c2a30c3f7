#include "core/kernels/activations.h"

#include <algorithm>

#include "core/kernels/target_clones.h"

namespace denseshift::kernels {
namespace {

constexpr std::int64_t kBlock = 512;
/// Lanes of partial sums: a fixed number, so that the result is the same for every width of vector.
constexpr int kLanes = 16;

/// Adding and subtracting 1.5 * 2^23 rounds to whole numbers, half to even, for magnitudes below 2^22: two additions on
/// every instruction set, where a call to rint would keep the loop from being vectorised on the oldest.
constexpr float kRounder = 12582912.0F;

DENSESHIFT_INLINE double sum_of(const double* lanes) {
  double sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

/// Whether a mask has to be written is known outside the loop, or it would not be vectorised.
template <bool kMasked>
DENSESHIFT_INLINE void clip_round_elements(const ClipRound& s, const float* x, std::int64_t n, float* y,
                                           std::uint8_t* mask) {
  const int below_bit = s.mirrored ? kBelow : 0;
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const float v = x[i];
    const float at_least = s.low > v ? s.low : v;
    const float clipped = s.high < at_least ? s.high : at_least;
    y[i] = ((clipped * s.scale + kRounder) - kRounder) * s.step;
    if constexpr (kMasked) {
      const int inside = (v >= s.low ? kPasses : 0) & (v <= s.high ? kPasses : 0);
      const int limits = (v >= s.high ? kAbove : 0) | (v <= s.low ? below_bit : 0);
      mask[i] = static_cast<std::uint8_t>(inside | limits);
    }
  }
}

}  // namespace

DENSESHIFT_CLONES
void clip_round(const ClipRound& reference, const float* x, std::int64_t n, float* y, std::uint8_t* mask) {
  const ClipRound spec = reference;  // a copy cannot alias the arrays
  mask != nullptr ? clip_round_elements<true>(spec, x, n, y, mask) : clip_round_elements<false>(spec, x, n, y, mask);
}

DENSESHIFT_CLONES
double clip_gradient(const float* grad, const std::uint8_t* mask, std::int64_t n, float* out) {
  double lanes[kLanes] = {};
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t count = std::min(kBlock, n - first);
    const float* g = grad + first;
    const std::uint8_t* m = mask + first;
    float* to = out + first;
    // What the limit receives, so that the sum below is a loop over floats alone.
    alignas(64) float at_limit[kBlock];
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) {
      const int bits = m[i];
      const float above = (bits & kAbove) != 0 ? g[i] : 0.0F;
      at_limit[i] = (bits & kBelow) != 0 ? -g[i] : above;
      to[i] = (bits & kPasses) != 0 ? g[i] : 0.0F;
    }
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      DENSESHIFT_INDEPENDENT
      for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(at_limit[i + lane]);
    }
    for (int lane = 0; i < count; ++i, ++lane) lanes[lane] += static_cast<double>(at_limit[i]);
  }
  return sum_of(lanes);
}

DENSESHIFT_CLONES
void step_activation(const StepActivation& reference, const float* x, std::int64_t n, float* y, std::uint8_t* mask) {
  const StepActivation spec = reference;
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t count = std::min(kBlock, n - first);
    const float* from = x + first;
    float* to = y + first;
    const float lowest = spec.levels[0];
    // A NaN is above no threshold and would become the lowest level.
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i] != from[i] ? from[i] : lowest;
    for (int k = 0; k < spec.steps; ++k) {
      const float threshold = spec.thresholds[k];
      const float level = spec.levels[k + 1];
      DENSESHIFT_INDEPENDENT
      for (std::int64_t i = 0; i < count; ++i) to[i] = from[i] > threshold ? level : to[i];
    }
    if (mask == nullptr) continue;
    std::uint8_t* m = mask + first;
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) {
      m[i] = static_cast<std::uint8_t>((from[i] >= spec.first ? kPasses : 0) & (from[i] <= spec.last ? kPasses : 0));
    }
  }
}

DENSESHIFT_CLONES
void pass_gradient(const float* grad, const std::uint8_t* mask, std::int64_t n, float* out) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const int bits = mask[i];
    out[i] = (bits & kPasses) != 0 ? grad[i] : 0.0F;
  }
}

DENSESHIFT_CLONES
void add_step_statistics(const StepActivation& spec, const float* x, std::int64_t n, std::int64_t* counts,
                         double* sums) {
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t count = std::min(kBlock, n - first);
    const float* from = x + first;
    for (int k = 0; k < spec.steps; ++k) {
      const float threshold = spec.thresholds[k];
      std::int32_t above = 0;
      for (std::int64_t i = 0; i < count; ++i) above += from[i] > threshold ? 1 : 0;
      counts[k] += above;
      double lanes[kLanes] = {};
      std::int64_t i = 0;
      for (; i + kLanes <= count; i += kLanes) {
        DENSESHIFT_INDEPENDENT
        for (int lane = 0; lane < kLanes; ++lane) {
          lanes[lane] += static_cast<double>(from[i + lane] > threshold ? from[i + lane] : 0.0F);
        }
      }
      for (int lane = 0; i < count; ++i, ++lane) {
        lanes[lane] += static_cast<double>(from[i] > threshold ? from[i] : 0.0F);
      }
      sums[k] += sum_of(lanes);
    }
  }
}

}  // namespace denseshift::kernels
