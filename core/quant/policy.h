#pragma once
// What is quantized where: a placement and rules by layer name give each layer its method.

#include <optional>
#include <string>
#include <vector>

#include "core/quant/quantizer.h"

namespace denseshift::quant {

/// "GLOB=METHOD[:WBITS[:SHIFT_BIAS]]"; '*' matches any characters, '?' one.
struct LayerRule {
  std::string glob;
  std::string method;
  std::int64_t wbits = 0;  ///< 0: the method's default, or the run's when the method is the run's
  std::optional<std::int64_t> shift_bias;
};

/// True when `glob` matches the whole of `name`.
[[nodiscard]] bool glob_matches(const std::string& glob, const std::string& name);

/// Throws a usage error "rule: ..." for text that is not a rule or names an unknown method or bits it does not have.
[[nodiscard]] LayerRule parse_rule(const std::string& text);

/// The parts of a network that are quantized, and how those start that no trained backbone brings.
struct PartChoice {
  std::vector<std::string> parts = {"backbone", "fpn", "head"};
  bool predictions = true;  ///< also the last convolutions of heads (LayerSite::prediction)
  bool extra = true;        ///< also SSD's additional blocks, when the head is
  std::string head_init{};  ///< MethodOptions::init of all parts but the backbone; empty: as the backbone's
};

/// Chooses each layer's method. The paper's placement quantizes every convolution but the first one, shortcuts
/// included, and leaves the classifier in full precision; `all` quantizes everything; `method` is the placement of the
/// method's authors (Method::own_placement).
class LayerPolicy {
 public:
  /// Throws usage errors for bad rules, placements and parts.
  LayerPolicy(MethodOptions base, std::string placement, const std::vector<std::string>& rules, PartChoice parts = {});

  /// Options of the layer; method fp32 where it stays in full precision. Remembers which rules were used.
  [[nodiscard]] MethodOptions choose(const LayerSite& site);

  /// Whether choose() would give the layer a method of less than 32 bits; remembers nothing. What quantizes activations
  /// asks this of the layers that read them.
  [[nodiscard]] bool quantizes(const LayerSite& site) const;

  /// Throws a usage error for a rule that matched no layer of the network just built.
  void check_all_rules_used(const std::vector<std::string>& layer_names) const;

 private:
  MethodOptions base_;
  std::string placement_;
  PartChoice parts_;
  std::vector<LayerRule> rules_;
  std::vector<bool> used_;
};

}  // namespace denseshift::quant
