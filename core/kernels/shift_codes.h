#pragma once
// Codes of DenseShift weights as they are stored and deployed: b bits a weight, every code used.
//
// 3 and 4 bits: sign-magnitude, s << (b-1) | S with s = 1 for a negative weight. 2 bits: the codes 0..3 are the weights
// -2, -1, +1, +2 in this order, so that a code is an affine function of its weight but for the missing zero.
// The training code (densequant.h) additionally remembers which gates are open; several of them share one packed code.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace denseshift::kernels {

/// Bits per weight for 1, 3 or 7 gates. Throws std::invalid_argument for another number.
[[nodiscard]] int bits_of_gates(int gates);
/// Gates for 2, 3 or 4 bits. Throws std::invalid_argument for another number.
[[nodiscard]] int gates_of_bits(int bits);

/// Packed code (0 .. 2^b - 1) of a training code.
[[nodiscard]] std::uint8_t pack_code(std::uint8_t code, int gates);
/// The training code with the fewest open gates that has this packed code.
[[nodiscard]] std::uint8_t unpack_code(std::uint8_t packed, int gates);
/// ±2^(S + shift_bias) of a packed code, exact. REQUIRES: shift_bias in -64..64.
[[nodiscard]] float weight_of_packed(std::uint8_t packed, int bits, int shift_bias = 0);

/// Bytes that n codes of `bits` bits take.
[[nodiscard]] constexpr std::size_t packed_bytes(std::size_t n, int bits) {
  return (n * static_cast<std::size_t>(bits) + 7) / 8;
}
/// Stores codes one after the other, code i at bits [i*b, (i+1)*b) counted from the lowest bit of the first byte; a
/// 3-bit code may lie in two bytes. Unused bits of the last byte are 0.
[[nodiscard]] std::vector<std::uint8_t> pack_bits(const std::vector<std::uint8_t>& codes, int bits);
/// Inverse of pack_bits. Throws std::invalid_argument when `bytes` is shorter than n codes.
[[nodiscard]] std::vector<std::uint8_t> unpack_bits(const std::vector<std::uint8_t>& bytes, std::size_t n, int bits);

}  // namespace denseshift::kernels
