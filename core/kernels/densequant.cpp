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
  load_codes(block, codes, n);
  if (spec.sparse) return start_sparse_gradient(block, grad_weight, spec.gates, n);
  switch (spec.gradient) {
    case GradientMode::surrogate:
      return start_gradient<GradientMode::surrogate>(block, grad_weight, spec.gates, n);
    case GradientMode::sign_only:
      return start_gradient<GradientMode::sign_only>(block, grad_weight, spec.gates, n);
    case GradientMode::none:
      return start_gradient<GradientMode::none>(block, grad_weight, spec.gates, n);
  }
}

/// Position of gate t among the references.
DENSESHIFT_INLINE int gate_index(const DenseShiftSpec& spec, int t) { return spec.sparse ? t + 1 : t; }

DENSESHIFT_INLINE int collect_sign(Block& block, const float* reference, ZeroConvention zero, std::int64_t n) {
  return zero == ZeroConvention::paper ? collect_sign<ZeroConvention::paper>(block, reference, n)
                                       : collect_sign<ZeroConvention::code>(block, reference, n);
}

/// Gradient of gate t, its update and its new bit in one loop: the bulk of the work.
template <MomentumKind kind>
DENSESHIFT_INLINE int update_gate(Block& block, const SgdStep& step, int t, float* reference, float* momenta,
                                  std::int64_t n) {
  int nan = 0;
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    float flow = block.flow[i];
    const float grad = pass_gate(block.code[i], t, flow);
    block.flow[i] = flow;
    float w = reference[i];
    float m = kind == MomentumKind::none ? 0.0F : momenta[i];
    sgd_element<kind>(step, grad, w, m);
    if constexpr (kind != MomentumKind::none) momenta[i] = m;
    reference[i] = w;
    nan |= w != w;
    block.fresh[i] |= gate_bit(w, t);
  }
  return nan;
}

/// The sparse reference: its penalty, its update and its new bit in one loop.
template <MomentumKind kind>
DENSESHIFT_INLINE int update_sparse(Block& block, const SgdStep& step, const DenseShiftSpec& spec, float* reference,
                                    float* momenta, std::int64_t n) {
  const float penalty = spec.sparse_penalty;
  const int bit = spec.gates + 1;
  int nan = 0;
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    float w = reference[i];
    float m = kind == MomentumKind::none ? 0.0F : momenta[i];
    sgd_element<kind>(step, block.sparse[i] + (w < 0.0F ? -penalty : 0.0F), w, m);
    if constexpr (kind != MomentumKind::none) momenta[i] = m;
    reference[i] = w;
    nan |= w != w;
    block.fresh[i] |= gate_bit(w, bit);
  }
  return nan;
}

/// All references of one block; arrays start at element `first`.
template <MomentumKind kind>
DENSESHIFT_INLINE int update_block(Block& block, const DenseShiftSpec& spec, const SgdStep& step,
                                   float* const* references, float* const* momenta, std::int64_t first,
                                   std::int64_t n) {
  const auto momenta_of = [&](int which) { return kind == MomentumKind::none ? nullptr : momenta[which] + first; };
  sgd_elements<kind>(step, block.grad, references[0] + first, momenta_of(0), n);
  int nan = collect_sign(block, references[0] + first, spec.zero, n);
  if (spec.sparse) {
    float* sparse = references[1] + first;
    nan |= update_sparse<kind>(block, step, spec, sparse, momenta_of(1), n);
  }
  for (int t = spec.gates; t >= 1; --t) {
    const int which = gate_index(spec, t);
    nan |= update_gate<kind>(block, step, t, references[which] + first, momenta_of(which), n);
  }
  return nan;
}

/// Codes and weight of a block whose references were collected.
DENSESHIFT_INLINE void finish_block(const Block& block, const DenseShiftSpec& spec, float* weight, std::uint8_t* codes,
                                    std::int64_t first, std::int64_t n) {
  if (weight != nullptr) write_weight(block.fresh, spec, weight + first, n);
  if (codes == nullptr) return;
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) codes[first + i] = static_cast<std::uint8_t>(block.fresh[i]);
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
    if (spec.sparse) nan |= collect_gate(block, references[1] + first, spec.gates + 1, n);
    for (int t = 1; t <= spec.gates; ++t) {
      nan |= collect_gate(block, references[gate_index(spec, t)] + first, t, n);
    }
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
    load_codes(block, codes + first, n);
    write_weight(block.code, spec, weight + first, n);
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
    if (spec.sparse) std::memcpy(grads[1] + first, block.sparse, static_cast<std::size_t>(n) * sizeof(float));
    for (int t = spec.gates; t >= 1; --t) write_gate_gradient(block, t, grads[gate_index(spec, t)] + first, n);
  }
}

DENSESHIFT_CLONES
double gradient_square_sum(const DenseShiftSpec& spec, const float* grad_weight, const std::uint8_t* codes,
                           const float* sparse_reference, std::int64_t begin, std::int64_t end) {
  Block block;
  double lanes[kSumLanes] = {};
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t n = std::min(kBlock, end - first);
    start_block(block, spec, grad_weight + first, codes + first, n);
    add_squares(block.grad, n, lanes);
    if (spec.sparse) {
      if (sparse_reference != nullptr) {
        add_sparse_penalty(block, sparse_reference + first, spec.sparse_penalty, n);
      }
      add_squares(block.sparse, n, lanes);
    }
    for (int t = spec.gates; t >= 1; --t) {
      write_gate_gradient(block, t, block.grad, n);
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
  const MomentumKind kind = momentum_kind(step);
  Block block;
  int nan = 0;
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t n = std::min(kBlock, end - first);
    start_block(block, spec, grad_weight + first, codes + first, n);
    switch (kind) {
      case MomentumKind::none:
        nan |= update_block<MomentumKind::none>(block, spec, scalars, references, momenta, first, n);
        break;
      case MomentumKind::plain:
        nan |= update_block<MomentumKind::plain>(block, spec, scalars, references, momenta, first, n);
        break;
      case MomentumKind::nesterov:
        nan |= update_block<MomentumKind::nesterov>(block, spec, scalars, references, momenta, first, n);
        break;
    }
    finish_block(block, spec, weight, codes, first, n);
  }
  return nan == 0;
}

}  // namespace denseshift::kernels
