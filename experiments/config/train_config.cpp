#include "experiments/config/train_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/util/error.h"
#include "core/util/hash.h"
#include "core/util/suggest.h"

namespace denseshift::experiments {
namespace {

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;

template <class T>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "true or false";
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return "a whole number, 0 or more";
  else if constexpr (std::is_integral_v<T>)
    return "a whole number";
  else if constexpr (std::is_floating_point_v<T>)
    return "a number";
  else if constexpr (kIsList<T>)
    return "a list";
  else
    return "text";
}

template <class T>
Error wrong_type(const std::string& key, const std::string& got) {
  return usage_error(key + ": expected " + type_name<T>() + ", got '" + got + "'");
}

template <class T>
T parse_value(const std::string& key, const std::string& text) {
  if constexpr (std::is_same_v<T, std::string>) {
    return text;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
    if (text == "false" || text == "0" || text == "no" || text == "off") return false;
    throw wrong_type<T>(key, text);
  } else if constexpr (kIsList<T>) {
    T items;
    for (std::size_t from = 0; from <= text.size() && !text.empty();) {
      const std::size_t comma = std::min(text.find(',', from), text.size());
      items.push_back(parse_value<typename T::value_type>(key, text.substr(from, comma - from)));
      from = comma + 1;
    }
    return items;
  } else {
    T value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) throw wrong_type<T>(key, text);
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) throw wrong_type<T>(key, text);
    }
    return value;
  }
}

template <class T>
T json_value(const std::string& key, const nlohmann::json& json) {
  if constexpr (kIsList<T>) {
    if (!json.is_array()) throw wrong_type<T>(key, json.dump());
    T items;
    for (const auto& item : json) items.push_back(json_value<typename T::value_type>(key, item));
    return items;
  } else {
    const bool fits = std::is_same_v<T, bool>            ? json.is_boolean()
                      : std::is_same_v<T, std::uint64_t> ? json.is_number_unsigned()
                      : std::is_integral_v<T>            ? json.is_number_integer()
                      : std::is_floating_point_v<T>      ? json.is_number()
                                                         : json.is_string();
    if (!fits) throw wrong_type<T>(key, json.dump());
    if constexpr (std::is_same_v<T, std::int64_t>) {
      if (json.is_number_unsigned() &&
          json.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        throw wrong_type<T>(key, json.dump());
      }
    }
    return json.get<T>();
  }
}

/// Values of method options may be lists: a part without '=' belongs to the option before it.
std::vector<std::string> with_lists_as_values(const std::vector<std::string>& parts) {
  std::vector<std::string> items;
  for (const std::string& part : parts) {
    if (items.empty() || part.find('=') != std::string::npos) {
      items.push_back(part);
    } else {
      items.back() += ',';
      items.back() += part;
    }
  }
  return items;
}

void choice(const std::string& key, const std::string& value, const std::vector<std::string>& choices) {
  for (const std::string& item : choices) {
    if (item == value) return;
  }
  throw usage_error(key + ": unknown value '" + value + "'", suggestion(value, choices));
}

void range(const std::string& key, double value, double low, double high, bool open_low = false) {
  if (value > high || value < low || (open_low && value == low)) {
    throw usage_error(fmt::format("{}: {} is out of range", key, value),
                      fmt::format("use a value {} {}", open_low ? "above" : "from", low) +
                          (high < 1e15 ? fmt::format(" to {}", high) : ""));
  }
}

}  // namespace

std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  const TrainConfig config;
  visit_fields(config, [&](const char* key, const auto&, FieldGroup, const char*) { keys.emplace_back(key); });
  return keys;
}

nlohmann::ordered_json to_json(const TrainConfig& config) {
  nlohmann::ordered_json json;
  visit_fields(config, [&](const char* key, const auto& value, FieldGroup, const char*) { json[key] = value; });
  return json;
}

TrainConfig config_from_json(const nlohmann::json& json, TrainConfig base) {
  if (!json.is_object()) throw usage_error("the configuration is not a JSON object");
  for (const auto& [name, value] : json.items()) {
    bool found = false;
    visit_fields(base, [&, &name = name, &value = value](const char* key, auto& member, FieldGroup, const char*) {
      if (name != key) return;
      found = true;
      member = json_value<std::remove_reference_t<decltype(member)>>(name, value);
    });
    if (!found) throw usage_error(name + ": unknown configuration key", suggestion(name, config_keys()));
  }
  return base;
}

void set_field(TrainConfig& config, const std::string& key, const std::string& text) {
  bool found = false;
  visit_fields(config, [&](const char* name, auto& member, FieldGroup, const char*) {
    if (key != name) return;
    found = true;
    member = parse_value<std::remove_reference_t<decltype(member)>>(key, text);
    if constexpr (std::is_same_v<decltype(member), std::vector<std::string>&>) {
      if (key == "method_option") member = with_lists_as_values(member);
    }
  });
  if (!found) throw usage_error(key + ": unknown configuration key", suggestion(key, config_keys()));
}

