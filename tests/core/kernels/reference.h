#pragma once
// The DenseShift equations one weight at a time, as slow and plain as they are written, and data to try them on.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "core/kernels/densequant.h"
#include "core/util/rng.h"

namespace denseshift::kernels::reference {

/// S_1 .. S_T of gate references, with S_0 = 0 in front.
inline std::vector<int> shifts(const std::vector<float>& gates) {
  std::vector<int> s{0};
  for (const float w : gates) s.push_back(w > 0 ? s.back() + 1 : 0);
  return s;
}

inline float sign(float w, ZeroConvention zero) {
  if (w > 0) return 1.0F;
  if (w < 0) return -1.0F;
  return zero == ZeroConvention::code ? 1.0F : -1.0F;
}

inline float weight(const DenseShiftSpec& spec, float w_sign, const std::vector<float>& gates) {
  return sign(w_sign, spec.zero) * static_cast<float>(std::pow(2.0, shifts(gates).back() + spec.shift_bias));
}

/// Gradients of sign, gate 1 .. T in float, in the order of operations of automatic differentiation.
inline std::vector<float> gradients(const DenseShiftSpec& spec, float g, float w_sign,
                                    const std::vector<float>& gates) {
  const std::vector<int> s = shifts(gates);
  const int last = spec.gates;
  const float sigma = sign(w_sign, spec.zero);
  const float root = std::sqrt(static_cast<float>(s.back() + 1));
  const float power = static_cast<float>(1 << s.back());
  std::vector<float> result(gates.size() + 1);
  result[0] = spec.gradient == GradientMode::none ? g * power : g * root;
  const float ln2 = static_cast<float>(std::log(2.0));
  float q = spec.gradient == GradientMode::surrogate ? (g * sigma) / (2.0F * root) : ((g * sigma) * power) * ln2;
  for (int t = last; t >= 1; --t) {
    const auto k = static_cast<std::size_t>(t);
    result[k] = q * static_cast<float>(s[k - 1] + 1);
    q *= gates[k - 1] > 0 ? 1.0F : 0.0F;
  }
  return result;
}

/// The same from the formulas of the paper in double, by products over outer gates.
inline std::vector<double> exact_gradients(const DenseShiftSpec& spec, double g, float w_sign,
                                           const std::vector<float>& gates) {
  const std::vector<int> s = shifts(gates);
  const double sigma = static_cast<double>(sign(w_sign, spec.zero));
  const double root = std::sqrt(s.back() + 1.0);
  const double power = std::pow(2.0, s.back());
  std::vector<double> result{g * (spec.gradient == GradientMode::none ? power : root)};
  for (std::size_t t = 0; t < gates.size(); ++t) {
    double open = 1;
    for (std::size_t k = t + 1; k < gates.size(); ++k) open *= gates[k] > 0 ? 1 : 0;
    const double outer = spec.gradient == GradientMode::surrogate ? 1 / (2 * root) : std::log(2.0) * power;
    result.push_back(g * sigma * outer * open * (s[t] + 1));
  }
  return result;
}

/// torch's SGD on one element.
inline void sgd(const SgdStep& step, float grad, float& w, float& m) {
  float d = grad * step.grad_scale;
  if (step.weight_decay != 0) d = std::fma(w, step.weight_decay, d);
  if (step.momentum != 0) {
    const float kept = m * step.momentum;
    m = kept + d;
    d = step.nesterov ? std::fma(m, step.momentum, d) : m;
  }
  w = std::fma(d, -step.lr, w);
}

/// Equal bits, where any NaN equals any other.
inline bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0; }

/// A layer with its momenta and the gradient of its weights.
struct Layer {
  std::vector<std::vector<float>> references, momenta;
  std::vector<float> grad;

  Layer(int gates, std::int64_t n, std::uint64_t seed, float std_deviation = 1e-3F) {
    RandomStream random(seed);
    const auto draw = [&] {
      std::vector<float> values;
      for (std::int64_t i = 0; i < n; ++i) values.push_back(std_deviation * static_cast<float>(random.normal()));
      return values;
    };
    for (int t = 0; t <= gates; ++t) {
      references.push_back(draw());
      momenta.push_back(draw());
    }
    grad = draw();
  }

  /// Puts special values at random places of every reference.
  void add_specials(std::uint64_t seed) {
    RandomStream random(seed);
    const float infinity = std::numeric_limits<float>::infinity();
    const float denormal = std::numeric_limits<float>::denorm_min();
    const float specials[] = {0.0F, -0.0F, denormal, -denormal, 1e-40F, -1e-40F, 3e38F, -3e38F, infinity, -infinity};
    for (std::vector<float>& reference : references) {
      for (float& value : reference) {
        if (random.below(3) == 0) value = specials[random.below(std::size(specials))];
      }
    }
  }

  [[nodiscard]] std::vector<float> gates_of(std::size_t i) const {
    std::vector<float> gates;
    for (std::size_t t = 1; t < references.size(); ++t) gates.push_back(references[t][i]);
    return gates;
  }
  [[nodiscard]] std::vector<float*> reference_pointers() { return pointers(references); }
  [[nodiscard]] std::vector<float*> momentum_pointers() { return pointers(momenta); }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(grad.size()); }

 private:
  static std::vector<float*> pointers(std::vector<std::vector<float>>& arrays) {
    std::vector<float*> result;
    for (std::vector<float>& array : arrays) result.push_back(array.data());
    return result;
  }
};

}  // namespace denseshift::kernels::reference
