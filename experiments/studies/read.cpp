#include "experiments/studies/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util/suggest.h"
#include "experiments/config/train_config.h"

namespace denseshift::experiments {

using Json = nlohmann::ordered_json;

ObjectReader::ObjectReader(const Json& json, std::string where, const std::vector<std::string>& known)
    : json_(json), where_(std::move(where)) {
  if (!json.is_object()) throw usage_error(where_ + ": expected an object, got " + json.type_name());
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      throw usage_error(fmt::format("{}: unknown key '{}'", where_, key), suggestion(key, known));
    }
  }
}

Error ObjectReader::error(const std::string& key, const std::string& message, const std::string& hint) const {
  return usage_error(fmt::format("{}: {}: {}", where_, key, message), hint);
}

const Json& ObjectReader::at(const std::string& key) const {
  const auto found = json_.find(key);
  if (found == json_.end()) throw usage_error(fmt::format("{}: the key '{}' is missing", where_, key));
  return *found;
}

std::string ObjectReader::text(const std::string& key, const std::string& missing) const {
  if (!has(key)) return missing;
  if (!at(key).is_string()) throw error(key, "expected text, got " + at(key).dump());
  return at(key).get<std::string>();
}

std::string ObjectReader::required_text(const std::string& key) const {
  (void)at(key);
  std::string value = text(key);
  if (value.empty()) throw error(key, "is empty");
  return value;
}

double ObjectReader::number(const std::string& key, double missing) const {
  if (!has(key)) return missing;
  if (!at(key).is_number() || !std::isfinite(at(key).get<double>())) {
    throw error(key, "expected a number, got " + at(key).dump());
  }
  return at(key).get<double>();
}

int ObjectReader::integer(const std::string& key, int missing, int low, int high) const {
  const double value = number(key, missing);
  if (value != std::floor(value) || value < low || value > high) {
    throw error(key, fmt::format("expected a whole number from {} to {}, got {}", low, high, at(key).dump()));
  }
  return static_cast<int>(value);
}

bool ObjectReader::boolean(const std::string& key, bool missing) const {
  if (!has(key)) return missing;
  if (!at(key).is_boolean()) throw error(key, "expected true or false, got " + at(key).dump());
  return at(key).get<bool>();
}

std::vector<std::string> ObjectReader::texts(const std::string& key) const {
  std::vector<std::string> items;
  each_element(key, [&](const Json& value, const std::string& where) {
    if (!value.is_string()) throw usage_error(where + ": expected text, got " + value.dump());
    items.push_back(value.get<std::string>());
  });
  return items;
}

Json ObjectReader::config(const std::string& key) const {
  if (!has(key)) return Json::object();
  try {
    (void)config_from_json(at(key));
  } catch (const Error& wrong) {
    throw error(key, wrong.what(), wrong.hint());
  }
  return at(key);
}

void ObjectReader::each_member(
    const std::string& key,
    const std::function<void(const std::string& name, const Json& value, const std::string& where)>& visit) const {
  if (!has(key)) return;
  if (!at(key).is_object()) throw error(key, "expected an object");
  for (const auto& [name, value] : at(key).items()) visit(name, value, fmt::format("{}: {}.{}", where_, key, name));
}

void ObjectReader::each_element(const std::string& key,
                                const std::function<void(const Json& value, const std::string& where)>& visit) const {
  if (!has(key)) return;
  if (!at(key).is_array()) throw error(key, "expected a list");
  std::size_t index = 0;
  for (const Json& value : at(key)) visit(value, fmt::format("{}: {}[{}]", where_, key, index++));
}

Json parse_json(const std::string& text, const std::string& file) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& wrong) {
    const std::size_t end = std::min(wrong.byte > 0 ? wrong.byte - 1 : 0, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    throw usage_error(fmt::format("{}:{}: not valid JSON", file, line));
  }
}

}  // namespace denseshift::experiments
