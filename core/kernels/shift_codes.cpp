#include "core/kernels/shift_codes.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "core/kernels/densequant.h"

namespace denseshift::kernels {

int bits_of_gates(int gates) {
  for (int bits = 2; bits <= 4; ++bits) {
    if (gates == (1 << (bits - 1)) - 1) return bits;
  }
  throw std::invalid_argument("no bit width has " + std::to_string(gates) + " gates");
}

int gates_of_bits(int bits) {
  if (bits < 2 || bits > 4)
    throw std::invalid_argument("DenseShift codes have 2 to 4 bits, not " + std::to_string(bits));
  return (1 << (bits - 1)) - 1;
}

std::uint8_t pack_code(std::uint8_t code, int gates) {
  const int bits = bits_of_gates(gates);
  const int negative = code & 1;
  const int shift = shift_of_code(code, gates);
  if (bits == 2) return static_cast<std::uint8_t>(negative != 0 ? 1 - shift : 2 + shift);
  return static_cast<std::uint8_t>((negative << (bits - 1)) | shift);
}

namespace {

struct SignShift {
  int negative, shift;
};

SignShift split_packed(std::uint8_t packed, int bits) {
  if (bits == 2) return {packed < 2, packed < 2 ? 1 - packed : packed - 2};
  return {packed >> (bits - 1), packed & ((1 << (bits - 1)) - 1)};
}

}  // namespace

std::uint8_t unpack_code(std::uint8_t packed, int gates) {
  const SignShift value = split_packed(packed, bits_of_gates(gates));
  int code = value.negative;
  for (int k = 0; k < value.shift; ++k) code |= 1 << (gates - k);  // the outermost gates count
  return static_cast<std::uint8_t>(code);
}

float weight_of_packed(std::uint8_t packed, int bits, int shift_bias) {
  const SignShift value = split_packed(packed, bits);
  return std::ldexp(value.negative != 0 ? -1.0F : 1.0F, value.shift + shift_bias);
}

std::vector<std::uint8_t> pack_bits(const std::vector<std::uint8_t>& codes, int bits) {
  std::vector<std::uint8_t> bytes(packed_bytes(codes.size(), bits), 0);
  std::size_t position = 0;
  for (const std::uint8_t code : codes) {
    for (int bit = 0; bit < bits; ++bit, ++position) {
      const int value = (code >> bit) & 1;
      bytes[position / 8] = static_cast<std::uint8_t>(bytes[position / 8] | (value << (position % 8)));
    }
  }
  return bytes;
}

std::vector<std::uint8_t> unpack_bits(const std::vector<std::uint8_t>& bytes, std::size_t n, int bits) {
  if (bytes.size() < packed_bytes(n, bits))
    throw std::invalid_argument("too few bytes for " + std::to_string(n) + " codes");
  std::vector<std::uint8_t> codes(n, 0);
  std::size_t position = 0;
  for (std::uint8_t& code : codes) {
    for (int bit = 0; bit < bits; ++bit, ++position) {
      const int value = (bytes[position / 8] >> (position % 8)) & 1;
      code = static_cast<std::uint8_t>(code | (value << bit));
    }
  }
  return codes;
}

}  // namespace denseshift::kernels
