#pragma once
// Training kernels of DenseShift weights on the CPU, without LibTorch: quantize, expand the gradient, and both together
// with the optimiser's update in one pass over memory.
//
// Everything that the backward pass needs from the reference tensors is one byte per weight ("code"): bit 0 is set for
// a negative sign, bit t (1..T) is gate t. S follows from the gates: S_0 = 0, S_t = gate_t * (S_{t-1} + 1) (paper Eq.
// 3-4). S3 weights (design/methods 14) are the same with one reference more that opens or closes the whole weight, in
// bit T+1. Order of operations and fused multiply-adds follow ATen's autograd of the composed formula and torch's SGD,
// so results are equal to the bit to the composition of tensor operations (measured against LibTorch 1.13 with its AVX2
// kernels).

#include <cstdint>

namespace denseshift::kernels {

/// Gradient variants of design/methods: `surrogate` is what the authors' code computes (d_sign = g*sqrt(S+1),
/// d_t = g*s/(2 sqrt(S+1)) * dS/dw_t), `sign_only` Eq. 8 to the letter (d_t = g*s*ln2*2^S*dS/dw_t), `none` Eq. 7 and
/// the chain rule.
enum class GradientMode { surrogate, sign_only, none };

/// Sign of a reference that is exactly zero: the paper's formula gives -1, the authors' code +1. Gates of zero are
/// closed in both.
enum class ZeroConvention { paper, code };

inline constexpr int kMaxGates = 7;

/// One layer's scheme.
struct DenseShiftSpec {
  int gates = 3;  ///< T: 1, 3 or 7 for 2, 3, 4 bits
  GradientMode gradient = GradientMode::surrogate;
  ZeroConvention zero = ZeroConvention::paper;
  int shift_bias = 0;  ///< added to the exponent of the weight, not to S in the gradient; REQUIRES: -64..64
  /// S3: a second reference "sparse" makes the weight 0 unless it is positive. The gradient is then that of the exact
  /// chain rule, whatever `gradient` says. REQUIRES: gates <= 6.
  bool sparse = false;
  /// S3's regularizer sum(max(-sparse, 0)) times this is added to the loss; sgd_step() and gradient_square_sum() add
  /// its gradient, expand_gradient() does not.
  float sparse_penalty = 0;

  /// Reference tensors: sign, sparse if there is one, gate 1 .. T.
  [[nodiscard]] int references() const { return 1 + (sparse ? 1 : 0) + gates; }
};

/// S of a code byte.
[[nodiscard]] int shift_of_code(std::uint8_t code, int gates);

/// Writes weight = sign * 2^(S + bias) (exact) and code for elements [begin, end). `references` holds T+1 arrays: sign,
/// gate 1 .. T (with `sparse` T+2: sign, sparse, gates). `weight` or `codes` may be null. Returns false when a
/// reference is NaN (the output of that element is then meaningless).
[[nodiscard]] bool quantize(const DenseShiftSpec& spec, const float* const* references, float* weight,
                            std::uint8_t* codes, std::int64_t begin, std::int64_t end);

/// Writes weight = sign * 2^(S + bias) for codes as quantize() makes them.
void decode(const DenseShiftSpec& spec, const std::uint8_t* codes, float* weight, std::int64_t begin, std::int64_t end);

/// Writes the reference gradients that belong to dL/dweight.
void expand_gradient(const DenseShiftSpec& spec, const float* grad_weight, const std::uint8_t* codes,
                     float* const* grads, std::int64_t begin, std::int64_t end);

/// Sum over all reference gradients of their squares (double), without storing them: for clipping by norm. The same
/// on every CPU for the same range; the order of summation depends on where the range is split. `sparse_reference` is
/// needed for the penalty's share, and may be null without one.
[[nodiscard]] double gradient_square_sum(const DenseShiftSpec& spec, const float* grad_weight,
                                         const std::uint8_t* codes, const float* sparse_reference, std::int64_t begin,
                                         std::int64_t end);

/// One update of SGD as torch computes it: d = g*grad_scale + decay*w; m = momentum*m + d; w -= lr * (nesterov ? d +
/// momentum*m : m).
struct SgdStep {
  float lr = 0;
  float momentum = 0;
  float weight_decay = 0;
  float grad_scale = 1;  ///< multiplies the (expanded) gradient first; 1 changes no bit
  bool nesterov = false;
};

/// Expands grad_weight, updates the references and their momenta, requantizes into `weight` and `codes`: one pass.
/// `momenta` may be null when momentum is 0. Returns false when a reference became NaN.
[[nodiscard]] bool sgd_step(const DenseShiftSpec& spec, const SgdStep& step, const float* grad_weight,
                            float* const* references, float* const* momenta, float* weight, std::uint8_t* codes,
                            std::int64_t begin, std::int64_t end);

/// SGD on an ordinary parameter. `momenta` may be null when momentum is 0.
void sgd_update(const SgdStep& step, const float* grad, float* parameter, float* momenta, std::int64_t begin,
                std::int64_t end);

/// One update of AdamW (decoupled decay) with torch's formulas:
///   w = w*(1 - lr*decay); m = beta1*m + (1-beta1)*g; v = beta2*v + (1-beta2)*g*g;
///   w -= lr/(1-beta1^step) * m / (sqrt(v)/sqrt(1-beta2^step) + epsilon), where g is the gradient times grad_scale.
/// Equal to torch within rounding, not to the bit: torch's own variants and versions round in different places.
struct AdamWStep {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double grad_scale = 1;
  std::int64_t step = 1;  ///< counts from 1
};
void adamw_update(const AdamWStep& step, const float* grad, float* parameter, float* mean, float* mean_square,
                  std::int64_t begin, std::int64_t end);

}  // namespace denseshift::kernels
