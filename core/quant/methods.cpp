#include "core/quant/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/quant/denseshift_quantizer.h"
#include "core/quant/fp32.h"
#include "core/quant/methods/baselines.h"

namespace denseshift::quant {

const Registry<Method>& methods() {
  static const Registry<Method> registry = [] {
    Registry<Method> r("method");
    r.add("fp32", "full precision, the baseline", fp32_method());
    r.add("denseshift", "zero-free power-of-two weights by sign-scale decomposition (the paper)", denseshift_method());
    r.add("s3", "Shift weights with zero by sign-sparse-shift re-parameterisation (S3-Shift)", s3_method());
    r.add("deepshift-q", "powers of two by rounding in the log domain (DeepShift-Q)", deepshift_q_method());
    r.add("deepshift-ps", "powers of two by trained shifts and signs (DeepShift-PS)", deepshift_ps_method());
    r.add("inq", "powers of two and zero, frozen group by group (INQ)", inq_method());
    r.add("ste-pot", "powers of two below the largest weight (our reading of [37])", ste_pot_method());
    r.add("lq-nets", "learned basis per filter (LQ-Nets)", lq_nets_method());
    r.add("bwn", "binary weights with a scale per filter (BWN of XNOR-Net)", bwn_method());
    r.add("bwhn", "binary weights by hashing (BWHN, our reading)", bwhn_method());
    r.add("hwgq", "binary weights of HWGQ", hwgq_method());
    r.add("ir-net", "binary weights with information retention (IR-Net)", ir_net_method());
    r.add("twn", "ternary weights (TWN)", twn_method());
    r.add("ttq", "trained ternary quantization (TTQ)", ttq_method());
    r.add("lr-net", "ternary weights by local reparameterisation (LR-net)", lr_net_method());
    r.add("sq-twn", "ternary weights, filters quantized at random in growing share (SQ-TWN)", sq_twn_method());
    r.add("lsq", "learned step size (LSQ)", lsq_method());
    r.add("apot", "additive powers of two (APoT)", apot_method());
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

std::string option_value(const Method& method, const MethodOptions& options, const std::string& key) {
  if (const auto given = options.extra.find(key); given != options.extra.end()) return given->second;
  for (const MethodOption& option : method.options) {
    if (option.key == key) return option.standard;
  }
  throw std::logic_error("method option without an entry: " + key);
}

double option_number(const Method& method, const MethodOptions& options, const std::string& key, double low,
                     double high) {
  const std::string text = option_value(method, options, key);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high)) {
    throw usage_error(fmt::format("method_option: {}={} is no number from {} to {}", key, text, low, high));
  }
  return value;
}

std::map<std::string, std::string> parse_method_options(const std::string& method,
                                                        const std::vector<std::string>& items) {
  const std::vector<MethodOption>& known = methods().get(method).options;
  std::map<std::string, std::string> parsed;
  for (const std::string& item : items) {
    const std::size_t equal = item.find('=');
    if (equal == std::string::npos || equal == 0) {
      throw usage_error("method_option: '" + item + "' is not KEY=VALUE");
    }
    const std::string key = item.substr(0, equal);
    const std::string value = item.substr(equal + 1);
    std::vector<std::string> keys;
    const MethodOption* option = nullptr;
    for (const MethodOption& candidate : known) {
      keys.push_back(candidate.key);
      if (candidate.key == key) option = &candidate;
    }
    if (option == nullptr) {
      throw usage_error("method_option: " + method + " has no option '" + key + "'",
                        keys.empty() ? method + " has no options" : suggestion(key, keys));
    }
    const std::vector<std::string>& choices = option->choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
      throw usage_error("method_option: " + key + ": unknown value '" + value + "'", suggestion(value, choices));
    }
    if (!parsed.emplace(key, value).second) throw usage_error("method_option: " + key + " is given twice");
  }
  return parsed;
}

std::unique_ptr<WeightQuantizer> make_quantizer(const std::vector<std::int64_t>& shape, const MethodOptions& options) {
  check_bits(options.method, options.wbits);
  return methods().get(options.method).make(shape, options);
}

}  // namespace denseshift::quant
