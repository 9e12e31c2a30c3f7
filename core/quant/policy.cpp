#include "core/quant/policy.h"

#include <algorithm>
#include <charconv>

#include "core/quant/denseshift_quantizer.h"
#include "core/quant/methods.h"

namespace denseshift::quant {

bool glob_matches(const std::string& glob, const std::string& name) {
  // Two cursors and the place to go back to after the last star: linear for the patterns people write, quadratic at
  // worst.
  std::size_t g = 0, n = 0, star = std::string::npos, mark = 0;
  while (n < name.size()) {
    if (g < glob.size() && (glob[g] == '?' || (glob[g] != '*' && glob[g] == name[n]))) {
      ++g, ++n;
    } else if (g < glob.size() && glob[g] == '*') {
      star = g++;
      mark = n;
    } else if (star != std::string::npos) {
      g = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

namespace {

std::int64_t whole_number(const std::string& number, const std::string& rule, const char* what) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (code != std::errc() || end != number.data() + number.size()) {
    throw usage_error("rule: '" + number + "' in '" + rule + "' is no " + what);
  }
  return value;
}

/// Whether the layer belongs to the parts that are quantized.
bool chosen(const PartChoice& choice, const LayerSite& site) {
  if (std::find(choice.parts.begin(), choice.parts.end(), site.part) == choice.parts.end()) return false;
  return (choice.predictions || !site.prediction) && (choice.extra || !site.extra);
}

/// Whether the placement quantizes the layer.
bool placed(const std::string& placement, const LayerSite& site, const OwnPlacement& own) {
  if (placement == "all") return true;
  if (placement == "paper") return site.kind == LayerSite::Kind::convolution && !site.first;
  if (site.kind == LayerSite::Kind::linear) return own.classifier;
  if (site.first) return own.first;
  return !site.shortcut || own.shortcut;
}

}  // namespace

LayerRule parse_rule(const std::string& text) {
  const std::size_t equal = text.find('=');
  if (equal == std::string::npos || equal == 0 || equal + 1 == text.size()) {
    throw usage_error("rule: '" + text + "' is not GLOB=METHOD[:WBITS[:SHIFT_BIAS]]",
                      "for example 'layer4.*=denseshift:4' or 'layer1.*=fp32'");
  }
  LayerRule rule;
  rule.glob = text.substr(0, equal);
  rule.method = text.substr(equal + 1);
  if (const std::size_t colon = rule.method.find(':'); colon != std::string::npos) {
    std::string bits = rule.method.substr(colon + 1);
    rule.method.resize(colon);
    if (const std::size_t second = bits.find(':'); second != std::string::npos) {
      rule.shift_bias = whole_number(bits.substr(second + 1), text, "shift bias");
      if (*rule.shift_bias < -64 || *rule.shift_bias > 64) {
        throw usage_error("rule: the shift bias in '" + text + "' is out of range", "use a value from -64 to 64");
      }
      bits.resize(second);
    }
    rule.wbits = whole_number(bits, text, "bit width");
    check_bits(rule.method, rule.wbits);
  }
  (void)methods().get(rule.method);
  return rule;
}

LayerPolicy::LayerPolicy(MethodOptions base, std::string placement, const std::vector<std::string>& rules,
                         PartChoice parts)
    : base_(std::move(base)), placement_(std::move(placement)), parts_(std::move(parts)), used_(rules.size(), false) {
  check_bits(base_.method, base_.wbits);
  const std::vector<std::string> known = PartChoice().parts;
  for (const std::string& part : parts_.parts) {
    if (std::find(known.begin(), known.end(), part) == known.end())
      throw usage_error("quantize: unknown part '" + part + "'", suggestion(part, known));
  }
  const std::vector<std::string> placements = {"paper", "method", "all"};
  if (std::find(placements.begin(), placements.end(), placement_) == placements.end()) {
    throw usage_error("placement: unknown value '" + placement_ + "'", suggestion(placement_, placements));
  }
  for (const std::string& text : rules) rules_.push_back(parse_rule(text));
}

MethodOptions LayerPolicy::choose(const LayerSite& site) {
  MethodOptions options = base_;
  bool bias_given = options.shift_bias != 0;
  if (site.part != "backbone" && !parts_.head_init.empty()) options.init = parts_.head_init;
  const bool quantized = chosen(parts_, site) && placed(placement_, site, methods().get(base_.method).own_placement);
  if (!quantized) {
    options.method = "fp32";
    options.wbits = 32;
  }
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!glob_matches(rules_[i].glob, site.name)) continue;
    used_[i] = true;
    options.method = rules_[i].method;
    options.wbits = rules_[i].wbits != 0               ? rules_[i].wbits
                    : rules_[i].method == base_.method ? base_.wbits
                                                       : methods().get(rules_[i].method).default_bits;
    if (options.method != base_.method) options.extra.clear();
    if (rules_[i].shift_bias) options.shift_bias = *rules_[i].shift_bias, bias_given = true;
  }
  const bool sparse = options.method == "s3";
  if ((options.method == "denseshift" || sparse) && !site.normalized && !bias_given) {
    // A pyramid's convolutions feed each other and read ReLUs; predictions are to start small (design/tasks 0.2).
    const double gain = site.part == "fpn" ? 2 : 1;
    options.shift_bias = unnormalized_shift_bias(site.fan_in, options.wbits, gain, sparse);
  }
  return options;
}

bool LayerPolicy::quantizes(const LayerSite& site) const {
  LayerPolicy copy = *this;
  return copy.choose(site).wbits < 32;
}

void LayerPolicy::check_all_rules_used(const std::vector<std::string>& layer_names) const {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (used_[i]) continue;
    const std::string near = nearest(rules_[i].glob, layer_names);
    throw usage_error("rule: '" + rules_[i].glob + "' matches no layer",
                      near.empty()
                          ? "layers are named like " + layer_names.front() + "; see `denseshift models --arch NAME`"
                          : "did you mean " + near + "?");
  }
}

}  // namespace denseshift::quant
