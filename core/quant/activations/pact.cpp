// PACT (Choi et al. 2018): activations are clipped to [0, alpha] and rounded to 2^bits uniform levels. alpha is
// trained: it receives the gradients of what was clipped; the rounding is ignored.

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <numeric>

#include "core/kernels/activations.h"
#include "core/quant/activation.h"
#include "core/quant/elements.h"

namespace denseshift::quant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// alpha must stay positive. What is below acts as this; the gradient still reaches alpha, or it could not come back.
constexpr double kFloor = 1e-3;

/// Number of steps from 0 to alpha, and whether [-alpha, 0] mirrors them.
struct Levels {
  std::int64_t steps = 1;
  bool mirrored = false;
};

/// alpha on the CPU, limited from below. A NaN stays: everything becomes NaN, and the training says so.
float clipping_level(const at::Tensor& alpha) {
  const float value = alpha.item<float>();
  return value < static_cast<float>(kFloor) ? static_cast<float>(kFloor) : value;
}

kernels::ClipRound clip_of(float alpha, const Levels& levels) {
  const float steps = static_cast<float>(levels.steps);
  return {levels.mirrored ? -alpha : 0.0F, alpha, steps / alpha, alpha / steps, levels.mirrored};
}

at::Tensor fused_values(const at::Tensor& x, float alpha, const Levels& levels, at::Tensor* mask) {
  const kernels::ClipRound spec = clip_of(alpha, levels);
  at::Tensor y = at::empty_like(x);
  if (mask != nullptr) *mask = at::empty_like(x, at::kByte);
  const float* from = x.data_ptr<float>();
  float* to = y.data_ptr<float>();
  std::uint8_t* bits = mask != nullptr ? mask->data_ptr<std::uint8_t>() : nullptr;
  for_pieces(x.numel(), [&](std::int64_t, std::int64_t first, std::int64_t count) {
    kernels::clip_round(spec, from + first, count, to + first, bits != nullptr ? bits + first : nullptr);
  });
  return y;
}

/// One pass each way; a byte per element is kept.
struct FusedClip : torch::autograd::Function<FusedClip> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& alpha,
                            const Levels& levels) {
    at::Tensor mask;
    at::Tensor y = fused_values(dense(x), clipping_level(alpha), levels, &mask);
    context->save_for_backward({mask});
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const at::Tensor mask = context->get_saved_variables()[0];
    const at::Tensor g = with_strides_of(mask, grad[0]);
    at::Tensor dx = at::empty_like(g);
    std::vector<double> sums(static_cast<std::size_t>(piece_count(g.numel())));
    const float* from = g.data_ptr<float>();
    const std::uint8_t* bits = mask.data_ptr<std::uint8_t>();
    float* to = dx.data_ptr<float>();
    for_pieces(g.numel(), [&](std::int64_t piece, std::int64_t first, std::int64_t count) {
      sums[static_cast<std::size_t>(piece)] = kernels::clip_gradient(from + first, bits + first, count, to + first);
    });
    const double sum = std::accumulate(sums.begin(), sums.end(), 0.0);
    return {dx, at::full({1}, sum, g.options()), at::Tensor()};
  }
};

/// The same in tensor operations: other devices, double precision, and what the fused passes are compared with.
struct ComposedClip : torch::autograd::Function<ComposedClip> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& alpha,
                            const Levels& levels) {
    const at::Tensor high = alpha.to(x.scalar_type()).clamp_min(static_cast<float>(kFloor));
    const at::Tensor low = levels.mirrored ? high.neg() : at::zeros_like(high);
    const double steps = static_cast<double>(levels.steps);
    context->save_for_backward({x, low, high});
    context->saved_data["mirrored"] = levels.mirrored;
    const at::Tensor scale = at::full_like(high, steps).div_(high);
    return at::minimum(at::maximum(x, low), high).mul_(scale).round_().mul_(high.div(steps));
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &low = saved[1], &high = saved[2], &g = grad[0];
    const at::Tensor zero = at::zeros({}, g.options());
    const auto where = [&](const at::Tensor& condition) { return at::where(condition, g, zero); };
    at::Tensor limit = where(x.ge(high)).sum(at::kDouble);
    if (context->saved_data["mirrored"].toBool()) limit = limit - where(x.le(low)).sum(at::kDouble);
    return {where(x.ge(low).logical_and_(x.le(high))), limit.to(at::kFloat).reshape({1}), at::Tensor()};
  }
};

class Pact final : public ActivationQuantizer {
 public:
  explicit Pact(const ActivationOptions& options)
      : bits_(options.bits),
        levels_{(std::int64_t{1} << (options.signed_input ? options.bits - 1 : options.bits)) - 1,
                options.signed_input},
        reference_(options.reference),
        alpha_(at::full({1}, options.alpha, at::kFloat).requires_grad_(true)) {}

  [[nodiscard]] std::int64_t bits() const override { return bits_; }
  [[nodiscard]] std::string description() const override {
    return fmt::format("pact, {} bits{}, alpha {:.4g}", bits_, levels_.mirrored ? " signed" : "",
                       clipping_level(alpha_));
  }
  [[nodiscard]] std::vector<NamedTensor> parameters() const override { return {{"alpha", alpha_}}; }
  [[nodiscard]] std::vector<double> levels() const override {
    std::vector<double> values;
    const double step = static_cast<double>(clipping_level(alpha_)) / static_cast<double>(levels_.steps);
    for (std::int64_t k = levels_.mirrored ? -levels_.steps : 0; k <= levels_.steps; ++k) {
      values.push_back(static_cast<double>(k) * step);
    }
    return values;
  }

 protected:
  [[nodiscard]] at::Tensor quantize(const at::Tensor& x) override {
    if (reference_ || !x.is_cpu() || x.scalar_type() != at::kFloat) return ComposedClip::apply(x, alpha_, levels_);
    if (!at::GradMode::is_enabled()) return fused_values(dense(x), clipping_level(alpha_), levels_, nullptr);
    return FusedClip::apply(x, alpha_, levels_);
  }

 private:
  std::int64_t bits_;
  Levels levels_;
  bool reference_;
  at::Tensor alpha_;
};

}  // namespace

ActivationMethod pact_method() {
  ActivationMethod method;
  method.bits = {2, 3, 4, 5, 6, 7, 8};
  method.levels = "alpha * i / (2^bits - 1), i = 0 .. 2^bits - 1";
  method.trained = "alpha, one per place, normal weight decay";
  method.notes =
      "ours: where it stands (the input of each quantized layer), alpha starts at 10 and acts as 0.001 when smaller; "
      "signed inputs are clipped to +-alpha with 2^bits - 1 levels";
  method.make = [](const ActivationOptions& options) { return std::make_unique<Pact>(options); };
  return method;
}

}  // namespace denseshift::quant
