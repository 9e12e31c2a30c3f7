#pragma once
// One element of torch's SGD, shared by the fused DenseShift step and the update of ordinary parameters.

#include <cmath>

#include "core/kernels/densequant.h"
#include "core/kernels/target_clones.h"

namespace denseshift::kernels {

enum class MomentumKind { none, plain, nesterov };

[[nodiscard]] inline MomentumKind momentum_kind(const SgdStep& step) {
  if (step.momentum == 0) return MomentumKind::none;
  return step.nesterov ? MomentumKind::nesterov : MomentumKind::plain;
}

/// Updates `w` and `m` in place. The fused operations are those of the tensor library: add with a factor is fused, a
/// product followed by a sum of two tensors is not.
template <MomentumKind kind>
DENSESHIFT_INLINE void sgd_element(const SgdStep& step, float grad, float& w, float& m) {
  float d = std::fma(w, step.weight_decay, grad * step.grad_scale);
  if constexpr (kind != MomentumKind::none) {
    m = m * step.momentum + d;
    d = kind == MomentumKind::nesterov ? std::fma(m, step.momentum, d) : m;
  }
  w = std::fma(d, -step.lr, w);
}

/// The same for n elements. `momenta` is not touched without momentum.
template <MomentumKind kind>
DENSESHIFT_INLINE void sgd_elements(const SgdStep& step, const float* grad, float* parameter, float* momenta,
                                    std::int64_t n) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    float w = parameter[i];
    if constexpr (kind == MomentumKind::none) {
      float unused = 0;
      sgd_element<kind>(step, grad[i], w, unused);
    } else {
      float m = momenta[i];
      sgd_element<kind>(step, grad[i], w, m);
      momenta[i] = m;
    }
    parameter[i] = w;
  }
}

}  // namespace denseshift::kernels
