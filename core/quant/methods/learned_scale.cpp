// Two methods with a trained scale that the tables do not have: LSQ (Esser et al. 2020), uniform levels with a learned
// step, and APoT (Li et al. 2020), sums of powers of two under a learned clipping value on standardised weights.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/quant/methods/baselines.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

kernels::GradientSums total_sums(const std::vector<kernels::GradientSums>& rows) {
  kernels::GradientSums all;
  for (const kernels::GradientSums& row : rows) {
    all.grad += row.grad;
    all.product += row.product;
  }
  return all;
}

/// q = s clip(round(w / s), Qn, Qp), Qn = -2^(bits-1), Qp = 2^(bits-1) - 1. Codes 0 and the last are the elements
/// beyond the range, whose gradient differs.
class Lsq final : public StoredWeight {
 public:
  Lsq(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        low_(-(std::int64_t{1} << (options.wbits - 1))),
        high_((std::int64_t{1} << (options.wbits - 1)) - 1),
        step_(at::ones({1}).requires_grad_(true)) {}

  [[nodiscard]] std::vector<NamedTensor> parameters() const override { return {{"weight", weight_}, {"step", step_}}; }

  /// dw = g inside the range; ds = sum of g (Qn | Qp | round(w/s) - w/s) / sqrt(numel Qp).
  [[nodiscard]] std::vector<at::Tensor> gradients(const at::Tensor& grad) override {
    std::vector<float> level, inside;
    for (const std::int64_t integer : last_table().integers) {
      level.push_back(static_cast<float>(integer));
      inside.push_back(1);
    }
    inside.front() = inside.back() = 0;
    const kernels::GradientSums sums = total_sums(gradient_sums(grad, level, inside));
    const double scale = 1 / std::sqrt(static_cast<double>(weight_.numel() * high_));
    const double step_gradient = scale * (sums.grad - sums.product / static_cast<double>(last_table().scales[0]));
    return {code_gradient(grad, inside), at::full({1}, step_gradient, step_.options())};
  }

 protected:
  void weight_replaced() override {
    const double mean = total(row_statistics(weight_.detach())).sum_abs / static_cast<double>(weight_.numel());
    step_.fill_(mean > 0 ? 2 * mean / std::sqrt(static_cast<double>(high_)) : 1.0);
  }

  [[nodiscard]] StepTable table() const override {
    const float step = std::max(step_.item<float>(), 1e-9F);  // a step that is not positive has no levels
    StepTable steps;
    std::vector<std::int64_t> multiples{low_};
    steps.thresholds.push_back(below(static_cast<float>(low_) * step));
    for (std::int64_t level = low_; level <= high_; ++level) {
      multiples.push_back(level);
      steps.level_of_code.push_back(static_cast<std::uint8_t>(level - low_));
      if (level == high_) break;
      const float halfway = (static_cast<float>(level) + 0.5F) * step;
      // Half to even: the tie between an odd level and the even one above it goes up.
      steps.thresholds.push_back(level % 2 == 0 ? halfway : below(halfway));
    }
    multiples.push_back(high_);
    steps.thresholds.push_back(static_cast<float>(high_) * step);
    steps.level_of_code.insert(steps.level_of_code.begin(), 0);
    steps.level_of_code.push_back(steps.level_of_code.back());
    steps.steps = static_cast<int>(steps.thresholds.size());
    steps.set_multiples({step}, std::move(multiples));
    return steps;
  }

 private:
  std::int64_t low_, high_;
  at::Tensor step_;
};

/// Positive levels as multiples of a unit, the largest being 1.
struct Ladder {
  std::int64_t unit = 1;
  std::vector<std::int64_t> multiples;  ///< ascending from 0
};

Ladder apot_ladder(std::int64_t bits, bool additive) {
  if (bits == 2) return {1, {0, 1}};
  if (additive && bits == 3) return {4, {0, 1, 2, 4}};
  if (additive && bits == 4) return {10, {0, 1, 2, 3, 4, 6, 8, 10}};
  if (additive) return {48, {0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48}};
  Ladder ladder{std::int64_t{1} << ((1 << (bits - 1)) - 2), {0}};
  for (std::int64_t power = 1; power <= ladder.unit; power *= 2) ladder.multiples.push_back(power);
  return ladder;
}

/// h = (w - mean) / std of the layer, u = clip(h / alpha, -1, 1), q = alpha * nearest level of u.
class Apot final : public StoredWeight {
 public:
  Apot(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        ladder_(apot_ladder(options.wbits, option_value(apot_method(), options, "levels") == "additive")),
        alpha_(at::full({1}, kStart).requires_grad_(true)) {}

  [[nodiscard]] std::vector<NamedTensor> parameters() const override {
    return {{"weight", weight_}, {"alpha", alpha_}};
  }

  /// dalpha = sum of g (+-1 beyond the range, level - u inside); dh = g inside (2 bits: everywhere), then through std
  /// and mean to w.
  [[nodiscard]] std::vector<at::Tensor> gradients(const at::Tensor& grad) override {
    const auto unit = static_cast<float>(ladder_.unit);
    std::vector<float> level, inside, passed;
    for (const std::int64_t integer : last_table().integers) {
      level.push_back(static_cast<float>(integer) / unit);
      inside.push_back(1);
    }
    inside.front() = inside.back() = 0;
    passed = bits() == 2 ? std::vector<float>(inside.size(), 1.0F) : inside;

    const auto n = static_cast<double>(weight_.numel());
    const double mean = mean_;
    const double deviation = deviation_;
    const auto alpha = static_cast<double>(alpha_.item<float>());
    const kernels::GradientSums levels = total_sums(gradient_sums(grad, level, inside));
    const double inside_grad = total_sums(gradient_sums(grad, inside, {})).grad;
    // Above 2 bits what passes to the weight is what is inside: the sums are the same.
    const kernels::GradientSums through = bits() == 2 ? total_sums(gradient_sums(grad, passed, passed))
                                                      : kernels::GradientSums{inside_grad, levels.product};
    // Sums over elements inside of g u and of dh h, by h = (w - mean) / deviation.
    const double with_u = (levels.product - mean * inside_grad) / (deviation * alpha);
    const double with_h = (through.product - mean * through.grad) / deviation;
    const double slope = -with_h / ((n - 1) * deviation * deviation);
    const double offset = -through.grad / (n * deviation) - slope * mean;
    for (float& factor : passed) factor /= static_cast<float>(deviation);
    return {code_gradient(grad, passed, {static_cast<float>(offset)}, {static_cast<float>(slope)}),
            at::full({1}, levels.grad - with_u, alpha_.options())};
  }

 protected:
  [[nodiscard]] StepTable table() const override {
    const at::Tensor weight = weight_.detach();
    const auto n = static_cast<double>(weight.numel());
    mean_ = total(row_statistics(weight)).sum / n;
    const double square = total(centred_statistics(weight, {static_cast<float>(mean_)})).sum_square;
    deviation_ = std::sqrt(square / std::max(1.0, n - 1));
    if (!(deviation_ > 0)) deviation_ = 1;
    const float alpha = std::max(alpha_.item<float>(), 1e-6F);

    const std::vector<std::int64_t>& m = ladder_.multiples;
    std::vector<std::int64_t> all;
    for (std::size_t i = m.size(); i-- > 1;) all.push_back(-m[i]);
    all.insert(all.end(), m.begin(), m.end());
    const auto place = [&](double u) {
      return static_cast<float>(mean_ + deviation_ * static_cast<double>(alpha) * u);
    };
    StepTable steps;
    std::vector<std::int64_t> multiples{all.front()};
    steps.thresholds.push_back(place(-1));
    steps.level_of_code.push_back(0);
    for (std::size_t i = 0; i < all.size(); ++i) {
      multiples.push_back(all[i]);
      steps.level_of_code.push_back(static_cast<std::uint8_t>(i));
      const bool last = i + 1 == all.size();
      const double halfway =
          last ? 1.0 : static_cast<double>(all[i] + all[i + 1]) / 2 / static_cast<double>(ladder_.unit);
      steps.thresholds.push_back(place(halfway));
    }
    multiples.push_back(all.back());
    steps.level_of_code.push_back(steps.level_of_code.back());
    steps.steps = static_cast<int>(steps.thresholds.size());
    steps.set_multiples({alpha / static_cast<float>(ladder_.unit)}, std::move(multiples));
    return steps;
  }
  void weight_replaced() override { alpha_.fill_(kStart); }

 private:
  static constexpr float kStart = 3.0F;
  Ladder ladder_;
  at::Tensor alpha_;
  mutable double mean_ = 0, deviation_ = 1;  ///< of the last table
};

}  // namespace

Method lsq_method() {
  Method method;
  method.bits = {2, 3, 4, 5, 8};
  method.default_bits = 3;
  method.levels = "s times -2^(bits-1) .. 2^(bits-1) - 1; s per layer, trained";
  method.trained = "weight, step";
  method.start = "a trained network";
  method.notes =
      "not in the paper's tables; first convolution and classifier stay in full precision (8 bits in its paper)";
  method.needs_pretrained = true;
  method.own_placement = {false, true, false, "first convolution and classifier have 8 bits there"};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Lsq>(shape, options);
  };
  return method;
}

Method apot_method() {
  Method method;
  method.bits = {2, 3, 4, 5};
  method.default_bits = 4;
  method.levels = "0 and +-alpha times sums of powers of two (2^bits - 1); alpha per layer, trained";
  method.trained = "weight, alpha";
  method.start = "a trained network (the authors go down from the next higher bit width)";
  method.notes =
      "not in the paper's tables; first convolution and classifier stay in full precision (8 bits in its code)";
  method.needs_pretrained = true;
  method.own_placement = {false, true, false, "first convolution and classifier have 8 bits there"};
  method.options = {{"levels", "additive", {"additive", "pot"}, "sums of powers of two, or powers of two alone"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Apot>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
