// The obvious dot products, element by element: the reference of the others and the path of every CPU.

#include <cstring>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

template <class T>
T load(const void* from, std::size_t index) {
  T value;
  std::memcpy(&value, static_cast<const std::uint8_t*>(from) + index * sizeof(T), sizeof(T));
  return value;
}

float float_of_bits(std::uint32_t bits) { return load<float>(&bits, 0); }

float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fU;
  const std::uint32_t mantissa = half & 0x3ffU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return float_of_bits(sign | 0x7f800000U | mantissa << 13);
  return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

// The value of a half whose exponent 31 is an exponent like the others, times 2^-112.
float shift_convert(std::uint16_t half) { return float_of_bits((half & 0x8000U) << 16 | (half & 0x7fffU) << 13); }

std::uint16_t add16(std::uint16_t x, unsigned increment) { return static_cast<std::uint16_t>(x + increment); }

bool zero_or_subnormal(std::uint16_t x) { return (x & kExponentBits) == 0; }

// ±2^p of an add16 code.
float weight_of_add16(std::uint16_t code) {
  return float_of_bits((code & 0x8000U) << 16 | (127U + ((code & 0x7fffU) >> 10)) << 23);
}

int weight_of_code2(const void* packed, std::size_t i) {
  constexpr int kWeights[4] = {-2, -1, 1, 2};
  return kWeights[load<std::uint8_t>(packed, i / 4) >> (2 * (i % 4)) & 3];
}

template <class Product>
float sum_floats(std::size_t n, Product product) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += product(i);
  return sum;
}

template <class Product>
std::int32_t sum_ints(std::size_t n, Product product) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += product(i);
  return sum;
}

int exponent_of_shift8(std::uint8_t code) { return code & 0x7f; }
int with_sign_of_shift8(std::uint8_t code, int value) { return (code & 0x80) != 0 ? -value : value; }

std::int32_t shift_dot(const std::int8_t* x, const void* weights, std::size_t n) {
  return sum_ints(n, [=](std::size_t i) {
    const auto code = load<std::uint8_t>(weights, i);
    return with_sign_of_shift8(code, x[i] * (1 << exponent_of_shift8(code)));
  });
}

std::int32_t shift_or_zero_dot(const std::int8_t* x, const void* weights, std::size_t n) {
  return sum_ints(n, [=](std::size_t i) {
    const auto code = load<std::uint8_t>(weights, i);
    return code == kZeroCode ? 0 : with_sign_of_shift8(code, x[i] * (1 << exponent_of_shift8(code)));
  });
}

}  // namespace

#define DENSESHIFT_F16(name) float name(const std::uint16_t* x, const void* weights, std::size_t n)
#define DENSESHIFT_I8(name) std::int32_t name(const std::int8_t* x, const void* weights, std::size_t n)

// A product with a power of two is exact in float, so the fused and the separate addition round alike.
DENSESHIFT_F16(f16_fma_dot__scalar) {
  return sum_floats(
      n, [=](std::size_t i) { return float_of_half(x[i]) * float_of_half(load<std::uint16_t>(weights, i)); });
}
DENSESHIFT_F16(f16_fma_split_dot__scalar) { return f16_fma_dot__scalar(x, weights, n); }

DENSESHIFT_F16(f16_add16_dot__scalar) {
  return sum_floats(n, [=](std::size_t i) { return float_of_half(add16(x[i], load<std::uint16_t>(weights, i))); });
}
DENSESHIFT_F16(f16_add16_1acc_dot__scalar) { return f16_add16_dot__scalar(x, weights, n); }

DENSESHIFT_F16(f16_add16_safe_dot__scalar) {
  return sum_floats(n, [=](std::size_t i) {
    return zero_or_subnormal(x[i]) ? 0.0F : float_of_half(add16(x[i], load<std::uint16_t>(weights, i)));
  });
}

DENSESHIFT_F16(f16_add8_dot__scalar) {
  return sum_floats(n, [=](std::size_t i) {
    return float_of_half(add16(x[i], static_cast<unsigned>(load<std::uint8_t>(weights, i)) << 8));
  });
}

DENSESHIFT_F16(f16_add8_safe_dot__scalar) {
  return sum_floats(n, [=](std::size_t i) {
    const unsigned increment = static_cast<unsigned>(load<std::uint8_t>(weights, i)) << 8;
    return zero_or_subnormal(x[i]) ? 0.0F : float_of_half(add16(x[i], increment));
  });
}

DENSESHIFT_F16(f16_shift_convert_dot__scalar) {
  return kShiftConvertScale *
         sum_floats(n, [=](std::size_t i) { return shift_convert(add16(x[i], load<std::uint16_t>(weights, i))); });
}

DENSESHIFT_F16(f16_shift_convert_safe_dot__scalar) {
  return kShiftConvertScale * sum_floats(n, [=](std::size_t i) {
           return zero_or_subnormal(x[i]) ? 0.0F : shift_convert(add16(x[i], load<std::uint16_t>(weights, i)));
         });
}

DENSESHIFT_F16(f16_packed2_dot__scalar) {
  return sum_floats(
      n, [=](std::size_t i) { return float_of_half(x[i]) * static_cast<float>(weight_of_code2(weights, i)); });
}

DENSESHIFT_F16(f16_robust_dot__scalar) {
  return sum_floats(
      n, [=](std::size_t i) { return float_of_half(x[i]) * weight_of_add16(load<std::uint16_t>(weights, i)); });
}

DENSESHIFT_F16(f16_bf16_dot__scalar) {
  return sum_floats(n, [=](std::size_t i) {
    return float_of_half(x[i]) * float_of_bits(static_cast<std::uint32_t>(load<std::uint16_t>(weights, i)) << 16);
  });
}

DENSESHIFT_I8(i8_shift_zero_after_dot__scalar) { return shift_or_zero_dot(x, weights, n); }
DENSESHIFT_I8(i8_shift_zero_x_dot__scalar) { return shift_or_zero_dot(x, weights, n); }
DENSESHIFT_I8(i8_denseshift_dot__scalar) { return shift_dot(x, weights, n); }
DENSESHIFT_I8(i8_denseshift_sign8_dot__scalar) { return shift_dot(x, weights, n); }

DENSESHIFT_I8(i8_multiply_dot__scalar) {
  return sum_ints(n, [=](std::size_t i) { return x[i] * load<std::int8_t>(weights, i); });
}

DENSESHIFT_I8(i8_packed2_dot__scalar) {
  return sum_ints(n, [=](std::size_t i) { return x[i] * weight_of_code2(weights, i); });
}

}  // namespace denseshift::kernels
