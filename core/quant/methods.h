#pragma once
// The table of methods: what `--method` may name.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/quant/quantizer.h"
#include "core/util/registry.h"

namespace denseshift::quant {

/// An option that one method knows: `--method-option KEY=VALUE`.
struct MethodOption {
  std::string key;
  std::string standard;              ///< the value when none is given
  std::vector<std::string> choices;  ///< empty: a number or a list of numbers
  std::string help;
};

/// What a method's authors quantize, where it differs from the common placement of the paper's tables (every
/// convolution but the first, classifier in full precision).
struct OwnPlacement {
  bool first = false;
  bool shortcut = true;
  bool classifier = false;
  std::string note;  ///< source or what is unknown
};

/// What the program knows about a method without building a layer.
struct Method {
  std::vector<std::int64_t> bits;  ///< bit widths it has
  std::int64_t default_bits = 32;
  std::string levels;   ///< for people: "+-1 .. +-2^T, T = 2^(bits-1) - 1"
  std::string trained;  ///< names of trained tensors
  std::string start;    ///< random or pre-trained start
  std::string notes;    ///< what is our own reading
  std::string default_init = "kaiming";
  bool needs_pretrained = false;  ///< the method is defined on a trained network only
  OwnPlacement own_placement = {};
  std::vector<MethodOption> options = {};
  /// Makes the quantizer of a weight of `shape` (OIHW or OI). The tensors are uninitialised until initialize().
  std::function<std::unique_ptr<WeightQuantizer>(const std::vector<std::int64_t>& shape, const MethodOptions& options)>
      make;
};

/// All methods. To add one: its file, and one line in methods.cpp.
[[nodiscard]] const Registry<Method>& methods();

/// Checks name and bits (usage errors) and makes the quantizer.
[[nodiscard]] std::unique_ptr<WeightQuantizer> make_quantizer(const std::vector<std::int64_t>& shape,
                                                              const MethodOptions& options);

/// Value of a method's option: what the user gave, else its standard.
[[nodiscard]] std::string option_value(const Method& method, const MethodOptions& options, const std::string& key);
/// The same as a number; throws a usage error "method_option: ..." for text that is none or outside [low, high].
[[nodiscard]] double option_number(const Method& method, const MethodOptions& options, const std::string& key,
                                   double low, double high);

/// Splits "key=value" items and checks them against the method's options; throws usage errors with the nearest key.
[[nodiscard]] std::map<std::string, std::string> parse_method_options(const std::string& method,
                                                                      const std::vector<std::string>& items);

/// Throws a usage error "wbits: ..." unless the method has these bits.
void check_bits(const std::string& method, std::int64_t wbits);

}  // namespace denseshift::quant
