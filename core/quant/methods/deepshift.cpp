// DeepShift (Elhoushi et al. 2021): Q rounds a stored weight to the nearest power of two in the log domain, PS trains
// shift and sign themselves. Both feed fixed-point activations into the layer.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <atomic>
#include <cmath>
#include <numbers>

#include "core/quant/elements.h"
#include "core/quant/methods/baselines.h"
#include "core/quant/rows.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int kIntegerBits = 16;
constexpr int kFractionBits = 16;

/// floor(x 2^16) / 2^16 limited to 16 integer bits, with the gradient passed unchanged.
struct FixedPoint : torch::autograd::Function<FixedPoint> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x) {
    if (!x.is_cpu() || x.scalar_type() != at::kFloat || !x.is_non_overlapping_and_dense()) {
      const double unit = std::ldexp(1.0, kFractionBits);
      const double high = std::ldexp(1.0, kIntegerBits - 1);
      return x.mul(unit).floor_().div_(unit).clamp_(-high, high - 1);
    }
    at::Tensor out = at::empty_like(x);
    const float* from = x.data_ptr<float>();
    float* to = out.data_ptr<float>();
    at::parallel_for(0, x.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
      kernels::fixed_point(from + begin, end - begin, kIntegerBits, kFractionBits, to + begin);
    });
    return out;
  }
  static variable_list backward(AutogradContext*, variable_list grad) { return {grad[0]}; }
};

at::Tensor fixed_point(const at::Tensor& x, bool on) { return on && x.defined() ? FixedPoint::apply(x) : x; }

MethodOption fixed_option() {
  return {"act_fixed", "on", {"on", "off"}, "inputs and biases in fixed point, 16 integer and 16 fraction bits"};
}

/// q = sign(w) 2^round(log2 |w|) after |w| was limited to [2^-(2^(bits-1)-1), 1] in place. An exact zero stays zero in
/// training; in evaluation and export it is the smallest positive level, since no code is left for it.
class DeepShiftQ final : public StoredWeight {
 public:
  DeepShiftQ(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        fixed_(option_value(deepshift_q_method(), options, "act_fixed") == "on"),
        depth_((1 << (options.wbits - 1)) - 1) {}

  [[nodiscard]] at::Tensor convolve(const at::Tensor& input, const ConvGeometry& g) override {
    return StoredWeight::convolve(fixed_point(input, fixed_), g);
  }
  [[nodiscard]] at::Tensor apply_linear(const at::Tensor& input, const at::Tensor& bias) override {
    return StoredWeight::apply_linear(fixed_point(input, fixed_), fixed_point(bias, fixed_));
  }

 protected:
  void prepare() override {
    const float low = std::ldexp(1.0F, -depth_);
    if (!fused()) {
      const at::Tensor limited = weight_.abs().clamp(static_cast<double>(low), 1).copysign(weight_);
      weight_.copy_(at::where(weight_.eq(0), weight_, limited));
      return;
    }
    float* w = weight_.data_ptr<float>();
    at::parallel_for(0, weight_.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
      kernels::clamp_magnitude(w + begin, end - begin, low, 1.0F);
    });
  }

  [[nodiscard]] StepTable table() const override {
    std::vector<float> positive;
    std::vector<std::int64_t> multiples{1};
    for (int e = 1; e <= depth_; ++e) {
      // Nearest in the log domain: between 2^(k-1) and 2^k the limit is 2^(k - 1/2).
      positive.push_back(static_cast<float>(std::exp2(static_cast<double>(e - depth_) - 0.5)));
      multiples.push_back(std::int64_t{1} << e);
    }
    std::vector<std::int64_t> all;
    for (std::size_t i = multiples.size(); i-- > 0;) all.push_back(-multiples[i]);
    StepTable steps;
    if (training()) {
      positive.insert(positive.begin(), 0.0F);
      steps.thresholds = mirrored(positive);
      all.push_back(0);
    } else {
      steps.thresholds = mirrored(positive);
      steps.thresholds.insert(steps.thresholds.begin() + depth_, below(0));
    }
    all.insert(all.end(), multiples.begin(), multiples.end());
    steps.steps = static_cast<int>(steps.thresholds.size());
    steps.set_multiples({std::ldexp(1.0F, -depth_)}, std::move(all));
    return steps;
  }

 private:
  bool fixed_;
  int depth_;  ///< largest k of 2^-k
};

/// q = sign(round(sign)) 2^round(shift); d_shift = g q ln2, d_sign = g.
struct PowerSign : torch::autograd::Function<PowerSign> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& shift, const at::Tensor& sign, bool reference) {
    at::Tensor q;
    if (reference || !shift.is_cpu() || shift.strides() != sign.strides()) {
      q = at::exp2(shift.round()).mul_(sign.round().sign_());
    } else {
      q = at::empty_like(shift);
      const float* from = shift.data_ptr<float>();
      const float* signs = sign.data_ptr<float>();
      float* to = q.data_ptr<float>();
      std::atomic<bool> valid{true};
      at::parallel_for(0, q.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
        if (!kernels::signed_powers(from + begin, signs + begin, end - begin, to + begin)) valid = false;
      });
      if (!valid) throw work_error("a shift or sign is NaN");
    }
    context->save_for_backward({q});
    return q;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const at::Tensor q = context->get_saved_variables()[0];
    if (!q.is_cpu()) return {grad[0] * q * std::numbers::ln2, grad[0], at::Tensor()};
    const at::Tensor g = with_layout_of(q, grad[0]);
    at::Tensor out = at::empty_like(q);
    const float* from = g.data_ptr<float>();
    const float* weight = q.data_ptr<float>();
    float* to = out.data_ptr<float>();
    at::parallel_for(0, q.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
      kernels::product(from + begin, weight + begin, end - begin, static_cast<float>(std::numbers::ln2), to + begin);
    });
    return {out, g, at::Tensor()};
  }
};

