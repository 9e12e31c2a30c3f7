// LQ-Nets (Zhang et al. 2018): each filter has a basis v of `bits` values, its levels are the sums of +-v_j. Each pass
// in training takes one step of quantization error minimisation: a least-squares basis for the codes just chosen,
// averaged over time.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "core/quant/methods/baselines.h"
#include "core/quant/small_solve.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

constexpr double kDecay = 0.9;
constexpr double kRidge = 1e-4;
constexpr double kHalfNormalMedian = 0.6745;  // of |x| for a normal x of unit deviation: the start's spread

class LqNets final : public StoredWeight {
 public:
  LqNets(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        debiased_(option_value(lq_nets_method(), options, "ema") == "debiased"),
        basis_(at::zeros({shape[0], options.wbits})),
        sum_(at::zeros({shape[0], options.wbits})),
        steps_(at::zeros({}, at::kLong)) {
    LqNets::weight_replaced();
  }

  [[nodiscard]] std::vector<NamedTensor> buffers() const override {
    return {{"basis", basis_}, {"basis_sum", sum_}, {"basis_steps", steps_}};
  }

 protected:
  void weight_replaced() override {
    double area = 1;
    for (std::int64_t d = 2; d < weight_.dim(); ++d) area *= static_cast<double>(weight_.size(d));
    const double spread = kHalfNormalMedian * std::sqrt(2 / (area * static_cast<double>(weight_.size(0)))) /
                          std::ldexp(1.0, static_cast<int>(bits()) - 1);
    for (std::int64_t j = 0; j < bits(); ++j) basis_.select(1, j).fill_(std::ldexp(spread, static_cast<int>(j)));
    sum_.zero_();
    steps_.zero_();
  }

  [[nodiscard]] StepTable table() const override {
    const at::Tensor basis = basis_.cpu();
    StepTable steps;
    steps.rows = row_count();
    steps.steps = (1 << bits()) - 1;
    for (std::int64_t row = 0; row < steps.rows; ++row) {
      const Levels levels(basis.data_ptr<float>() + row * bits(), static_cast<int>(bits()));
      steps.levels.insert(steps.levels.end(), levels.value.begin(), levels.value.end());
      for (std::size_t c = 0; c + 1 < levels.value.size(); ++c) {
        steps.thresholds.push_back((levels.value[c] + levels.value[c + 1]) / 2);
      }
    }
    return steps;
  }

  /// The values of the pass used the old basis; the codes they gave decide the new one.
  void passed(const StepTable& steps) override {
    const at::NoGradGuard no_grad;
    const at::Tensor codes = last_codes().cpu();
    const at::Tensor weight = weight_.detach().cpu();
    at::Tensor basis = basis_.cpu();
    at::Tensor fitted = at::empty_like(basis);
    const int b = static_cast<int>(bits());
    const std::int64_t n = row_size();
    const float* w = weight.data_ptr<float>();
    const std::uint8_t* code = codes.data_ptr<std::uint8_t>();
    at::parallel_for(0, row_count(), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const float* v = basis.data_ptr<float>() + row * b;
        std::vector<std::int64_t> counts(static_cast<std::size_t>(steps.steps) + 1);
        std::vector<double> sums(counts.size());
        kernels::add_code_statistics(code + row * n, w + row * n, n, steps.steps + 1, counts.data(), sums.data());
        fit(v, Levels(v, b), counts, sums, fitted.data_ptr<float>() + row * b);
      }
    });
    average(fitted.to(basis_.device()));
  }

 private:
  /// The sums of +-v_j in ascending order, each with its signs: bit j is set for +v_j. Sorting signs with the levels
  /// keeps them right also when a basis value is negative.
  struct Levels {
    Levels(const float* v, int b) {
      std::vector<float> sums(std::size_t{1} << b);
      for (std::size_t signs = 0; signs < sums.size(); ++signs) {
        for (int j = 0; j < b; ++j) sums[signs] += (signs >> j) & 1 ? v[j] : -v[j];
      }
      order.resize(sums.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return sums[x] < sums[y]; });
      for (const std::size_t signs : order) value.push_back(sums[signs]);
    }
    std::vector<std::size_t> order;
    std::vector<float> value;
  };

  /// v* = (B^T B + ridge I)^-1 (B^T w + ridge v), from the number and the sum of the weights at each level.
  static void fit(const float* v, const Levels& levels, const std::vector<std::int64_t>& counts,
                  const std::vector<double>& sums, float* out) {
    const std::size_t b = static_cast<std::size_t>(std::bit_width(levels.order.size()) - 1);
    std::vector<double> matrix(b * b);
    std::vector<double> right(b);
    for (std::size_t c = 0; c < levels.order.size(); ++c) {
      const auto sign = [&](std::size_t j) { return (levels.order[c] >> j) & 1 ? 1.0 : -1.0; };
      for (std::size_t i = 0; i < b; ++i) {
        right[i] += sign(i) * sums[c];
        for (std::size_t j = 0; j < b; ++j) matrix[i * b + j] += sign(i) * sign(j) * static_cast<double>(counts[c]);
      }
    }
    for (std::size_t i = 0; i < b; ++i) {
      matrix[i * b + i] += kRidge;
      right[i] += kRidge * static_cast<double>(v[i]);
    }
    solve_in_place(matrix, right);
    for (std::size_t i = 0; i < b; ++i) out[i] = static_cast<float>(right[i]);
  }

  void average(const at::Tensor& fitted) {
    steps_.add_(1);
    if (debiased_) {
      sum_.mul_(kDecay).add_(fitted, 1 - kDecay);
      basis_.copy_(sum_ / (1 - std::pow(kDecay, static_cast<double>(steps_.item<std::int64_t>()))));
    } else {
      basis_.mul_(kDecay).add_(fitted, 1 - kDecay);
    }
  }

  bool debiased_;
  at::Tensor basis_;  ///< (filters, bits)
  at::Tensor sum_;    ///< accumulator of the debiased average
  at::Tensor steps_;
};

}  // namespace

Method lq_nets_method() {
  Method method;
  method.bits = {1, 2, 3, 4};
  method.default_bits = 3;
  method.levels = "sums of +-v_j, j = 1 .. bits; v per filter, by least squares";
  method.trained = "weight (v by least squares and a moving average)";
  method.start = "random (kaiming)";
  method.notes =
      "signs are sorted with the levels, so a negative v_j is handled; batch norm starts as in other methods";
  method.own_placement = {false, true, false, ""};
  method.options = {{"ema",
                     "debiased",
                     {"debiased", "plain"},
                     "moving average of the basis: debiased (what the authors' framework does) or plain"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<LqNets>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
