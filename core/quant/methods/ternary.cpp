// TWN (Li et al. 2016) and TTQ (Zhu et al. 2017): ternary weights with a threshold from the layer's magnitudes.

#include <ATen/ATen.h>

#include "core/quant/methods/baselines.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

constexpr double kTwnFactor = 0.7;

/// q = a t with t = sign(w) where |w| > D, else 0; D = 0.7 mean|w|, a = mean |w| over the kept elements of the layer.
class Twn final : public StoredWeight {
 public:
  using StoredWeight::StoredWeight;

 protected:
  [[nodiscard]] StepTable table() const override {
    const at::Tensor weight = weight_.detach();
    const double mean = total(row_statistics(weight)).sum_abs / static_cast<double>(weight.numel());
    const auto threshold = static_cast<float>(kTwnFactor * mean);
    const kernels::KeptStatistics kept = total(kept_statistics(weight, threshold));
    StepTable steps;
    steps.steps = 2;
    steps.thresholds = mirrored({threshold});
    steps.set_multiples({kept.count == 0 ? 0.0F : static_cast<float>(kept.sum_abs / static_cast<double>(kept.count))},
                        {-1, 0, 1});
    return steps;
  }
};

/// q = +Wp where w > D, -Wn where w < -D, else 0; D = t max|w|; Wp and Wn are trained.
class Ttq final : public StoredWeight {
 public:
  Ttq(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        factor_(option_number(ttq_method(), options, "t", 0, 1)),
        positive_(at::ones({1}).requires_grad_(true)),
        negative_(at::ones({1}).requires_grad_(true)) {}

  [[nodiscard]] std::vector<NamedTensor> parameters() const override {
    return {{"weight", weight_}, {"w_p", positive_}, {"w_n", negative_}};
  }
  [[nodiscard]] Decay decay(const std::string& name) const override {
    return name == "weight" ? Decay::normal : Decay::never;
  }
  [[nodiscard]] std::string remark() override {
    for (const NamedTensor& scale : {NamedTensor{"w_p", positive_}, NamedTensor{"w_n", negative_}}) {
      if (scale.tensor.item<float>() < 0) return scale.name + " became negative";
    }
    return {};
  }
  [[nodiscard]] std::vector<at::Tensor> gradients(const at::Tensor& grad) override {
    const float p = positive_.item<float>();
    const float n = negative_.item<float>();
    const auto sum = [&](const std::vector<float>& factors) {
      double all = 0;
      for (const kernels::GradientSums& row : gradient_sums(grad, factors, {})) all += row.grad;
      return at::full({1}, all, positive_.options());
    };
    // The levels are -Wn, so its derivative carries the minus sign that one open port lacks (design/methods 5).
    return {code_gradient(grad, {n, 1, p}), sum({0, 0, 1}), sum({-1, 0, 0})};
  }

 protected:
  [[nodiscard]] StepTable table() const override {
    const float largest = total(row_statistics(weight_.detach())).max_abs;
    StepTable steps;
    steps.steps = 2;
    steps.thresholds = mirrored({static_cast<float>(factor_ * static_cast<double>(largest))});
    steps.levels = {-negative_.item<float>(), 0, positive_.item<float>()};
    return steps;
  }
  void weight_replaced() override {
    positive_.fill_(1);
    negative_.fill_(1);
  }

 private:
  double factor_;
  at::Tensor positive_, negative_;
};

}  // namespace

Method twn_method() {
  Method method;
  method.bits = {2};
  method.default_bits = 2;
  method.levels = "-a, 0, +a (3 levels counted as 2 bits); a per layer";
  method.trained = "weight";
  method.start = "random (kaiming)";
  method.notes = "a = 0 when nothing is above the threshold";
  method.own_placement = {true, true, true, "a global flag of the authors' code"};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Twn>(shape, options);
  };
  return method;
}

Method ttq_method() {
  Method method;
  method.bits = {2};
  method.default_bits = 2;
  method.levels = "-Wn, 0, +Wp (3 levels counted as 2 bits); both per layer, trained";
  method.trained = "weight, w_p, w_n";
  method.start = "a trained network";
  method.notes =
      "shortcuts are quantized like other convolutions (the authors' code has AlexNet only); Wp and Wn are not decayed";
  method.needs_pretrained = true;
  method.own_placement = {false, true, false, "shortcuts are not in the authors' code"};
  method.options = {{"t", "0.05", {}, "threshold as a share of the layer's largest magnitude"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Ttq>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
