#pragma once
// The table of methods: what `--method` may name.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/quant/quantizer.h"
#include "core/util/registry.h"

namespace denseshift::quant {

/// What the program knows about a method without building a layer.
struct Method {
  std::vector<std::int64_t> bits;  ///< bit widths it has
  std::int64_t default_bits = 32;
  std::string levels;   ///< for people: "+-1 .. +-2^T, T = 2^(bits-1) - 1"
  std::string trained;  ///< names of trained tensors
  std::string start;    ///< random or pre-trained start
  std::string notes;    ///< what is our own reading
  /// Makes the quantizer of a weight of `shape` (OIHW or OI). The tensors are uninitialised until initialize().
  std::function<std::unique_ptr<WeightQuantizer>(const std::vector<std::int64_t>& shape, const MethodOptions& options)>
      make;
};

/// All methods. To add one: its file, and one line in methods.cpp.
[[nodiscard]] const Registry<Method>& methods();

/// Checks name and bits (usage errors) and makes the quantizer.
[[nodiscard]] std::unique_ptr<WeightQuantizer> make_quantizer(const std::vector<std::int64_t>& shape,
                                                              const MethodOptions& options);

/// Throws a usage error "wbits: ..." unless the method has these bits.
void check_bits(const std::string& method, std::int64_t wbits);

}  // namespace denseshift::quant
