// Updates of ordinary parameters.

#include <cmath>

#include "core/kernels/densequant.h"
#include "core/kernels/sgd_element.h"
#include "core/kernels/target_clones.h"

namespace denseshift::kernels {
namespace {

/// AdamW's per-step numbers, computed in double and rounded once as the tensor library does with its scalars.
struct AdamWScalars {
  float grad_scale, keep, beta1, one_minus_beta1, beta2, one_minus_beta2, root_correction2, epsilon, minus_step;
};

AdamWScalars scalars_of(const AdamWStep& step) {
  const double correction1 = 1.0 - std::pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1.0 - std::pow(step.beta2, static_cast<double>(step.step));
  const auto f = [](double x) { return static_cast<float>(x); };
  return {f(step.grad_scale),
          f(1.0 - step.lr * step.weight_decay),
          f(step.beta1),
          f(1.0 - step.beta1),
          f(step.beta2),
          f(1.0 - step.beta2),
          f(std::sqrt(correction2)),
          f(step.epsilon),
          f(-(step.lr / correction1))};
}

}  // namespace

DENSESHIFT_CLONES
void sgd_update(const SgdStep& step_reference, const float* grad, float* parameter, float* momenta, std::int64_t begin,
                std::int64_t end) {
  const SgdStep step = step_reference;  // a copy cannot alias the arrays
  float* m = momenta == nullptr ? nullptr : momenta + begin;
  switch (momentum_kind(step)) {
    case MomentumKind::none:
      return sgd_elements<MomentumKind::none>(step, grad + begin, parameter + begin, m, end - begin);
    case MomentumKind::plain:
      return sgd_elements<MomentumKind::plain>(step, grad + begin, parameter + begin, m, end - begin);
    case MomentumKind::nesterov:
      return sgd_elements<MomentumKind::nesterov>(step, grad + begin, parameter + begin, m, end - begin);
  }
}

DENSESHIFT_CLONES
void adamw_update(const AdamWStep& step, const float* grad, float* parameter, float* mean, float* mean_square,
                  std::int64_t begin, std::int64_t end) {
  const AdamWScalars s = scalars_of(step);
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = begin; i < end; ++i) {
    const float g = grad[i] * s.grad_scale;
    const float w = parameter[i] * s.keep;
    const float m = std::fma(g, s.one_minus_beta1, mean[i] * s.beta1);
    const float v = mean_square[i] * s.beta2 + (s.one_minus_beta2 * g) * g;
    const float denominator = std::sqrt(v) / s.root_correction2 + s.epsilon;
    mean[i] = m;
    mean_square[i] = v;
    parameter[i] = w + (s.minus_step * m) / denominator;
  }
}

}  // namespace denseshift::kernels
