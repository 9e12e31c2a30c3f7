#include "core/quant/fp32.h"

#include <ATen/ATen.h>

#include <cmath>

namespace denseshift::quant {

double kaiming_std(const std::vector<std::int64_t>& shape) {
  double fan_out = static_cast<double>(shape.at(0));
  for (std::size_t i = 2; i < shape.size(); ++i) fan_out *= static_cast<double>(shape[i]);
  return std::sqrt(2.0 / fan_out);
}

Fp32Weight::Fp32Weight(const std::vector<std::int64_t>& shape) : weight_(at::zeros(shape).requires_grad_(true)) {}

void Fp32Weight::initialize(at::Generator generator) {
  const at::NoGradGuard no_grad;
  const std::vector<std::int64_t> shape = weight_.sizes().vec();
  if (shape.size() == 2) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(shape[1]));
    weight_.uniform_(-bound, bound, generator);
  } else {
    weight_.normal_(0, kaiming_std(shape), generator);
  }
}

bool Fp32Weight::start_from(const at::Tensor& weight) {
  const at::NoGradGuard no_grad;
  weight_.copy_(weight);
  return true;
}

ExportedCodes Fp32Weight::export_codes() { throw usage_error("fp32 weights have no integer codes"); }

Method fp32_method() {
  Method method;
  method.bits = {32};
  method.default_bits = 32;
  method.levels = "real numbers";
  method.trained = "weight";
  method.start = "random (Kaiming)";
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions&) {
    return std::make_unique<Fp32Weight>(shape);
  };
  return method;
}

}  // namespace denseshift::quant
