#pragma once
// The steps of the DenseShift training kernels on one block of weights.
//
// A 4-bit layer has 8 references with 8 momenta. Walking 19 arrays at once makes their lines evict each other, because
// large arrays tend to start at the same offset in a page and so fall into the same cache set. The kernels therefore
// take a block of weights that fits the first-level cache and finish it reference by reference; what references share
// (code, S, the gradient on its way through the gates) stays in a Block.

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/kernels/densequant.h"
#include "core/kernels/target_clones.h"

namespace denseshift::kernels {

inline constexpr std::int64_t kBlock = 512;
inline constexpr float kLn2 = 0.693147180559945309417F;

struct Block {
  alignas(64) std::uint8_t levels[kMaxGates + 1][kBlock];  ///< levels[t] = S_t + 1, what gate t+1 adds up to when open
  alignas(64) float flow[kBlock];                          ///< gradient with respect to S_t, from t = T down to 0
  alignas(64) float grad[kBlock];                          ///< gradient of the reference at hand
  alignas(64) std::uint8_t code[kBlock];                   ///< new codes while they are collected
};

/// ±1 times x by the sign bit: the same value as the product.
DENSESHIFT_INLINE float with_sign(float x, std::uint8_t negative) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) ^ (static_cast<std::uint32_t>(negative) << 31));
}

/// 2^exponent for exponents of normal numbers.
DENSESHIFT_INLINE float power_of_two(int exponent) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(127 + exponent) << 23);
}

/// Fills block.levels from codes.
DENSESHIFT_INLINE void expand_levels(Block& block, const std::uint8_t* code, int gates, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) block.levels[0][i] = 1;
  for (int t = 1; t <= gates; ++t) {
    const std::uint8_t* inner = block.levels[t - 1];
    std::uint8_t* outer = block.levels[t];
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const std::uint8_t open = static_cast<std::uint8_t>(-((code[i] >> t) & 1));
      outer[i] = static_cast<std::uint8_t>((inner[i] & open) + 1);
    }
  }
}

/// From dL/dweight: block.grad for the sign reference, block.flow for the outermost gate.
template <GradientMode mode>
DENSESHIFT_INLINE void start_gradient(Block& block, const float* grad_weight, const std::uint8_t* code, int gates,
                                      std::int64_t n) {
  const std::uint8_t* level = block.levels[gates];
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = grad_weight[i];
    const float signed_g = with_sign(g, code[i] & 1);
    const float root = std::sqrt(static_cast<float>(level[i]));
    if constexpr (mode == GradientMode::surrogate) {
      block.grad[i] = g * root;
      block.flow[i] = signed_g / (2.0F * root);
    } else {
      const float power = power_of_two(level[i] - 1);
      block.grad[i] = g * (mode == GradientMode::sign_only ? root : power);
      block.flow[i] = (signed_g * power) * kLn2;
    }
  }
}

/// block.grad for gate t, and block.flow past it: a closed gate stops it.
DENSESHIFT_INLINE void pass_gate(Block& block, float* grad, const std::uint8_t* code, int t, std::int64_t n) {
  const std::uint8_t* inner = block.levels[t - 1];
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const float q = block.flow[i];
    grad[i] = q * static_cast<float>(inner[i]);
    block.flow[i] = q * static_cast<float>((code[i] >> t) & 1);
  }
}

/// Starts block.code with the sign bit. Returns nonzero when a reference is NaN.
DENSESHIFT_INLINE int collect_sign(Block& block, const float* reference, ZeroConvention zero, std::int64_t n) {
  int nan = 0;
  // The first value that counts as positive: the smallest denormal, or zero for the authors' convention.
  if (zero == ZeroConvention::paper) {
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      nan |= reference[i] != reference[i];
      block.code[i] = reference[i] > 0.0F ? 0 : 1;
    }
  } else {
    DENSESHIFT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      nan |= reference[i] != reference[i];
      block.code[i] = reference[i] < 0.0F ? 1 : 0;
    }
  }
  return nan;
}

/// Adds gate t to block.code. Returns nonzero when a reference is NaN.
DENSESHIFT_INLINE int collect_gate(Block& block, const float* reference, int t, std::int64_t n) {
  int nan = 0;
  const std::uint8_t bit = static_cast<std::uint8_t>(1U << t);
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    nan |= reference[i] != reference[i];
    block.code[i] = static_cast<std::uint8_t>(block.code[i] | (reference[i] > 0.0F ? bit : 0));
  }
  return nan;
}

/// weight = ±2^(S + bias) from codes, by sign and exponent bits. Needs block.levels of the same codes.
DENSESHIFT_INLINE void write_weight(const Block& block, const std::uint8_t* code, int gates, int bias, float* weight,
                                    std::int64_t n) {
  const std::uint8_t* level = block.levels[gates];
  DENSESHIFT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint32_t sign = static_cast<std::uint32_t>(code[i] & 1) << 31;
    weight[i] = std::bit_cast<float>(sign | (static_cast<std::uint32_t>(126 + bias + level[i]) << 23));
  }
}

}  // namespace denseshift::kernels
