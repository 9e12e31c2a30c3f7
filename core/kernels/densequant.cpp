// The DenseShift training kernels: block by block, one reference after the other (see densequant_blocks.h).

#include "core/kernels/densequant.h"

#include <algorithm>
#include <cstring>

#include "core/kernels/densequant_blocks.h"
#include "core/kernels/sgd_element.h"
#include "core/kernels/target_clones.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE void start_block(Block& block, const DenseShiftSpec& spec, const float* grad_weight,
                                   const std::uint8_t* codes, std::int64_t n) {
  expand_levels(block, codes, spec.gates, n);
  switch (spec.gradient) {
    case GradientMode::surrogate:
      return start_gradient<GradientMode::surrogate>(block, grad_weight, codes, spec.gates, n);
    case GradientMode::sign_only:
      return start_gradient<GradientMode::sign_only>(block, grad_weight, codes, spec.gates, n);
    case GradientMode::none:
      return start_gradient<GradientMode::none>(block, grad_weight, codes, spec.gates, n);
  }
}

DENSESHIFT_INLINE void update_reference(const SgdStep& step, const float* grad, float* reference, float* momenta,
                                        std::int64_t n) {
  switch (momentum_kind(step)) {
    case MomentumKind::none:
      return sgd_elements<MomentumKind::none>(step, grad, reference, momenta, n);
    case MomentumKind::plain:
      return sgd_elements<MomentumKind::plain>(step, grad, reference, momenta, n);
    case MomentumKind::nesterov:
      return sgd_elements<MomentumKind::nesterov>(step, grad, reference, momenta, n);
  }
}

/// Codes and weight of a block whose references were collected.
DENSESHIFT_INLINE void finish_block(Block& block, const DenseShiftSpec& spec, float* weight, std::uint8_t* codes,
                                    std::int64_t first, std::int64_t n) {
  if (weight != nullptr) {
    expand_levels(block, block.code, spec.gates, n);
    write_weight(block, block.code, spec.gates, spec.shift_bias, weight + first, n);
  }
  if (codes != nullptr) std::memcpy(codes + first, block.code, static_cast<std::size_t>(n));
}

/// Lanes of partial sums: their number is fixed, so the sum does not depend on the instruction set.
constexpr int kSumLanes = 16;

DENSESHIFT_INLINE void add_squares(const float* grad, std::int64_t n, double* lanes) {
  std::int64_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) {
    DENSESHIFT_INDEPENDENT
    for (int lane = 0; lane < kSumLanes; ++lane) {
      const double value = static_cast<double>(grad[i + lane]);
      lanes[lane] += value * value;
    }
  }
  for (int lane = 0; i < n; ++i, ++lane) {
    const double value = static_cast<double>(grad[i]);
    lanes[lane] += value * value;
  }
}

}  // namespace

int shift_of_code(std::uint8_t code, int gates) {
  int shift = 0;
  for (int t = 1; t <= gates; ++t) shift = (code >> t) & 1 ? shift + 1 : 0;
  return shift;
}

DENSESHIFT_CLONES
bool quantize(const DenseShiftSpec& spec, const float* const* references, float* weight, std::uint8_t* codes,
              std::int64_t begin, std::int64_t end) {
  Block block;
  int nan = 0;
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t n = std::min(kBlock, end - first);
    nan |= collect_sign(block, references[0] + first, spec.zero, n);
    for (int t = 1; t <= spec.gates; ++t) nan |= collect_gate(block, references[t] + first, t, n);
    finish_block(block, spec, weight, codes, first, n);
  }
  return nan == 0;
}

DENSESHIFT_CLONES
void decode(const DenseShiftSpec& spec, const std::uint8_t* codes, float* weight, std::int64_t begin,
            std::int64_t end) {
  Block block;
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t n = std::min(kBlock, end - first);
    expand_levels(block, codes + first, spec.gates, n);
    write_weight(block, codes + first, spec.gates, spec.shift_bias, weight + first, n);
  }
}

DENSESHIFT_CLONES
void expand_gradient(const DenseShiftSpec& spec, const float* grad_weight, const std::uint8_t* codes,
                     float* const* grads, std::int64_t begin, std::int64_t end) {
  Block block;
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t n = std::min(kBlock, end - first);
    start_block(block, spec, grad_weight + first, codes + first, n);
    std::memcpy(grads[0] + first, block.grad, static_cast<std::size_t>(n) * sizeof(float));
    for (int t = spec.gates; t >= 1; --t) pass_gate(block, grads[t] + first, codes + first, t, n);
  }
}

DENSESHIFT_CLONES
double gradient_square_sum(const DenseShiftSpec& spec, const float* grad_weight, const std::uint8_t* codes,
                           std::int64_t begin, std::int64_t end) {
  Block block;
  double lanes[kSumLanes] = {};
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t n = std::min(kBlock, end - first);
    start_block(block, spec, grad_weight + first, codes + first, n);
    add_squares(block.grad, n, lanes);
    for (int t = spec.gates; t >= 1; --t) {
      pass_gate(block, block.grad, codes + first, t, n);
      add_squares(block.grad, n, lanes);
    }
  }
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

DENSESHIFT_CLONES
bool sgd_step(const DenseShiftSpec& spec, const SgdStep& step, const float* grad_weight, float* const* references,
              float* const* momenta, float* weight, std::uint8_t* codes, std::int64_t begin, std::int64_t end) {
  const SgdStep scalars = step;  // a copy cannot alias the arrays
  Block block;
  int nan = 0;
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t n = std::min(kBlock, end - first);
    start_block(block, spec, grad_weight + first, codes + first, n);
    for (int t = 0; t <= spec.gates; ++t) {
      // The sign comes first, then the gates from the outermost inwards.
      const int which = t == 0 ? 0 : spec.gates + 1 - t;
      if (which > 0) pass_gate(block, block.grad, codes + first, which, n);
      float* reference = references[which] + first;
      update_reference(scalars, block.grad, reference, momenta == nullptr ? nullptr : momenta[which] + first, n);
      nan |= which == 0 ? collect_sign(block, reference, spec.zero, n) : collect_gate(block, reference, which, n);
    }
    finish_block(block, spec, weight, codes, first, n);
  }
  return nan == 0;
}

}  // namespace denseshift::kernels
