#pragma once
// Theorem 1 of the DenseShift paper as arithmetic: a Shift network, whose weights are powers of two or zero, has an
// equal among the zero-free ones. Every weight is written as the sum of two zero-free weights,
//
//   0 = 1 - 1,   +-1 = +-2 -+ 1,   +-2^k = +-2^(k-1) +- 2^(k-1)  (k >= 1),
//
// in units of the layer's smallest magnitude, and the two stand side by side on a doubled input. (The construction is
// ours; the paper states that an equivalent network exists.)

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/quant/quantizer.h"

namespace denseshift::quant {

/// A layer's weight as powers of two: weight = sign * 2^(shift + bias), with sign 0 for a zero weight.
struct PowerWeights {
  at::Tensor sign;        ///< int8: -1, 0, +1
  at::Tensor shift;       ///< int8, from 0
  std::int64_t bias = 0;  ///< exponent of the smallest magnitude that the method can have
  bool has_zero = false;  ///< whether the method's level set holds zero
};

/// Takes exported codes apart. Throws a usage error that begins with `layer` when the levels are not powers of two and
/// zero (scales that are no powers of two, several scales per layer, other multiples).
[[nodiscard]] PowerWeights power_weights(const ExportedCodes& exported, const std::string& layer);

/// The two zero-free halves of a weight, with the same bias.
struct ZeroFreePair {
  at::Tensor first_sign, first_shift;    ///< int8
  at::Tensor second_sign, second_shift;  ///< int8
};
[[nodiscard]] ZeroFreePair zero_free_pair(const PowerWeights& weights);

/// Bits of DenseShift whose shifts reach `largest`: 2, 3 or 4; 0 when none does.
[[nodiscard]] std::int64_t bits_for_shift(std::int64_t largest);

/// Reference tensors w_sign, w_1 .. w_T of DenseShift weights of these signs and shifts, all of magnitude 1e-3 (the
/// scale of the paper's low-variance start, so that the network can be trained further).
[[nodiscard]] std::vector<at::Tensor> references_for(const at::Tensor& sign, const at::Tensor& shift, int gates);

}  // namespace denseshift::quant
