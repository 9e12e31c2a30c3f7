#pragma once
// Declarations of all kernels of dot_kernels.inc, and what their translation units share. Everything defined here has
// internal linkage: each level compiles its own copy with its own instructions.

#include <cstddef>
#include <cstdint>

#include "core/kernels/target_clones.h"

namespace denseshift::kernels {

#define DENSESHIFT_DOT_f16(name) float name(const std::uint16_t* x, const void* weights, std::size_t n);
#define DENSESHIFT_DOT_i8(name) std::int32_t name(const std::int8_t* x, const void* weights, std::size_t n);
#define DENSESHIFT_DOT(family, variant, isa, weights, order, unit, name) DENSESHIFT_DOT_##family(name)
#include "core/kernels/dot/dot_kernels.inc"
#undef DENSESHIFT_DOT
#undef DENSESHIFT_DOT_i8
#undef DENSESHIFT_DOT_f16

namespace {

constexpr std::uint8_t kZeroCode = 0x7f;         ///< shift8: the weight zero
constexpr std::uint16_t kExponentBits = 0x7c00;  ///< exponent field of a half

/// 2^112, which takes the bits of a half in the place of a float's exponent and mantissa to the half's value.
constexpr float kShiftConvertScale = 0x1p112F;

/// The last elements of an input with zeros behind them, so that a whole vector can be read. A zero contributes
/// nothing with the code 0, also where zeros are not safe in general.
template <std::size_t kBytes>
struct Tail {
  alignas(64) std::uint8_t bytes[kBytes] = {};
  Tail(const void* from, std::size_t used) {
    for (std::size_t i = 0; i < used; ++i) bytes[i] = static_cast<const std::uint8_t*>(from)[i];
  }
};

// 16-bit sums. A lane takes `products` products of |x| <= max_x and |w| <= max_w for each step.
constexpr std::size_t steps_in_16_bits(int max_x, int max_w, int products) {
  return static_cast<std::size_t>(32767 / (max_x * max_w * products));
}

/// sum - 128 * (sum of all packed weights, filling included, which pack_dot_weights() stores behind the codes). The
/// terms may leave 32 bits, the difference does not.
DENSESHIFT_INLINE std::int32_t without_surplus(std::int32_t sum, const void* behind_codes) {
  std::uint32_t weights = 0;
  __builtin_memcpy(&weights, behind_codes, sizeof weights);
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) - 128 * weights);
}

}  // namespace
}  // namespace denseshift::kernels
