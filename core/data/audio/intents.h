#pragma once
// What the classes of a speech dataset are made of: an intent is one value for each slot.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace denseshift::data {

/// Slots, their values, and the combinations that are classes. Of Fluent Speech Commands: action, object, location.
struct Intents {
  std::vector<std::string> slots;                  ///< names
  std::vector<std::vector<std::string>> values;    ///< of each slot, in byte order
  std::vector<std::vector<std::int64_t>> intents;  ///< of each class: position in `values` for each slot

  bool operator==(const Intents&) const = default;

  /// Classes from combinations of values as they come; equal ones are one class. Classes are in byte order of their
  /// values, slot by slot. REQUIRES: each combination has a value for each slot.
  [[nodiscard]] static Intents from_combinations(std::vector<std::string> slots,
                                                 std::vector<std::vector<std::string>> combinations);

  [[nodiscard]] std::int64_t size() const { return std::ssize(intents); }
  /// The class of a combination of values; -1 when there is none.
  [[nodiscard]] std::int64_t find(const std::vector<std::string>& combination) const;
  /// Values of a class.
  [[nodiscard]] std::vector<std::string> combination(std::int64_t intent) const;
  /// Values of a class, separated by " / ".
  [[nodiscard]] std::string name(std::int64_t intent) const;
};

/// {"slots": {"action": ["activate", ...], ...}, "intents": [[0, 3, 1], ...]}, with slots in their order.
[[nodiscard]] nlohmann::ordered_json to_json(const Intents& intents);

/// Throws an input error that begins with `where` when the JSON is not what to_json() writes.
[[nodiscard]] Intents intents_from_json(const nlohmann::ordered_json& json, const std::string& where);

}  // namespace denseshift::data
