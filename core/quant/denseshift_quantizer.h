#pragma once
// DenseShift weights: zero-free powers of two by sign-scale decomposition (paper Eq. 3-4, gradient Eq. 7-8).
//
//   S_0 = 0,  S_t = H(w_t) (S_{t-1} + 1), t = 1..T,  q = sgn(w_sign) 2^(S_T + bias),  T = 2^(bits-1) - 1
//
// T gates give T+1 exponents, with the sign 2^bits levels, none of them zero. Three implementations of the same
// arithmetic, equal to the bit: a composition of tensor operations (the reference; also what runs on CUDA), a fused
// autograd function for any optimiser, and the weight as autograd leaf with a fused SGD step.

#include "core/kernels/densequant.h"
#include "core/quant/methods.h"

namespace denseshift::quant {

// S3 weights (S3-Shift, Li et al. 2021; design/methods 14) have one reference more, "w_sparse", that makes a weight 0
// unless it is positive, one gate fewer, the gradient of the exact chain rule and a penalty that pulls w_sparse
// positive:
//
//   q = sgn(w_sign) H(w_sparse) 2^(S_T + bias),  T = 2^(bits-1) - 2
//
// They share everything else, so they are the same class.

/// Bits to gates: 2, 3, 4 -> 1, 3, 7.
[[nodiscard]] int gates_of_bits(std::int64_t bits);

/// Exponent bias that gives the weights of a layer without normalization behind it the root mean square
/// sqrt(gain / fan_in) at the start (design/methods 3.6, our decision). The mean square of 2^S is 1.5 * 2^T - 0.5 for
/// DenseShift; S3 (`sparse`) has one gate fewer and half of its weights are zero. Gain 1 keeps the variance of the
/// input, 2 that of an input behind a ReLU.
[[nodiscard]] std::int64_t unnormalized_shift_bias(std::int64_t fan_in, std::int64_t bits, double gain = 1,
                                                   bool sparse = false);

class DenseShiftQuantizer final : public WeightQuantizer, public LeafUpdate {
 public:
  enum class Impl { leaf, function, reference };

  /// Throws a usage error for unknown option values.
  DenseShiftQuantizer(const std::vector<std::int64_t>& shape, const MethodOptions& options);

  [[nodiscard]] std::int64_t bits() const override { return bits_; }
  [[nodiscard]] std::vector<double> levels() const override;
  [[nodiscard]] std::vector<NamedTensor> parameters() const override;
  [[nodiscard]] Decay decay(const std::string&) const override { return Decay::reference; }
  void initialize(at::Generator generator) override;
  void state_changed() override;
  [[nodiscard]] at::Tensor quantize() override;
  [[nodiscard]] at::Tensor codes() override;
  [[nodiscard]] int code_gates() const override { return spec_.sparse ? 0 : spec_.gates; }
  /// S3: penalty * sum(max(-w_sparse, 0)). With impl leaf its gradient is added by sgd_step(), and this returns
  /// nothing.
  [[nodiscard]] at::Tensor regularizer() override;
  [[nodiscard]] ExportedCodes export_codes() override;
  [[nodiscard]] LeafUpdate* leaf_update() override { return impl_ == Impl::leaf ? this : nullptr; }

  [[nodiscard]] at::Tensor& leaf() override { return leaf_; }
  [[nodiscard]] double gradient_square_sum() override;
  void sgd_step(const SgdOptions& options, const std::vector<at::Tensor>& momenta) override;

  [[nodiscard]] const kernels::DenseShiftSpec& spec() const { return spec_; }
  /// S + bias of every weight as int8.
  [[nodiscard]] at::Tensor exponents();

 private:
  std::int64_t bits_;
  kernels::DenseShiftSpec spec_;
  float penalty_ = 0;          ///< S3
  int pending_penalties_ = 0;  ///< regularizer() calls since the last step, impl leaf
  std::string init_;
  Impl impl_;
  std::vector<at::Tensor> references_;  ///< w_sign, w_sparse (S3), w_1 .. w_T
  at::Tensor leaf_;                     ///< Impl::leaf only
  at::Tensor codes_;                    ///< Impl::leaf only: uint8
};

/// The reference: quantized weight composed of tensor operations with straight-through steps. `references` = w_sign,
/// w_1 .. w_T.
[[nodiscard]] at::Tensor denseshift_composed(const std::vector<at::Tensor>& references,
                                             const kernels::DenseShiftSpec& spec);

/// The fused autograd function: same values, same gradients, one byte per weight kept for backward. CPU, float,
/// contiguous.
[[nodiscard]] at::Tensor denseshift_fused(const std::vector<at::Tensor>& references,
                                          const kernels::DenseShiftSpec& spec);

[[nodiscard]] Method denseshift_method();
[[nodiscard]] Method s3_method();

}  // namespace denseshift::quant
