// STE-PoT, our reading of Przewlocka-Rus et al. 2022 (reference [37] of the paper), of which only the abstract was at
// hand: powers of two below the layer's largest magnitude, the gradient passed unchanged.

#include <ATen/ATen.h>

#include <cmath>

#include "core/quant/methods/baselines.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

/// s = max|w|; e = min(0, round(log2(|w| / s))); q = sign(w) s 2^e where e >= -(2^(bits-1)-2), else 0.
class StePot final : public StoredWeight {
 public:
  StePot(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        power_of_two_(option_value(ste_pot_method(), options, "scale") == "power_of_two"),
        depth_((1 << (options.wbits - 1)) - 2) {}

 protected:
  [[nodiscard]] StepTable table() const override {
    double scale = static_cast<double>(total(row_statistics(weight_.detach())).max_abs);
    if (power_of_two_ && scale > 0) scale = std::exp2(std::nearbyint(std::log2(scale)));
    std::vector<float> positive;
    std::vector<std::int64_t> multiples;
    for (int e = 0; e <= depth_; ++e) {
      positive.push_back(static_cast<float>(scale * std::exp2(static_cast<double>(e - depth_) - 0.5)));
      multiples.push_back(std::int64_t{1} << e);
    }
    std::vector<std::int64_t> all;
    for (std::size_t i = multiples.size(); i-- > 0;) all.push_back(-multiples[i]);
    all.push_back(0);
    all.insert(all.end(), multiples.begin(), multiples.end());
    StepTable steps;
    steps.thresholds = mirrored(positive);
    steps.steps = static_cast<int>(steps.thresholds.size());
    steps.set_multiples({std::ldexp(static_cast<float>(scale), -depth_)}, std::move(all));
    return steps;
  }

 private:
  bool power_of_two_;
  int depth_;
};

}  // namespace

Method ste_pot_method() {
  Method method;
  method.bits = {2, 3, 4, 5};
  method.default_bits = 4;
  method.levels = "0, +-s 2^-k, k = 0 .. 2^(bits-1) - 2; s per layer, the largest magnitude";
  method.trained = "weight";
  method.start = "a trained network";
  method.notes = "our reading of [37] throughout: no code, and only its abstract, was available";
  method.needs_pretrained = true;
  method.own_placement = {false, true, false, "unknown, taken as the paper's"};
  method.options = {
      {"scale", "exact", {"exact", "power_of_two"}, "s as it is, or rounded to a power of two so that shifts suffice"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<StePot>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
