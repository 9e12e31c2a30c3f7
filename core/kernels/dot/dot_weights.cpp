// Weights in the forms that the dot products read, and the check of activations for the integer add.

#include <cstring>
#include <stdexcept>
#include <string>

#include "core/kernels/dot/dot.h"
#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

constexpr std::uint8_t kFilling = 2;  // packed2: +1

void check(const DotVariant& variant, const DotWeight& weight) {
  if (weight.sign == 0) {
    if (variant.zero_weights) return;
    throw std::invalid_argument(std::string(variant.variant) + " cannot hold the weight zero");
  }
  const int limit = 1 << (variant.max_bits - 1);
  if (weight.exponent < 0 || weight.exponent >= limit) {
    throw std::invalid_argument(std::string(variant.variant) + " holds exponents 0 to " + std::to_string(limit - 1) +
                                ", not " + std::to_string(weight.exponent));
  }
}

// What precedes the filling and the sum: a weight's bits in `bytes` bytes, low byte first.
std::uint32_t bits_of_weight(DotWeights form, const DotWeight& weight) {
  const std::uint32_t sign = weight.sign < 0 ? 1 : 0;
  const auto p = static_cast<std::uint32_t>(weight.exponent);
  const std::uint32_t as_float = sign << 31 | (127 + p) << 23;
  if (weight.sign == 0) return form == DotWeights::shift8 ? kZeroCode : 0;
  switch (form) {
    case DotWeights::f16:
      return sign << 15 | (15 + p) << 10;
    case DotWeights::f32:
      return as_float;
    case DotWeights::add16:
      return sign << 15 | p << 10;
    case DotWeights::add8:
      return sign << 7 | p << 2;
    case DotWeights::bf16:
      return as_float >> 16;
    case DotWeights::i8:
      return static_cast<std::uint8_t>(weight.sign * (1 << p));
    case DotWeights::shift8:
      return sign << 7 | p;
    case DotWeights::packed2:
      break;
  }
  return sign == 1 ? 1 - p : 2 + p;  // -2, -1, +1, +2
}

std::size_t bytes_of_weight(DotWeights form) {
  switch (form) {
    case DotWeights::f32:
      return 4;
    case DotWeights::f16:
    case DotWeights::add16:
    case DotWeights::bf16:
      return 2;
    default:
      return 1;
  }
}

std::vector<std::uint8_t> pack2(const DotKernel& kernel, const std::vector<DotWeight>& weights) {
  const std::size_t blocks = (weights.size() + kernel.order - 1) / kernel.order;
  const std::size_t words = kernel.order / (4 * kernel.unit);
  std::vector<std::uint8_t> packed(blocks * kernel.order / 4);
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < blocks * kernel.order; ++i) {
    const bool filling = i >= weights.size();
    const std::uint32_t code = filling ? kFilling : bits_of_weight(kernel.weights, weights[i]);
    sum += filling ? 1 : weights[i].sign * (1 << weights[i].exponent);
    const std::size_t in_block = i % kernel.order;
    const std::size_t bit = 2 * (in_block / words);
    const std::size_t byte = i / kernel.order * (kernel.order / 4) + in_block % words * kernel.unit + bit / 8;
    packed[byte] = static_cast<std::uint8_t>(packed[byte] | code << bit % 8);
  }
  packed.resize(packed.size() + sizeof sum);
  std::memcpy(packed.data() + packed.size() - sizeof sum, &sum, sizeof sum);
  return packed;
}

}  // namespace

std::vector<std::uint8_t> pack_dot_weights(const DotKernel& kernel, const std::vector<DotWeight>& weights) {
  const DotVariant& variant = dot_variant(kernel.variant);
  for (const DotWeight& weight : weights) check(variant, weight);
  if (kernel.weights == DotWeights::packed2) return pack2(kernel, weights);
  const std::size_t bytes = bytes_of_weight(kernel.weights);
  std::vector<std::uint8_t> packed(weights.size() * bytes);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::uint32_t bits = bits_of_weight(kernel.weights, weights[i]);
    for (std::size_t k = 0; k < bytes; ++k) packed[i * bytes + k] = static_cast<std::uint8_t>(bits >> 8 * k);
  }
  return packed;
}

bool add16_is_exact(const std::uint16_t* x, std::size_t n, int max_exponent) {
  if (max_exponent < 0 || max_exponent > 30) return false;
  // The largest half with an exponent of 30 - max_exponent. No branch inside, so that the loop is vectorised.
  const auto largest = static_cast<std::uint16_t>((31 - max_exponent) * 0x400 - 1);
  std::uint16_t bad = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto magnitude = static_cast<std::uint16_t>(x[i] & 0x7fff);
    const bool subnormal = static_cast<std::uint16_t>(magnitude - 1) < 0x3ff;
    bad = static_cast<std::uint16_t>(bad | (magnitude > largest) | subnormal);
  }
  return bad == 0;
}

}  // namespace denseshift::kernels
