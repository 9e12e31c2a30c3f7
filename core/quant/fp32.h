#pragma once
// Full precision as a method like any other.

#include "core/quant/methods.h"

namespace denseshift::quant {

/// Kaiming normal (fan out, ReLU gain) for convolutions, uniform +-1/sqrt(fan_in) for linear layers, as torchvision
/// starts.
class Fp32Weight final : public WeightQuantizer {
 public:
  explicit Fp32Weight(const std::vector<std::int64_t>& shape);

  [[nodiscard]] std::int64_t bits() const override { return 32; }
  [[nodiscard]] std::vector<double> levels() const override { return {}; }
  [[nodiscard]] std::vector<NamedTensor> parameters() const override { return {{"weight", weight_}}; }
  void initialize(at::Generator generator) override;
  [[nodiscard]] bool start_from(const at::Tensor& weight) override;
  [[nodiscard]] at::Tensor quantize() override { return weight_; }
  [[nodiscard]] ExportedCodes export_codes() override;

 private:
  at::Tensor weight_;
};

[[nodiscard]] Method fp32_method();

/// Standard deviation sqrt(2 / fan_out) of Kaiming's normal start, fan_out = kernel area * output channels.
[[nodiscard]] double kaiming_std(const std::vector<std::int64_t>& shape);

}  // namespace denseshift::quant
