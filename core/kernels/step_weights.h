#pragma once
// Kernels of methods that keep one real tensor per weight and quantize it by a step function: a row (an output
// filter, or a whole layer) has thresholds t_0 <= t_1 <= ... and levels l_0 .. l_K, and w becomes l_c with c the number
// of thresholds below w (strictly: a weight that equals a threshold stays below it; "greater or equal" is had by
// lowering the threshold to the next float). The number c is the weight's code. Gradients of such methods depend on
// code, upstream gradient and w only. No LibTorch here.

#include <cstdint>

namespace denseshift::kernels {

/// Most levels a row may have: 64 levels of 6 bits, and one code beyond each end.
inline constexpr int kMaxSteps = 66;

/// Writes levels[code] and code of n weights; `quantized` or `codes` may be null. `steps` thresholds, `steps` + 1
/// levels. Returns false when a weight is NaN.
[[nodiscard]] bool quantize_steps(const float* weights, std::int64_t n, const float* thresholds, const float* levels,
                                  int steps, float* quantized, std::uint8_t* codes);

/// out = g * factors[code] + offset + slope * w.
void step_gradient(const float* grad, const std::uint8_t* codes, const float* weights, std::int64_t n,
                   const float* factors, float offset, float slope, float* out);

/// Sums over n weights in double precision, in an order that does not depend on the instruction set. `second` may be
/// null.
struct GradientSums {
  double grad = 0;     ///< sum of g * first[code]
  double product = 0;  ///< sum of g * second[code] * w
};
[[nodiscard]] GradientSums step_gradient_sums(const float* grad, const std::uint8_t* codes, const float* weights,
                                              std::int64_t n, const float* first, const float* second);

/// Adds to counts[code] and sums[code] (of w) for n weights.
void add_code_statistics(const std::uint8_t* codes, const float* weights, std::int64_t n, int levels,
                         std::int64_t* counts, double* sums);

/// What the scales of all methods are made of.
struct RowStatistics {
  double sum = 0;
  double sum_abs = 0;
  float max_abs = 0;  ///< NaN when a weight is NaN
};
[[nodiscard]] RowStatistics row_statistics(const float* weights, std::int64_t n);

/// Sums about a centre: |w - centre| and (w - centre)^2.
struct CentredStatistics {
  double sum_abs = 0;
  double sum_square = 0;
};
[[nodiscard]] CentredStatistics centred_statistics(const float* weights, std::int64_t n, float centre);

/// Sum and number of the magnitudes above a threshold.
struct KeptStatistics {
  double sum_abs = 0;
  std::int64_t count = 0;
};
[[nodiscard]] KeptStatistics kept_statistics(const float* weights, std::int64_t n, float threshold);

/// Sum of |w - q| with q = +-scale where |w| > threshold, else 0.
[[nodiscard]] double ternary_error(const float* weights, std::int64_t n, float threshold, float scale);

/// Limits magnitudes to [low, high] in place, signs and zeros untouched.
void clamp_magnitude(float* weights, std::int64_t n, float low, float high);

/// floor(x * 2^fraction_bits) / 2^fraction_bits limited to [-2^(integer_bits-1), 2^(integer_bits-1) - 1].
void fixed_point(const float* in, std::int64_t n, int integer_bits, int fraction_bits, float* out);

/// out = w * factor + offset, the argument of IR-Net's tanh.
void affine(const float* weights, std::int64_t n, float factor, float offset, float* out);

/// IR-Net's error decay estimator and the standardisation of one filter, h = (w - mean) / deviation. `tanh` holds
/// tanh(t h) and is overwritten with dL/dw for dL/dh = g * factor * (1 - tanh^2).
void ede_gradient(const float* grad, const float* weights, std::int64_t n, float mean, float deviation, float factor,
                  float* tanh);

/// DeepShift-PS: out = sign(round(sign)) * 2^round(shift), rounding half to even. REQUIRES: shift from -126 to 127.
/// Returns false when a value is NaN.
[[nodiscard]] bool signed_powers(const float* shift, const float* sign, std::int64_t n, float* out);

/// out = a * b * factor.
void product(const float* a, const float* b, std::int64_t n, float factor, float* out);

}  // namespace denseshift::kernels
