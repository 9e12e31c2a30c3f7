#pragma once
// The steps of the DenseShift training kernels on one block of weights.
//
// A 4-bit layer has 8 references with 8 momenta. Walking 19 arrays at once makes their lines evict each other, because
// large arrays tend to start at the same offset in a page and so fall into the same cache set. The kernels therefore
// take a block of weights that fits the first-level cache and finish it reference by reference; what references share
// (old code, new code, the gradient on its way through the gates) stays in a Block, in 32-bit lanes so that no loop
// repacks bytes.

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/kernels/densequant.h"
#include "core/kernels/target_clones.h"

namespace denseshift::kernels {

inline constexpr std::int64_t kBlock = 512;
inline constexpr float kLn2 = 0.693147180559945309417F;

struct Block {
  alignas(64) std::int32_t code[kBlock];   ///< codes as they came in
  alignas(64) std::int32_t fresh[kBlock];  ///< codes being collected
  alignas(64) float flow[kBlock];          ///< gradient with respect to S_t, for t = T down to 0
  alignas(64) float grad[kBlock];          ///< gradient of one reference
  alignas(64) float sparse[kBlock];        ///< gradient of the sparse reference, where there is one
};

/// S_t of a code: the number of open gates in a row from gate t inwards. The innermost of them is next to the highest
/// closed gate, and the exponent of a small integer converted to float finds that bit on every CPU with vectors.
DENSESHIFT_INLINE std::int32_t shift_at(std::int32_t code, int t) {
  const std::int32_t closed = (~code & ((2 << t) - 2)) | 1;
  return t + 127 - (std::bit_cast<std::int32_t>(static_cast<float>(closed)) >> 23);
}

/// ±1 times x by the sign bit: the same value as the product.
DENSESHIFT_INLINE float with_sign(float x, std::int32_t code) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) ^ (static_cast<std::uint32_t>(code) << 31));
}

/// ±2^exponent, the sign from bit 0 of the code. For exponents of normal numbers.
DENSESHIFT_INLINE float signed_power(std::int32_t code, std::int32_t exponent) {
  return std::bit_cast<float>((static_cast<std::uint32_t>(code) << 31) |
                              (static_cast<std::uint32_t>(127 + exponent) << 23));
}

DENSESHIFT_INLINE void load_codes(Block& block, const std::uint8_t* codes, std::int64_t n) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) block.code[i] = codes[i];
}

/// From dL/dweight: block.grad for the sign reference, block.flow for the outermost gate.
template <GradientMode mode>
DENSESHIFT_INLINE void start_gradient(Block& block, const float* grad_weight, int gates, std::int64_t n) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = grad_weight[i];
    const std::int32_t code = block.code[i];
    const std::int32_t shift = shift_at(code, gates);
    const float signed_g = with_sign(g, code & 1);
    const float root = std::sqrt(static_cast<float>(shift + 1));
    if constexpr (mode == GradientMode::surrogate) {
      block.grad[i] = g * root;
      block.flow[i] = signed_g / (2.0F * root);
    } else {
      const float power = signed_power(0, shift);
      block.grad[i] = g * (mode == GradientMode::sign_only ? root : power);
      block.flow[i] = (signed_g * power) * kLn2;
    }
  }
}

/// The same for weights with a sparse reference (bit T+1): exact chain rule of sign * nonzero * 2^S.
DENSESHIFT_INLINE void start_sparse_gradient(Block& block, const float* grad_weight, int gates, std::int64_t n) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t code = block.code[i];
    const float power = signed_power(0, shift_at(code, gates));
    const float nonzero = static_cast<float>((code >> (gates + 1)) & 1);
    const float g = grad_weight[i];
    const float signed_g = with_sign(g, code & 1);
    block.grad[i] = (g * power) * nonzero;
    block.sparse[i] = signed_g * power;
    block.flow[i] = ((signed_g * nonzero) * power) * kLn2;
  }
}

/// Adds the gradient of the penalty on negative sparse references.
DENSESHIFT_INLINE void add_sparse_penalty(Block& block, const float* reference, float penalty, std::int64_t n) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) block.sparse[i] += reference[i] < 0.0F ? -penalty : 0.0F;
}

/// Gradient of gate t for a weight, and `flow` past that gate: a closed one stops it. Multiplied, not selected, so that
/// what is not finite spreads as it does through the tensor operations.
DENSESHIFT_INLINE float pass_gate(std::int32_t code, int t, float& flow) {
  const float grad = flow * static_cast<float>(shift_at(code, t - 1) + 1);
  flow *= static_cast<float>((code >> t) & 1);
  return grad;
}

/// pass_gate for a block.
DENSESHIFT_INLINE void write_gate_gradient(Block& block, int t, float* grad, std::int64_t n) {
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    float flow = block.flow[i];
    grad[i] = pass_gate(block.code[i], t, flow);
    block.flow[i] = flow;
  }
}

/// Bit 0 of the code.
template <ZeroConvention zero>
DENSESHIFT_INLINE std::int32_t sign_bit(float reference) {
  return zero == ZeroConvention::paper ? (reference > 0.0F ? 0 : 1) : (reference < 0.0F ? 1 : 0);
}

/// Bit t of the code.
DENSESHIFT_INLINE std::int32_t gate_bit(float reference, int t) { return reference > 0.0F ? 1 << t : 0; }

/// Starts block.fresh with the sign. Returns nonzero when a reference is NaN.
template <ZeroConvention zero>
DENSESHIFT_INLINE int collect_sign(Block& block, const float* reference, std::int64_t n) {
  int nan = 0;
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    nan |= reference[i] != reference[i];
    block.fresh[i] = sign_bit<zero>(reference[i]);
  }
  return nan;
}

/// Adds gate t to block.fresh. Returns nonzero when a reference is NaN.
DENSESHIFT_INLINE int collect_gate(Block& block, const float* reference, int t, std::int64_t n) {
  int nan = 0;
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    nan |= reference[i] != reference[i];
    block.fresh[i] |= gate_bit(reference[i], t);
  }
  return nan;
}

/// Writes the weight, ±2^(S + bias), or 0 where the sparse bit is not set.
DENSESHIFT_INLINE void write_weight(const std::int32_t* code, const DenseShiftSpec& spec, float* weight,
                                    std::int64_t n) {
  const int gates = spec.gates;
  const int bias = spec.shift_bias;
  if (spec.sparse) {
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const float power = signed_power(code[i] & 1, shift_at(code[i], gates) + bias);
      weight[i] = (code[i] >> (gates + 1)) & 1 ? power : 0.0F;
    }
    return;
  }
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) weight[i] = signed_power(code[i] & 1, shift_at(code[i], gates) + bias);
}

}  // namespace denseshift::kernels
