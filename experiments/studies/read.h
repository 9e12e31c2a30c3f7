#pragma once
// Strict reading of the JSON files of studies: every key is known, every message says where.

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/util/error.h"

namespace denseshift::experiments {

/// One object of a JSON file with the path that messages give: "table1.json: rows[3]".
class ObjectReader {
 public:
  /// Throws a usage error unless `json` is an object whose keys are all among `known` (with the nearest).
  ObjectReader(const nlohmann::ordered_json& json, std::string where, const std::vector<std::string>& known);

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] bool has(const std::string& key) const { return json_.contains(key); }
  [[nodiscard]] const nlohmann::ordered_json& at(const std::string& key) const;

  /// Values with a default; a value of another type is a usage error.
  [[nodiscard]] std::string text(const std::string& key, const std::string& missing = {}) const;
  /// Text that must be there.
  [[nodiscard]] std::string required_text(const std::string& key) const;
  [[nodiscard]] double number(const std::string& key, double missing) const;
  [[nodiscard]] int integer(const std::string& key, int missing, int low, int high) const;
  [[nodiscard]] bool boolean(const std::string& key, bool missing) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const;
  /// Keys of a configuration with their values, checked by type and name.
  [[nodiscard]] nlohmann::ordered_json config(const std::string& key) const;

  /// Visits the members of the object `key` (nothing when it is missing), in the file's order.
  void each_member(const std::string& key,
                   const std::function<void(const std::string& name, const nlohmann::ordered_json& value,
                                            const std::string& where)>& visit) const;
  /// Visits the elements of the array `key` (nothing when it is missing).
  void each_element(
      const std::string& key,
      const std::function<void(const nlohmann::ordered_json& value, const std::string& where)>& visit) const;

  [[nodiscard]] Error error(const std::string& key, const std::string& message, const std::string& hint = {}) const;

 private:
  const nlohmann::ordered_json& json_;
  std::string where_;
};

/// Parses JSON text; a syntax error is a usage error "FILE:LINE: not valid JSON".
[[nodiscard]] nlohmann::ordered_json parse_json(const std::string& text, const std::string& file);

}  // namespace denseshift::experiments
