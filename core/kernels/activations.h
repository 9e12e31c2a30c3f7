#pragma once
// Kernels of quantized activations: one pass forward that also notes in one byte per element where the gradient goes,
// and one pass backward that reads only the gradient and those bytes. A NaN stays NaN, so that a training that went
// wrong shows. No LibTorch here.

#include <cstdint>

namespace denseshift::kernels {

/// Bits of an element's mask.
inline constexpr int kPasses = 1;  ///< the gradient reaches x
inline constexpr int kAbove = 2;   ///< the gradient reaches the upper limit
inline constexpr int kBelow = 4;   ///< its negative reaches the limit: the lower one is the upper one's mirror image

/// y = round(clip(x, low, high) * scale) * step, half to even. At a limit both x and the limit get the gradient.
struct ClipRound {
  float low = 0;
  float high = 1;
  float scale = 1;  ///< at most 2^21 / high, so that rounding is exact
  float step = 1;
  bool mirrored = false;  ///< low is -high and moves with it
};

/// `mask` may be null.
void clip_round(const ClipRound& spec, const float* x, std::int64_t n, float* y, std::uint8_t* mask);

/// out = g where it passes, else 0. Returns the sum of g above minus that below, in double precision and in an order
/// that does not depend on the instruction set.
[[nodiscard]] double clip_gradient(const float* grad, const std::uint8_t* mask, std::int64_t n, float* out);

/// Levels with thresholds between them: y = levels[number of thresholds below x]. The gradient passes for
/// first <= x <= last.
struct StepActivation {
  const float* thresholds = nullptr;  ///< `steps`, ascending
  const float* levels = nullptr;      ///< `steps` + 1
  int steps = 0;
  float first = 0;
  float last = 0;
};

/// `mask` may be null.
void step_activation(const StepActivation& spec, const float* x, std::int64_t n, float* y, std::uint8_t* mask);

/// out = g where it passes, else 0.
void pass_gradient(const float* grad, const std::uint8_t* mask, std::int64_t n, float* out);

/// Adds to counts[k] and sums[k] the number and the sum of the x above threshold k.
void add_step_statistics(const StepActivation& spec, const float* x, std::int64_t n, std::int64_t* counts,
                         double* sums);

}  // namespace denseshift::kernels
