#include "core/quant/activation.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/util/error.h"

namespace denseshift::quant {

at::Tensor ActivationQuantizer::forward(const at::Tensor& x) {
  if (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble) return quantize(x);
  return quantize(x.to(at::kFloat)).to(x.scalar_type());
}

const Registry<ActivationMethod>& activation_methods() {
  static const Registry<ActivationMethod> registry = [] {
    Registry<ActivationMethod> r("activation");
    r.add("pact", "uniform levels up to a trained clipping level (PACT)", pact_method());
    r.add("hwgq", "fixed uniform levels for half-wave Gaussian inputs (HWGQ)", hwgq_activation(true));
    r.add("hwgq-nonuniform", "HWGQ with its non-uniform levels", hwgq_activation(false));
    r.add("lq-nets", "learned basis (LQ-Nets)", lq_nets_activation());
    return r;
  }();
  return registry;
}

void check_activation_bits(const std::string& name, std::int64_t bits) {
  const ActivationMethod& method = activation_methods().get(name);
  std::string list;
  for (std::size_t i = 0; i < method.bits.size(); ++i) {
    if (method.bits[i] == bits) return;
    list += fmt::format("{}{}", i == 0 ? "" : i + 1 == method.bits.size() ? " or " : ", ", method.bits[i]);
  }
  throw usage_error(fmt::format("abits: {} has no {}-bit activations", name, bits),
                    fmt::format("use {}, or 32 for floating point", list));
}

std::unique_ptr<ActivationQuantizer> make_activation(const ActivationOptions& options) {
  check_activation_bits(options.method, options.bits);
  return activation_methods().get(options.method).make(options);
}

}  // namespace denseshift::quant