void validate(const TrainConfig& c) {
  constexpr double kMany = 1e15;
  range("wbits", static_cast<double>(c.wbits), 1, 32);
  range("abits", static_cast<double>(c.abits), 2, 32);
  if (c.abits > 8 && c.abits < 32) {
    throw usage_error(fmt::format("abits: {} is out of range", c.abits), "use a value from 2 to 8, or 32");
  }
  range("width", static_cast<double>(c.width), 1, 64);
  choice("init", c.init, {"auto", "lvr", "kaiming", "pretrained"});
  choice("pretrained_load", c.pretrained_load, {"strict", "partial"});
  choice("task", c.task, {"auto", "classification", "detection", "segmentation", "speech"});
  for (const std::string& part : c.quantize) choice("quantize", part, {"backbone", "fpn", "head"});
  choice("head_init", c.head_init, {"auto", "lvr", "kaiming"});
  range("freeze_stages", static_cast<double>(c.freeze_stages), 0, 5);
  range("fpn_channels", static_cast<double>(c.fpn_channels), 32, 4096);
  if (c.fpn_channels % 32 != 0) throw usage_error("fpn_channels: must be a multiple of 32, the groups of the norms");
  range("head_convs", static_cast<double>(c.head_convs), 1, 16);
  choice("gradient", c.gradient, {"surrogate", "sign_only", "none"});
  choice("zero_convention", c.zero_convention, {"paper", "code"});
  range("shift_bias", static_cast<double>(c.shift_bias), -64, 64);
  choice("placement", c.placement, {"paper", "method", "all"});
  choice("impl", c.impl, {"auto", "leaf", "function", "reference"});
  range("image_size", static_cast<double>(c.image_size), 0, 4096);
  range("max_size", static_cast<double>(c.max_size), 0, 16384);
  range("limit_train", static_cast<double>(c.limit_train), 0, kMany);
  range("limit_val", static_cast<double>(c.limit_val), 0, kMany);
  choice("broken_images", c.broken_images, {"fail", "skip"});
  range("epochs", static_cast<double>(c.epochs), 1, 1e6);
  range("batch_size", static_cast<double>(c.batch_size), 1, 1 << 20);
  range("eval_batch_size", static_cast<double>(c.eval_batch_size), 0, 1 << 20);
  choice("optimizer", c.optimizer, {"sgd", "adamw"});
  range("lr", c.lr, 0, 1e6, true);
  range("momentum", c.momentum, 0, 1);
  if (c.nesterov && c.momentum == 0) throw usage_error("nesterov: needs momentum above 0");
  range("weight_decay", c.weight_decay, 0, 1e6);
  range("aux_lr", c.aux_lr, 0, 1e6, true);
  range("beta1", c.beta1, 0, 0.999999999);
  range("beta2", c.beta2, 0, 0.999999999);
  range("epsilon", c.epsilon, 0, 1, true);
  choice("schedule", c.schedule, {"cosine", "step", "poly", "constant"});
  choice("lr_offset", c.lr_offset, {"standard", "demo"});
  range("warmup_epochs", c.warmup_epochs, 0, static_cast<double>(c.epochs));
  for (const double milestone : c.milestones) range("milestones", milestone, 0, 1e6);
  range("lr_gamma", c.lr_gamma, 0, 1, true);
  range("poly_power", c.poly_power, 0, 100, true);
  range("label_smoothing", c.label_smoothing, 0, 0.999);
  range("ema", c.ema, 0, 0.9999999);
  range("clip_grad_norm", c.clip_grad_norm, 0, 1e12);
  range("accumulate", static_cast<double>(c.accumulate), 1, 1 << 20);
  choice("amp", c.amp, {"none", "bf16"});
  choice("device", c.device, {"auto", "cpu", "cuda"});
  range("threads", static_cast<double>(c.threads), 0, 4096);
  range("workers", static_cast<double>(c.workers), 0, 256);
  range("time_budget", c.time_budget, 0, kMany);
  range("checkpoint_every", static_cast<double>(c.checkpoint_every), 0, kMany);
  range("weight_stats_every", static_cast<double>(c.weight_stats_every), 0, kMany);
  if (c.stats_levels != 0) range("stats_levels", static_cast<double>(c.stats_levels), 2, 4);
  range("trace_weights", static_cast<double>(c.trace_weights), 0, 10000);
  range("trace_every", static_cast<double>(c.trace_every), 0, kMany);
  if (!c.log.empty() && !c.log.ends_with(".csv") && !c.log.ends_with(".jsonl")) {
    throw usage_error(fmt::format("log: '{}' is neither a .csv nor a .jsonl file", c.log),
                      "the ending decides the format, for example --log metrics.csv");
  }
}

namespace {

/// Keys younger than databases in use. At their defaults they are left out of the hash, so that a configuration keeps
/// the hash it had before them.
bool is_late(const std::string& key) {
  static const std::vector<std::string> late = {
      "backbone",      "quantize",        "quantize_predictions", "quantize_extra", "head_init",
      "freeze_stages", "freeze_norm",     "fpn_channels",         "head_convs",     "aux",
      "max_size",      "group_by_aspect", "decay_norms",          "aux_lr",         "resample"};
  return std::find(late.begin(), late.end(), key) != late.end();
}

std::string hash_of(const TrainConfig& config, bool with_seed) {
  const nlohmann::ordered_json defaults = to_json(TrainConfig());
  nlohmann::json json;  // unordered: keys are sorted, so the hash does not depend on the order of declaration
  visit_fields(config, [&](const std::string& key, const auto& value, FieldGroup group, const char*) {
    if (group == FieldGroup::environment || group == FieldGroup::record) return;
    if (key == "task") return;  // follows from architecture and dataset
    if (is_late(key) && defaults.at(key) == nlohmann::ordered_json(value)) return;
    if (with_seed || key != "seed") json[key] = value;
  });
  const std::string text = json.dump();
  return sha256(text.data(), text.size()).substr(0, 16);
}

}  // namespace

std::string config_hash(const TrainConfig& config) { return hash_of(config, true); }

std::string recipe_hash(const TrainConfig& config) { return hash_of(config, false); }

bool is_resolved(const TrainConfig& config) {
  // Only detectors and segmenters have a start of new layers to be settled.
  const bool head_settled = config.head_init != "auto" || config.arch.starts_with("resnet");
  return config.init != "auto" && config.image_size > 0 && head_settled;
}

}  // namespace denseshift::experiments
