// INQ (Zhou et al. 2017): powers of two and zero. In each stage the largest weights of a layer are quantized and
// frozen, the others train on; stage by stage the frozen share grows.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "core/quant/elements.h"
#include "core/quant/methods/baselines.h"
#include "core/quant/rows.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

/// Accumulated portions of the authors' and (2, 3, 4 bits) of unverified reports (design/methods 13).
std::string standard_portions(std::int64_t bits) {
  switch (bits) {
    case 2:
      return "0.2,0.4,0.6,0.7,0.8,0.85,0.9,0.95,0.975,1";
    case 3:
      return "0.2,0.4,0.6,0.7,0.8,0.9,0.95,1";
    case 4:
      return "0.3,0.5,0.8,0.9,0.95,1";
    default:
      return "0.5,0.75,0.875,1";
  }
}

/// Levels 0, +-2^n2 .. +-2^n1 with n1 = floor(log2(4/3 max|w|)) of the start and n2 = n1 + 1 - 2^(bits-1)/2.
class Inq final : public StoredWeight {
 public:
  Inq(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        tie_up_(option_value(inq_method(), options, "tie") == "up"),
        frozen_(at::zeros(shape, at::kByte)),
        top_(at::zeros({}, at::kLong)) {
    const std::string portions = option_value(inq_method(), options, "portions");
    portions_ = parse_portions("portions", portions == "auto" ? standard_portions(bits()) : portions);
  }

  [[nodiscard]] std::vector<NamedTensor> buffers() const override { return {{"frozen", frozen_}, {"top", top_}}; }
  /// After the last portion nothing is left to train: evaluation quantizes everything in any case.
  [[nodiscard]] std::int64_t stages() const override { return std::max<std::int64_t>(1, std::ssize(portions_) - 1); }

  void on_stage(std::int64_t stage) override {
    const at::NoGradGuard no_grad;
    const double portion = portions_[static_cast<std::size_t>(std::min(stage, std::ssize(portions_) - 1))];
    const auto wanted = static_cast<std::int64_t>(std::ceil(portion * static_cast<double>(weight_.numel())));
    const at::Tensor frozen = frozen_.cpu().contiguous();
    const std::int64_t have = frozen.ne(0).sum().item<std::int64_t>();
    if (wanted <= have) return;
    const at::Tensor level = codes().contiguous();
    auto* mark = frozen.data_ptr<std::uint8_t>();
    for (const std::int64_t i : inq_select(weight_, frozen, wanted - have)) {
      mark[i] = static_cast<std::uint8_t>(level.data_ptr<std::uint8_t>()[i] + 1);
    }
    frozen_.copy_(frozen);
    restore();
  }

  /// What the optimiser did to frozen elements (gradient, momentum, decay) is undone, so they do not move.
  void on_step(std::int64_t) override { restore(); }

  void state_changed() override {
    StoredWeight::state_changed();
    // The mask follows the memory format of the weight, so that one loop can walk both.
    if (frozen_.strides() != weight_.strides()) {
      frozen_.set_data(at::empty_like(weight_.detach(), at::kByte).copy_(frozen_));
    }
  }

  /// Training: frozen elements are stored as their levels, the others are real, so the stored weight is the weight.
  [[nodiscard]] at::Tensor quantize() override { return training() ? weight_ : StoredWeight::quantize(); }

 protected:
  void weight_replaced() override {
    const at::NoGradGuard no_grad;
    frozen_.zero_();
    const auto largest = static_cast<double>(total(row_statistics(weight_.detach())).max_abs);
    // floor(log2 x) without rounding: frexp gives x = m 2^e with m in [0.5, 1).
    int exponent = 1;
    if (largest > 0) (void)std::frexp(4 * largest / 3, &exponent);
    top_.fill_(exponent - 1);
  }

  [[nodiscard]] StepTable table() const override {
    const auto top = static_cast<int>(top_.item<std::int64_t>());
    const int exponents = bits() == 2 ? 1 : 1 << (bits() - 2);
    const int bottom = top - exponents + 1;
    std::vector<float> positive;
    std::vector<std::int64_t> multiples{0};
    for (int e = 0; e < exponents; ++e) {
      const float halfway = e == 0 ? std::ldexp(1.0F, bottom - 1) : std::ldexp(1.5F, bottom + e - 1);
      positive.push_back(tie_up_ ? below(halfway) : halfway);
      multiples.push_back(std::int64_t{1} << e);
    }
    std::vector<std::int64_t> all;
    for (std::size_t i = multiples.size(); i-- > 1;) all.push_back(-multiples[i]);
    all.insert(all.end(), multiples.begin(), multiples.end());
    StepTable steps;
    steps.thresholds = mirrored(positive);
    steps.steps = static_cast<int>(steps.thresholds.size());
    steps.set_multiples({std::ldexp(1.0F, bottom)}, std::move(all));
    return steps;
  }

 private:
  void restore() {
    const at::NoGradGuard no_grad;
    const StepTable steps = table();
    if (!fused()) {
      const at::Tensor levels = at::tensor(steps.levels).to(weight_.device());
      const at::Tensor index = frozen_.to(at::kLong).sub(1).clamp_min(0);
      weight_.copy_(at::where(frozen_.ne(0), levels.index({index}), weight_.detach()));
      return;
    }
    float* w = weight_.data_ptr<float>();
    const std::uint8_t* frozen = frozen_.data_ptr<std::uint8_t>();
    const float* levels = steps.levels.data();
    at::parallel_for(0, weight_.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        if (frozen[i] != 0) w[i] = levels[frozen[i] - 1];
      }
    });
  }

  bool tie_up_;
  std::vector<double> portions_;
  at::Tensor frozen_;  ///< uint8: 0 = trains, else 1 + index of its level
  at::Tensor top_;     ///< n1
};

}  // namespace

std::vector<std::int64_t> inq_select(const at::Tensor& weight, const at::Tensor& frozen, std::int64_t count) {
  const at::Tensor magnitude = weight.detach().abs().cpu().contiguous();
  const at::Tensor taken = frozen.cpu().contiguous();
  const float* m = magnitude.data_ptr<float>();
  std::vector<std::int64_t> free;
  for (std::int64_t i = 0; i < magnitude.numel(); ++i) {
    if (taken.data_ptr<std::uint8_t>()[i] == 0) free.push_back(i);
  }
  count = std::min(count, std::ssize(free));
  const auto larger = [&](std::int64_t a, std::int64_t b) { return m[a] != m[b] ? m[a] > m[b] : a < b; };
  std::nth_element(free.begin(), free.begin() + count, free.end(), larger);
  free.resize(static_cast<std::size_t>(count));
  return free;
}

Method inq_method() {
  Method method;
  method.bits = {2, 3, 4, 5};
  method.default_bits = 5;
  method.levels = "0, +-2^n2 .. +-2^n1 (2^(bits-1) + 1 levels); n1 per layer from the start";
  method.trained = "weight, frozen group by group";
  method.start = "a trained network";
  method.notes =
      "n1 and n2 stay as the start had them and groups are disjoint (as the paper says, the authors' code does "
      "otherwise); "
      "every evaluation quantizes all weights; epochs are shared out evenly among the stages; portions of 2, 3 and 4 "
      "bits "
      "are unverified";
  method.needs_pretrained = true;
  method.own_placement = {true, true, true, ""};
  method.options = {
      {"tie", "up", {"up", "down"}, "a magnitude halfway between two levels: up as in the paper, down as in the code"},
      {"portions", "auto", {}, "accumulated share of frozen weights per stage, or auto (by bits)"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Inq>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
