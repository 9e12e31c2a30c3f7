#pragma once
// Building quantizers of the compared methods in tests.

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/quant/methods.h"

namespace denseshift::testing {

inline quant::MethodOptions method_options(const std::string& method, std::int64_t bits, const std::string& impl,
                                           std::map<std::string, std::string> extra = {}) {
  quant::MethodOptions options;
  options.method = method;
  options.wbits = bits;
  options.impl = impl;
  options.init = "kaiming";
  options.extra = std::move(extra);
  return options;
}

inline std::unique_ptr<quant::WeightQuantizer> make(const std::string& method, std::int64_t bits,
                                                    const std::vector<std::int64_t>& shape, const std::string& impl,
                                                    std::map<std::string, std::string> extra = {}) {
  return quant::make_quantizer(shape, method_options(method, bits, impl, std::move(extra)));
}

/// A trained tensor or buffer by its name.
inline at::Tensor named(const quant::WeightQuantizer& quantizer, const std::string& name) {
  for (const auto& list : {quantizer.parameters(), quantizer.buffers()}) {
    for (const quant::NamedTensor& item : list) {
      if (item.name == name) return item.tensor;
    }
  }
  throw std::logic_error("no tensor " + name);
}

inline void set(quant::WeightQuantizer& quantizer, const std::string& name, const at::Tensor& value) {
  const at::NoGradGuard no_grad;
  named(quantizer, name).detach().copy_(value);
}

/// A normal weight of the given deviation, the same for the same seed.
inline at::Tensor normal_weight(const std::vector<std::int64_t>& shape, double deviation, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(shape) * deviation;
}

}  // namespace denseshift::testing
