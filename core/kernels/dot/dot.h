#pragma once
// The dot products of section 3.1 of the paper, as a ladder: FP16 activations with power-of-two weights (the integer
// add on the bits of a half against conversion and multiplication) and INT8 activations with shift codes. Each rung has
// one name in every instruction set. They exist to be measured and compared; networks run on core/kernels/packed.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/kernels/isa.h"

namespace denseshift::kernels {

enum class DotFamily : std::uint8_t {
  f16,  ///< x is FP16, the result a float
  i8    ///< x is int8, the result an exact int32
};

/// How the weights of a dot product lie in memory. p is the exponent of a weight (0 .. 2^(b-1) - 1), s its sign bit.
enum class DotWeights : std::uint8_t {
  f16,     ///< the weight as FP16, 2 bytes
  f32,     ///< the weight as FP32, 4 bytes
  add16,   ///< what is added to the bits of x: s << 15 | p << 10, 2 bytes
  add8,    ///< high byte of add16, 1 byte
  bf16,    ///< high half of the FP32 weight, 2 bytes
  i8,      ///< the weight as int8, 1 byte (2 and 3 bits only)
  shift8,  ///< s << 7 | p, 1 byte; 0x7f is the weight zero, which only Shift networks have
  packed2  ///< 2-bit codes in the kernel's own order, 4 a byte, of pack_dot_weights()
};

/// One kernel of the ladder in one instruction set.
struct DotKernel {
  std::string_view name;  ///< as in perf and in the list, such as f16_add16_dot__avx2_u32
  DotFamily family = DotFamily::f16;
  std::string_view variant;  ///< the rung, the same in every instruction set; see dot_variants()
  Isa isa = Isa::scalar;
  DotWeights weights = DotWeights::f16;
  /// Any n, any alignment; `weights` are n weights of pack_dot_weights(). Every product is exact (but see the variant);
  /// the order in which they are added is the kernel's.
  float (*f16)(const std::uint16_t* x, const void* weights, std::size_t n) = nullptr;
  /// Exact while the result fits: n <= 131071 for any 4-bit weights and any x, 16 times that for 3 bits.
  std::int32_t (*i8)(const std::int8_t* x, const void* weights, std::size_t n) = nullptr;
  std::size_t order = 1;  ///< packed2: weights that are packed together, see pack_dot_weights()
  std::size_t unit = 1;   ///< packed2: bytes of the words that codes lie in, see pack_dot_weights()
};

/// One rung of the ladder, independent of the instruction set.
struct DotVariant {
  std::string_view variant;
  DotFamily family = DotFamily::f16;
  std::string_view description;  ///< one line for tables
  bool zero_safe = false;     ///< exact for x = 0; subnormal x is exact too, or counts as 0 (add*_safe, *_convert_safe)
  bool robust = false;        ///< f16: exact for every x; NaN and Inf in x reach the result
  bool zero_weights = false;  ///< can hold the weight zero (Shift)
  int max_bits = 4;           ///< largest bit width b of the weights it can hold: p < 2^(b-1)
};

/// The rungs in the order of the tables. The first of each family is the paper's baseline; paper_pair() names both.
/// fp16_fma and fp16_add exist for neon_fp16 only: all others have a kernel for scalar, avx2, avx512 and neon.
[[nodiscard]] const std::vector<DotVariant>& dot_variants();
/// Throws std::invalid_argument for an unknown name.
[[nodiscard]] const DotVariant& dot_variant(std::string_view variant);
/// Variant that stands for the paper's baseline (first) and for its DenseShift kernel (second). FP16: fma and add16,
/// which have the same four sums, so that their ratio is what the saved conversion is worth and not how long an
/// addition takes (add16_1acc, the paper's listing to the letter, waits for its one sum). INT8: shift_zero_after and
/// denseshift, which are one loop with and without the test for the weight zero.
struct PaperPair {
  std::string_view baseline, denseshift;
};
[[nodiscard]] PaperPair paper_pair(DotFamily family);

/// Every kernel that was compiled for this architecture, best instruction set first within a variant.
[[nodiscard]] const std::vector<DotKernel>& dot_kernels();
/// The kernel of a variant that dispatch takes: the first whose level is in `allowed`. nullptr when there is none.
[[nodiscard]] const DotKernel* find_dot_kernel(std::string_view variant, IsaSet allowed);

/// A weight for a dot product: sign * 2^exponent, or zero.
struct DotWeight {
  std::int8_t sign = 1;      ///< -1, 0 (the weight zero), +1
  std::int8_t exponent = 0;  ///< 0 .. 7
};
/// Weights in the form that `kernel` reads. Throws std::invalid_argument for a weight that the kernel cannot hold.
/// packed2: blocks of `order` weights, the last one filled up. With words of `unit` bytes (little-endian) and
/// words = order / (4 * unit) of them in a block, weight i of a block is in word i % words at bit 2 * (i / words).
/// Codes are 0..3 for -2, -1, +1, +2. Behind the codes stands the sum of all weights, filling included, as int32.
[[nodiscard]] std::vector<std::uint8_t> pack_dot_weights(const DotKernel& kernel,
                                                         const std::vector<DotWeight>& weights);

/// True when the integer add is exact for every x: all are finite, zero or normal, and none leaves the range of a half
/// after adding max_exponent (0 or more) to its exponent. Zeros are exact in the zero-safe variants; in the others only
/// with p = 0. One pass over x, shared by all rows that use it. Otherwise take `robust`, which reads the same weights.
[[nodiscard]] bool add16_is_exact(const std::uint16_t* x, std::size_t n, int max_exponent);

}  // namespace denseshift::kernels
