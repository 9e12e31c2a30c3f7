#include "core/quant/activations/step_function.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/quant/elements.h"

namespace denseshift::quant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool fused(const at::Tensor& x, bool reference) { return !reference && x.is_cpu() && x.scalar_type() == at::kFloat; }

at::Tensor fused_values(const ActivationSteps& steps, const at::Tensor& x, at::Tensor* mask) {
  const kernels::StepActivation spec = steps.kernel();
  at::Tensor y = at::empty_like(x);
  if (mask != nullptr) *mask = at::empty_like(x, at::kByte);
  const float* from = x.data_ptr<float>();
  float* to = y.data_ptr<float>();
  std::uint8_t* bits = mask != nullptr ? mask->data_ptr<std::uint8_t>() : nullptr;
  for_pieces(x.numel(), [&](std::int64_t, std::int64_t first, std::int64_t count) {
    kernels::step_activation(spec, from + first, count, to + first, bits != nullptr ? bits + first : nullptr);
  });
  return y;
}

struct FusedSteps : torch::autograd::Function<FusedSteps> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const ActivationSteps& steps) {
    at::Tensor mask;
    at::Tensor y = fused_values(steps, dense(x), &mask);
    context->save_for_backward({mask});
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const at::Tensor mask = context->get_saved_variables()[0];
    const at::Tensor g = with_strides_of(mask, grad[0]);
    at::Tensor dx = at::empty_like(g);
    const float* from = g.data_ptr<float>();
    const std::uint8_t* bits = mask.data_ptr<std::uint8_t>();
    float* to = dx.data_ptr<float>();
    for_pieces(g.numel(), [&](std::int64_t, std::int64_t first, std::int64_t count) {
      kernels::pass_gradient(from + first, bits + first, count, to + first);
    });
    return {dx, at::Tensor()};
  }
};

struct ComposedSteps : torch::autograd::Function<ComposedSteps> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const ActivationSteps& steps) {
    at::Tensor y = at::where(x.isnan(), x, at::full({}, steps.levels[0], x.options()));
    for (std::size_t k = 0; k < steps.thresholds.size(); ++k) {
      y = at::where(x.gt(steps.thresholds[k]), at::full({}, steps.levels[k + 1], x.options()), y);
    }
    context->save_for_backward({x.ge(steps.first).logical_and_(x.le(steps.last))});
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const at::Tensor passes = context->get_saved_variables()[0];
    return {at::where(passes, grad[0], at::zeros({}, grad[0].options())), at::Tensor()};
  }
};

}  // namespace

at::Tensor apply_steps(const ActivationSteps& steps, const at::Tensor& x, bool reference) {
  if (!fused(x, reference)) return ComposedSteps::apply(x, steps);
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return fused_values(steps, dense(x.detach()), nullptr);
  return FusedSteps::apply(x, steps);
}

StepStatistics step_statistics(const ActivationSteps& steps, const at::Tensor& input, bool reference) {
  const at::Tensor x = dense(input.detach());
  const std::size_t size = steps.thresholds.size();
  StepStatistics total{std::vector<std::int64_t>(size), std::vector<double>(size)};
  if (!fused(x, reference)) {
    for (std::size_t k = 0; k < size; ++k) {
      const at::Tensor above = x.gt(steps.thresholds[k]);
      total.counts[k] = above.sum().item<std::int64_t>();
      total.sums[k] = at::where(above, x, at::zeros({}, x.options())).sum(at::kDouble).item<double>();
    }
    return total;
  }
  const kernels::StepActivation spec = steps.kernel();
  const std::int64_t pieces = piece_count(x.numel());
  std::vector<StepStatistics> parts(static_cast<std::size_t>(pieces), total);
  const float* from = x.data_ptr<float>();
  for_pieces(x.numel(), [&](std::int64_t piece, std::int64_t first, std::int64_t count) {
    StepStatistics& part = parts[static_cast<std::size_t>(piece)];
    kernels::add_step_statistics(spec, from + first, count, part.counts.data(), part.sums.data());
  });
  for (const StepStatistics& part : parts) {
    for (std::size_t k = 0; k < size; ++k) total.counts[k] += part.counts[k], total.sums[k] += part.sums[k];
  }
  return total;
}

}  // namespace denseshift::quant
