#include "core/quant/zero_free.h"

#include <ATen/ATen.h>

#include <bit>
#include <cmath>

#include "core/util/error.h"

namespace denseshift::quant {
namespace {

constexpr double kReferenceMagnitude = 1e-3;

bool power_of_two(std::int64_t value) { return value > 0 && std::has_single_bit(static_cast<std::uint64_t>(value)); }

}  // namespace

PowerWeights power_weights(const ExportedCodes& exported, const std::string& layer) {
  const auto refuse = [&](const std::string& why) {
    return usage_error(layer + ": " + why,
                       "networks of s3, inq, deepshift-q, deepshift-ps and lr-net can be converted");
  };
  if (exported.integers.empty()) throw refuse("its levels are no powers of two");
  if (exported.scale.numel() != 1) throw refuse("its filters have scales of their own");
  const double scale = exported.scale.item<double>();
  int exponent = 0;
  if (std::frexp(scale, &exponent) != 0.5) throw refuse("its scale is no power of two");
  PowerWeights result;
  result.bias = exponent - 1;
  const auto levels = static_cast<std::int64_t>(exported.integers.size());
  at::Tensor signs = at::zeros({levels}, at::kChar);
  at::Tensor shifts = at::zeros({levels}, at::kChar);
  for (std::int64_t i = 0; i < levels; ++i) {
    const std::int64_t integer = exported.integers[static_cast<std::size_t>(i)];
    const std::int64_t magnitude = std::abs(integer);
    if (magnitude == 0) {
      result.has_zero = true;
      continue;
    }
    if (!power_of_two(magnitude)) throw refuse("its levels are no powers of two");
    signs[i] = integer > 0 ? 1 : -1;
    shifts[i] = std::countr_zero(static_cast<std::uint64_t>(magnitude));
  }
  const at::Tensor index = exported.codes.to(at::kLong);
  result.sign = signs.index({index});
  result.shift = shifts.index({index});
  return result;
}

ZeroFreePair zero_free_pair(const PowerWeights& w) {
  const at::Tensor zero = w.sign.eq(0);
  const at::Tensor one = w.sign.ne(0).logical_and(w.shift.eq(0));
  const at::Tensor halved = w.shift.sub(1).clamp_min(0);
  ZeroFreePair pair;
  pair.first_sign = at::where(zero, at::ones_like(w.sign), w.sign);
  pair.first_shift = at::where(one, at::ones_like(w.shift), halved);
  pair.second_sign = at::where(zero.logical_or(one), pair.first_sign.neg(), w.sign);
  pair.second_shift = halved;
  return pair;
}

std::int64_t bits_for_shift(std::int64_t largest) {
  if (largest <= 1) return 2;
  if (largest <= 3) return 3;
  return largest <= 7 ? 4 : 0;
}

std::vector<at::Tensor> references_for(const at::Tensor& sign, const at::Tensor& shift, int gates) {
  std::vector<at::Tensor> references{sign.to(at::kFloat).mul(kReferenceMagnitude)};
  // S is the number of open gates in a row from the outermost inwards: gate t is open when S > T - t.
  for (int t = 1; t <= gates; ++t) {
    references.push_back(shift.gt(gates - t).to(at::kFloat).mul_(2).sub_(1).mul_(kReferenceMagnitude));
  }
  return references;
}

}  // namespace denseshift::quant
