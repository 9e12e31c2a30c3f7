// BWN (Rastegari et al. 2016, binary weights of XNOR-Net) and the weights of HWGQ (Cai et al. 2017): q = alpha sgn(w)
// with alpha = mean|w| of the filter.

#include <ATen/ATen.h>

#include "core/quant/methods/baselines.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

std::vector<float> mean_magnitudes(const at::Tensor& weight) {
  std::vector<float> means;
  const auto n = static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
  for (const kernels::RowStatistics& row : row_statistics(weight)) {
    means.push_back(static_cast<float>(row.sum_abs / n));
  }
  return means;
}

/// Repeats the thresholds of one row.
void repeat_thresholds(StepTable& steps, const std::vector<float>& row) {
  steps.steps = static_cast<int>(row.size());
  for (std::int64_t r = 0; r < steps.rows; ++r) {
    steps.thresholds.insert(steps.thresholds.end(), row.begin(), row.end());
  }
}

/// sgn(0) = +1; the gradient passes unchanged.
class Hwgq final : public StoredWeight {
 public:
  using StoredWeight::StoredWeight;

 protected:
  [[nodiscard]] StepTable table() const override {
    StepTable steps;
    steps.set_multiples(mean_magnitudes(weight_.detach()), {-1, 1});
    repeat_thresholds(steps, {below(0)});
    return steps;
  }
};

/// Stored weights are centred and limited before each pass in training. sgn(0) = +1 (the paper; Torch7's sign gives 0).
class Bwn final : public StoredWeight {
 public:
  Bwn(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        torch7_(option_value(bwn_method(), options, "bwn_grad") == "torch7"),
        centre_(option_value(bwn_method(), options, "centre") == "on") {}

  [[nodiscard]] std::vector<at::Tensor> gradients(const at::Tensor& grad) override {
    const auto n = static_cast<double>(row_size());
    const double scale = torch7_ ? n * (1 - 1 / static_cast<double>(weight_.size(1))) : 1;
    std::vector<float> factors;  // rows x codes; the outer codes are |w| >= 1
    for (const float alpha : last_table().scales) {
      const auto outside = static_cast<float>(scale / n);
      const auto inside = static_cast<float>(scale * (static_cast<double>(alpha) + 1 / n));
      factors.insert(factors.end(), {outside, inside, inside, outside});
    }
    return {code_gradient(grad, factors)};
  }

 protected:
  void prepare() override {
    if (centre_) bwn_centre(weight_);
  }
  [[nodiscard]] StepTable table() const override {
    StepTable steps;
    steps.set_multiples(mean_magnitudes(weight_.detach()), {-1, -1, 1, 1});
    steps.level_of_code = {0, 0, 1, 1};
    repeat_thresholds(steps, {-1, below(0), below(1)});
    return steps;
  }

 private:
  bool torch7_, centre_;
};

}  // namespace

void bwn_centre(at::Tensor weight) {
  const at::NoGradGuard no_grad;
  weight.sub_(weight.mean(1, /*keepdim=*/true)).clamp_(-1, 1);
}

Method bwn_method() {
  Method method;
  method.bits = {1};
  method.default_bits = 1;
  method.levels = "-alpha, +alpha; alpha per filter";
  method.trained = "weight";
  method.start = "random (kaiming)";
  method.notes = "sgn(0) = +1 as in the paper; shortcuts are quantized (the authors' code has AlexNet only)";
  method.own_placement = {false, true, false, "shortcuts are not in the authors' code"};
  method.options = {
      {"bwn_grad", "paper", {"paper", "torch7"}, "gradient of the paper, or of the authors' code with SGD (times n)"},
      {"centre", "on", {"on", "off"}, "centre weights over input channels and limit them to [-1, 1] before each pass"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Bwn>(shape, options);
  };
  return method;
}

Method hwgq_method() {
  Method method;
  method.bits = {1};
  method.default_bits = 1;
  method.levels = "-alpha, +alpha; alpha per filter";
  method.trained = "weight";
  method.start = "random (kaiming)";
  method.notes =
      "the table's figure is of binary weights with ReLU; quantized activations are a choice of --activation";
  method.own_placement = {false, true, false, ""};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Hwgq>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
