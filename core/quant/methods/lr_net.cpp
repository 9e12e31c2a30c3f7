// LR-net (Shayer et al. 2018): a distribution over {-1, 0, +1} per weight, trained through the local
// reparameterisation: the output of a layer is drawn from the normal with its mean and variance.

#include <ATen/ATen.h>

#include "core/quant/fp32.h"
#include "core/quant/methods/baselines.h"

namespace denseshift::quant {
namespace {

constexpr double kVarianceFloor = 0.001;

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight, const ConvGeometry& g) {
  return at::conv2d(input, weight, {}, g.stride, g.padding, g.dilation, g.groups);
}

/// Mean and variance of the weights; P(0) = sigmoid(theta_zero), P(+1 | not 0) = sigmoid(theta_sign).
struct Moments {
  Moments(const at::Tensor& theta_zero, const at::Tensor& theta_sign) {
    const at::Tensor nonzero = 1 - theta_zero.sigmoid();
    mean = (2 * theta_sign.sigmoid() - 1) * nonzero;
    variance = nonzero - mean * mean;
  }
  at::Tensor mean, variance;
};

/// mean + noise sqrt(variance); noise is drawn when none is given.
at::Tensor draw_output(const at::Tensor& mean, const at::Tensor& variance, const at::Tensor& noise) {
  return mean + (noise.defined() ? noise : at::randn_like(mean)) * (variance + kVarianceFloor).sqrt();
}

class LrNet final : public WeightQuantizer {
 public:
  LrNet(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : zero_(at::zeros(shape).requires_grad_(true)),
        sign_(at::zeros(shape).requires_grad_(true)),
        decay_(option_number(lr_net_method(), options, "logit_decay", 0, 1)),
        sample_(option_value(lr_net_method(), options, "evaluation") == "sample") {}

  [[nodiscard]] std::int64_t bits() const override { return 2; }
  [[nodiscard]] std::vector<double> levels() const override { return {-1, 0, 1}; }
  [[nodiscard]] std::vector<NamedTensor> parameters() const override {
    return {{"theta_zero", zero_}, {"theta_sign", sign_}};
  }
  [[nodiscard]] Decay decay(const std::string&) const override { return Decay::never; }

  /// P(0) uniform in [0.45, 0.55]; the sign at one of its limits.
  void initialize(at::Generator generator) override {
    const at::NoGradGuard no_grad;
    zero_.copy_(at::empty_like(zero_).uniform_(0.45, 0.55, generator).logit_());
    const at::Tensor side = at::empty_like(sign_).uniform_(0, 1, generator);
    sign_.copy_(at::where(side.lt(0.5), at::full_like(side, 0.05), at::full_like(side, 0.95)).logit_());
  }

  [[nodiscard]] bool start_from(const at::Tensor& weight) override {
    const at::NoGradGuard no_grad;
    const double deviation = weight.std().item<double>();
    // The start supposes weights about [-1, 1].
    const auto [zero, sign] = lr_net_hot_start(deviation > 0 ? weight / deviation : weight);
    zero_.copy_(zero);
    sign_.copy_(sign);
    return true;
  }

  void state_changed() override {
    const at::NoGradGuard no_grad;
    if (at::isnan(zero_).any().item<bool>() || at::isnan(sign_).any().item<bool>()) {
      throw work_error("a logit is NaN");
    }
  }

  /// Training: the mean. Evaluation: the most probable value (zero first on ties), or a sample.
  [[nodiscard]] at::Tensor quantize() override {
    if (training()) return Moments(zero_, sign_).mean;
    return sample_ ? draw() : most_probable();
  }

  [[nodiscard]] at::Tensor convolve(const at::Tensor& input, const ConvGeometry& g) override {
    return training() ? lr_net_convolve(input, zero_, sign_, {}, g) : convolution(input, quantize(), g);
  }

  [[nodiscard]] at::Tensor apply_linear(const at::Tensor& input, const at::Tensor& bias) override {
    if (!training()) return at::linear(input, quantize(), bias);
    const Moments m(zero_, sign_);
    return draw_output(at::linear(input, m.mean, bias), at::linear(input * input, m.variance), {});
  }

  [[nodiscard]] at::Tensor regularizer() override {
    return decay_ == 0 ? at::Tensor() : (zero_.square().sum() + sign_.square().sum()) * decay_;
  }

  [[nodiscard]] at::Tensor codes() override { return most_probable().add_(1).to(at::kByte).cpu().contiguous(); }
  [[nodiscard]] ExportedCodes export_codes() override {
    ExportedCodes exported;
    exported.bits = 2;
    exported.codes = codes();
    exported.integers = {-1, 0, 1};
    exported.codebook = at::tensor({-1.0F, 0.0F, 1.0F}).reshape({1, 3});
    exported.scale = at::ones({1});
    return exported;
  }

 private:
  [[nodiscard]] at::Tensor most_probable() const {
    const at::NoGradGuard no_grad;
    const at::Tensor zero = zero_.sigmoid();
    const at::Tensor plus = sign_.sigmoid();
    const at::Tensor larger = at::maximum(plus, 1 - plus) * (1 - zero);
    const at::Tensor sign = at::where(plus.ge(0.5), at::ones_like(plus), -at::ones_like(plus));
    return at::where(zero.ge(larger), at::zeros_like(sign), sign);
  }

  [[nodiscard]] at::Tensor draw() const {
    const at::NoGradGuard no_grad;
    const at::Tensor nonzero = at::rand_like(zero_).ge(zero_.sigmoid()).to(at::kFloat);
    return nonzero * (at::rand_like(sign_).lt(sign_.sigmoid()).to(at::kFloat) * 2 - 1);
  }

  at::Tensor zero_, sign_;
  double decay_;
  bool sample_;
};

}  // namespace

at::Tensor lr_net_convolve(const at::Tensor& input, const at::Tensor& theta_zero, const at::Tensor& theta_sign,
                           const at::Tensor& noise, const ConvGeometry& geometry) {
  const Moments m(theta_zero, theta_sign);
  return draw_output(convolution(input, m.mean, geometry), convolution(input * input, m.variance, geometry), noise);
}

std::pair<at::Tensor, at::Tensor> lr_net_hot_start(const at::Tensor& weight) {
  const at::Tensor w = weight.clamp(-1, 1);
  const at::Tensor zero = 0.95 - 0.9 * w.abs();
  const at::Tensor sign = (0.5 * (1 + w / (1 - zero))).clamp(0.05, 0.95);
  const auto logit = [](const at::Tensor& p) { return p.clamp(1e-4, 0.9999).logit(); };
  return {logit(zero), logit(sign)};
}

Method lr_net_method() {
  Method method;
  method.bits = {2};
  method.default_bits = 2;
  method.levels = "-1, 0, +1 (3 levels counted as 2 bits); no scale";
  method.trained = "theta_zero, theta_sign";
  method.start = "random, or a trained network (the table says random, the authors' code starts from a trained one)";
  method.notes =
      "evaluation takes the most probable weight (the authors keep the best of 10 samples); a trained weight is "
      "divided by its layer's deviation first";
  method.own_placement = {true, true, false, ""};
  method.options = {{"evaluation", "most_probable", {"most_probable", "sample"}, "weights of an evaluation"},
                    {"logit_decay", "1e-12", {}, "factor of the squared logits in the loss"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<LrNet>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
