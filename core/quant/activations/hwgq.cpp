// HWGQ (Cai et al. 2017): the levels that fit a half-wave Gaussian of unit variance best, computed once by the authors.
// What is not positive becomes 0.

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/quant/activation.h"
#include "core/quant/activations/step_function.h"

namespace denseshift::quant {
namespace {

ActivationSteps steps_of(const std::vector<double>& centres) {
  ActivationSteps steps;
  steps.thresholds = {0.0F};  // anything positive is at least the first centre
  steps.levels = {0.0F, static_cast<float>(centres[0])};
  for (std::size_t i = 1; i < centres.size(); ++i) {
    steps.thresholds.push_back(static_cast<float>((centres[i - 1] + centres[i]) / 2));
    steps.levels.push_back(static_cast<float>(centres[i]));
  }
  steps.first = std::numeric_limits<float>::denorm_min();
  steps.last = steps.levels.back();
  return steps;
}

class HwgqActivation final : public ActivationQuantizer {
 public:
  HwgqActivation(const ActivationOptions& options, std::string name, const std::vector<double>& centres)
      : name_(std::move(name)),
        bits_(options.bits),
        reference_(options.reference),
        steps_(steps_of(options.centres.empty() ? centres : options.centres)) {
    if (options.bare) return;
    mean_ = at::zeros({options.channels});
    variance_ = at::ones({options.channels});
    batches_ = at::zeros({}, at::kLong);
  }

  [[nodiscard]] std::int64_t bits() const override { return bits_; }
  [[nodiscard]] std::string description() const override {
    return fmt::format("{}, {} bits{}", name_, bits_, mean_.defined() ? ", behind a batch norm of its own" : "");
  }
  [[nodiscard]] std::vector<NamedTensor> buffers() const override {
    if (!mean_.defined()) return {};
    return {{"running_mean", mean_}, {"running_var", variance_}, {"num_batches_tracked", batches_}};
  }
  [[nodiscard]] std::vector<double> levels() const override { return {steps_.levels.begin(), steps_.levels.end()}; }

 protected:
  [[nodiscard]] at::Tensor quantize(const at::Tensor& x) override {
    if (!mean_.defined()) return apply_steps(steps_, x, reference_);
    if (training()) batches_.add_(1);
    const at::Tensor normal =
        at::batch_norm(x, {}, {}, mean_, variance_, training(), 0.1, 1e-5, at::globalContext().userEnabledCuDNN());
    return apply_steps(steps_, normal, reference_);
  }

 private:
  std::string name_;
  std::int64_t bits_;
  bool reference_;
  ActivationSteps steps_;
  at::Tensor mean_, variance_, batches_;
};

}  // namespace

ActivationMethod hwgq_activation(bool uniform) {
  ActivationMethod method;
  method.bits = {2};
  method.levels = uniform ? "0, 0.538, 1.076, 1.614" : "0, 0.453, 1.51";
  method.trained = "none: the levels are fixed";
  method.notes =
      "the levels suit inputs of unit variance: a batch norm without scale and shift stands in front of each quantizer "
      "(ours; the authors order batch norm, quantizer, convolution)";
  const std::string name = uniform ? "hwgq" : "hwgq-nonuniform";
  const std::vector<double> centres =
      uniform ? std::vector<double>{0.538, 1.076, 1.614} : std::vector<double>{0.453, 1.51};
  method.make = [name, centres](const ActivationOptions& options) {
    return std::make_unique<HwgqActivation>(options, name, centres);
  };
  return method;
}

}  // namespace denseshift::quant