class DeepShiftPs final : public WeightQuantizer {
 public:
  DeepShiftPs(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : bits_(options.wbits),
        depth_((1 << (options.wbits - 1)) - 2),
        reference_(options.impl == "reference"),
        fixed_(option_value(deepshift_ps_method(), options, "act_fixed") == "on"),
        shift_(at::zeros(shape).requires_grad_(true)),
        sign_(at::zeros(shape).requires_grad_(true)) {}

  [[nodiscard]] std::int64_t bits() const override { return bits_; }
  [[nodiscard]] std::vector<double> levels() const override {
    std::vector<double> levels;
    for (const std::int64_t integer : integers()) levels.push_back(static_cast<double>(integer));
    return levels;
  }
  [[nodiscard]] std::vector<NamedTensor> parameters() const override { return {{"shift", shift_}, {"sign", sign_}}; }
  [[nodiscard]] Decay decay(const std::string&) const override { return Decay::never; }

  void initialize(at::Generator generator) override {
    const at::NoGradGuard no_grad;
    const bool linear = shift_.dim() == 2;
    shift_.uniform_(linear ? -depth_ : -10.0, linear ? 0.0 : -1.0, generator);
    sign_.uniform_(-1, 1, generator);
  }

  [[nodiscard]] bool start_from(const at::Tensor& weight) override {
    const at::NoGradGuard no_grad;
    // log2 0 is -inf; the limits of the next pass would take it, but the stored value is to be finite.
    shift_.copy_(weight.abs().clamp_min(1e-30).log2().round());
    sign_.copy_(weight.sign());
    return true;
  }

  void state_changed() override {
    const at::NoGradGuard no_grad;
    if (shift_.isnan().any().item<bool>() || sign_.isnan().any().item<bool>()) {
      throw work_error("a shift or sign is NaN");
    }
  }

  [[nodiscard]] at::Tensor quantize() override {
    at::Tensor shift = shift_;
    if (training()) {
      const at::NoGradGuard no_grad;
      shift_.clamp_(-depth_, 0);
    } else {
      shift = shift_.clamp(-depth_, 0);
    }
    return PowerSign::apply(shift, sign_, reference_);
  }
  [[nodiscard]] at::Tensor convolve(const at::Tensor& input, const ConvGeometry& g) override {
    return WeightQuantizer::convolve(fixed_point(input, fixed_), g);
  }
  [[nodiscard]] at::Tensor apply_linear(const at::Tensor& input, const at::Tensor& bias) override {
    return WeightQuantizer::apply_linear(fixed_point(input, fixed_), fixed_point(bias, fixed_));
  }

  [[nodiscard]] at::Tensor codes() override {
    const at::NoGradGuard no_grad;
    const at::Tensor magnitude = shift_.clamp(-depth_, 0).round() + (depth_ + 1);  // 1 .. depth + 1
    return (magnitude * sign_.round().sign() + (depth_ + 1)).to(at::kByte).cpu().contiguous();
  }
  [[nodiscard]] ExportedCodes export_codes() override {
    ExportedCodes exported;
    exported.bits = bits_;
    exported.codes = codes();
    exported.integers = integers();
    const float scale = std::ldexp(1.0F, -depth_);
    exported.scale = at::full({1}, scale);
    std::vector<float> book;
    for (const std::int64_t integer : exported.integers) book.push_back(scale * static_cast<float>(integer));
    exported.codebook = at::tensor(book).reshape({1, -1});
    return exported;
  }

 private:
  [[nodiscard]] std::vector<std::int64_t> integers() const {
    std::vector<std::int64_t> all;
    for (int e = depth_; e >= 0; --e) all.push_back(-(std::int64_t{1} << e));
    all.push_back(0);
    for (int e = 0; e <= depth_; ++e) all.push_back(std::int64_t{1} << e);
    return all;
  }

  std::int64_t bits_;
  int depth_;
  bool reference_, fixed_;
  at::Tensor shift_, sign_;
};

}  // namespace

Method deepshift_q_method() {
  Method method;
  method.bits = {2, 3, 4, 5, 6};
  method.default_bits = 5;
  method.levels = "+-2^-k, k = 0 .. 2^(bits-1) - 1; no zero";
  method.trained = "weight";
  method.start = "random (kaiming) or a trained network";
  method.notes = "an exact zero, which training keeps, is evaluated and exported as the smallest positive level";
  method.own_placement = {true, true, true, ""};
  method.options = {fixed_option()};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<DeepShiftQ>(shape, options);
  };
  return method;
}

Method deepshift_ps_method() {
  Method method;
  method.bits = {2, 3, 4, 5};
  method.default_bits = 5;
  method.levels = "0, +-2^-k, k = 0 .. 2^(bits-1) - 2";
  method.trained = "shift, sign";
  method.start = "random (shift U(-10, -1), sign U(-1, 1)) or a trained network";
  method.notes = "shift and sign are not decayed; one learning rate for both";
  method.own_placement = {true, true, true, ""};
  method.options = {fixed_option()};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<DeepShiftPs>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
