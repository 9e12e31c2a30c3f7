// LQ-Nets' activations (Zhang et al. 2018): the levels are the sums of {0,1} * v_j. Each pass in training moves the
// basis v one step towards the least-squares basis of the codes just chosen, averaged over time.

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/quant/activation.h"
#include "core/quant/activations/step_function.h"
#include "core/quant/small_solve.h"

namespace denseshift::quant {
namespace {

constexpr double kBasisDecay = 0.9;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kInputMedian = 0.6745;
/// Of the trace: far too small to show, but where a combination of codes does not occur at all, which makes the
/// authors' system singular, it keeps the old basis in that direction.
constexpr double kBasisRidge = 1e-9;

/// The sums in ascending order, each with its codes: bit j is set where v_j takes part. Sorting codes with the sums
/// keeps them right also when a basis value is negative.
struct BasisLevels {
  explicit BasisLevels(const std::vector<float>& basis) {
    std::vector<float> sums(std::size_t{1} << basis.size());
    for (std::size_t code = 0; code < sums.size(); ++code) {
      for (std::size_t j = 0; j < basis.size(); ++j) sums[code] += (code >> j) & 1 ? basis[j] : 0.0F;
    }
    codes.resize(sums.size());
    std::iota(codes.begin(), codes.end(), std::size_t{0});
    std::stable_sort(codes.begin(), codes.end(), [&](std::size_t x, std::size_t y) { return sums[x] < sums[y]; });
    for (const std::size_t code : codes) values.push_back(sums[code]);
  }
  std::vector<std::size_t> codes;
  std::vector<float> values;
};

class LqNetsActivation final : public ActivationQuantizer {
 public:
  explicit LqNetsActivation(const ActivationOptions& options)
      : bits_(options.bits),
        reference_(options.reference),
        rectified_(!options.bare),
        debiased_(options.ema == "debiased"),
        basis_(at::empty({options.bits})),
        sum_(at::zeros({options.bits})),
        steps_(at::zeros({}, at::kLong)) {
    const double unit = kInputMedian * 2 / (std::ldexp(1.0, static_cast<int>(bits_)) - 1);
    for (std::int64_t j = 0; j < bits_; ++j) basis_[j].fill_(std::ldexp(unit, static_cast<int>(j)));
  }

  [[nodiscard]] std::int64_t bits() const override { return bits_; }
  [[nodiscard]] std::string description() const override {
    const std::vector<float> v = basis();
    std::string text = fmt::format("lq-nets, {} bits, basis", bits_);
    for (const float value : v) text += fmt::format(" {:.4g}", value);
    return text;
  }
  [[nodiscard]] std::vector<NamedTensor> buffers() const override {
    return {{"basis", basis_}, {"basis_sum", sum_}, {"basis_steps", steps_}};
  }
  [[nodiscard]] std::vector<double> levels() const override {
    const BasisLevels levels(basis());
    return {levels.values.begin(), levels.values.end()};
  }

 protected:
  /// The pass uses the old basis; the codes it gives decide the new one.
  [[nodiscard]] at::Tensor quantize(const at::Tensor& x) override {
    const std::vector<float> v = basis();
    const BasisLevels levels(v);
    ActivationSteps steps;
    steps.levels = levels.values;
    for (std::size_t c = 0; c + 1 < levels.values.size(); ++c) {
      const float middle = (levels.values[c] + levels.values[c + 1]) / 2;
      steps.thresholds.push_back(rectified_ && middle < 0 ? -kInfinity : middle);  // a negative x acts as 0
    }
    steps.first = rectified_ ? 0.0F : -kInfinity;
    steps.last = std::nextafter(levels.values.back(), -kInfinity);
    at::Tensor y = apply_steps(steps, x, reference_);
    if (training()) {
      const at::NoGradGuard no_grad;
      ActivationSteps all = steps;
      all.thresholds.insert(all.thresholds.begin(), -kInfinity);  // so that the lowest level is counted, too
      average(fit(v, levels, step_statistics(all, x, reference_)));
    }
    return y;
  }

 private:
  [[nodiscard]] std::vector<float> basis() const {
    const at::Tensor v = basis_.cpu();
    return {v.data_ptr<float>(), v.data_ptr<float>() + bits_};
  }

  /// v* = (B^T B)^-1 B^T x, from the number and the sum of the inputs at each level.
  [[nodiscard]] static std::vector<double> fit(const std::vector<float>& v, const BasisLevels& levels,
                                               const StepStatistics& above) {
    const std::size_t b = v.size();
    std::vector<double> matrix(b * b);
    std::vector<double> right(b);
    const std::size_t count = levels.codes.size();
    for (std::size_t c = 0; c < count; ++c) {
      // The statistics are of all inputs above a threshold: a level's own are the difference to the next one's.
      const bool top = c + 1 == count;
      const double number = static_cast<double>(above.counts[c] - (top ? 0 : above.counts[c + 1]));
      const double sum = above.sums[c] - (top ? 0.0 : above.sums[c + 1]);
      const auto taken = [&](std::size_t j) { return (levels.codes[c] >> j) & 1 ? 1.0 : 0.0; };
      for (std::size_t i = 0; i < b; ++i) {
        right[i] += taken(i) * sum;
        for (std::size_t j = 0; j < b; ++j) matrix[i * b + j] += taken(i) * taken(j) * number;
      }
    }
    double ridge = 0;
    for (std::size_t i = 0; i < b; ++i) ridge += kBasisRidge * matrix[i * b + i];
    std::vector<double> old(v.begin(), v.end());
    if (!(ridge > 0)) return old;
    for (std::size_t i = 0; i < b; ++i) matrix[i * b + i] += ridge, right[i] += ridge * old[i];
    solve_in_place(matrix, right);
    for (const double value : right) {
      if (!std::isfinite(value)) return old;  // an infinite input: the loss will tell
    }
    return right;
  }

  void average(const std::vector<double>& fitted) {
    const at::Tensor v = at::tensor(fitted, at::kDouble).to(at::kFloat).to(basis_.device());
    steps_.add_(1);
    if (debiased_) {
      sum_.mul_(kBasisDecay).add_(v, 1 - kBasisDecay);
      basis_.copy_(sum_ / (1 - std::pow(kBasisDecay, static_cast<double>(steps_.item<std::int64_t>()))));
    } else {
      basis_.mul_(kBasisDecay).add_(v, 1 - kBasisDecay);
    }
  }

  std::int64_t bits_;
  bool reference_;
  bool rectified_;
  bool debiased_;
  at::Tensor basis_, sum_, steps_;
};

}  // namespace

ActivationMethod lq_nets_activation() {
  ActivationMethod method;
  method.bits = {2, 3, 4};
  method.levels = "sums of {0, 1} * v_j, j = 1 .. bits";
  method.trained = "none: v by least squares and a moving average";
  method.notes =
      "ours: a basis per place whose update keeps directions that no input used; a ReLU in front is part of it, so the "
      "gradient passes for 0 <= x < top level";
  method.make = [](const ActivationOptions& options) { return std::make_unique<LqNetsActivation>(options); };
  return method;
}

}  // namespace denseshift::quant
