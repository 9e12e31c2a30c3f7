#include "core/quant/methods.h"

#include "core/quant/denseshift_quantizer.h"
#include "core/quant/fp32.h"

namespace denseshift::quant {

const Registry<Method>& methods() {
  static const Registry<Method> registry = [] {
    Registry<Method> r("method");
    r.add("fp32", "full precision, the baseline", fp32_method());
    r.add("denseshift", "zero-free power-of-two weights by sign-scale decomposition (the paper)", denseshift_method());
    return r;
  }();
  return registry;
}

void check_bits(const std::string& name, std::int64_t wbits) {
  const Method& method = methods().get(name);
  std::string list;
  for (std::size_t i = 0; i < method.bits.size(); ++i) {
    if (method.bits[i] == wbits) return;
    list += (i == 0 ? "" : i + 1 == method.bits.size() ? " or " : ", ") + std::to_string(method.bits[i]);
  }
  throw usage_error("wbits: " + name + " has no " + std::to_string(wbits) + "-bit weights", "use " + list);
}

std::unique_ptr<WeightQuantizer> make_quantizer(const std::vector<std::int64_t>& shape, const MethodOptions& options) {
  check_bits(options.method, options.wbits);
  return methods().get(options.method).make(shape, options);
}

}  // namespace denseshift::quant
