#pragma once
// A JSON file written by a person: its content, and the line of every value, so that an error can point at it.

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/util/error.h"

namespace denseshift::sweeps {

/// Content and lines of one file. Places are JSON pointers: "/space/lr/0"; the whole file is "".
class JsonSource {
 public:
  /// Throws an input error when the file cannot be read, a usage error "FILE:LINE: ..." when it is no JSON object or
  /// names a key twice.
  explicit JsonSource(std::filesystem::path file);

  [[nodiscard]] const nlohmann::ordered_json& json() const { return json_; }
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

  /// A usage error "FILE:LINE: message" for the value at `place`, or for the nearest enclosing value that has a line.
  [[nodiscard]] Error error(const std::string& place, const std::string& message, std::string hint = {}) const;

  /// Throws error() with the nearest name for a key of the object at `place` that is not among `known`.
  void require_known_keys(const std::string& place, const std::vector<std::string>& known) const;

  /// The value at `place`, which must exist.
  [[nodiscard]] const nlohmann::ordered_json& at(const std::string& place) const;

 private:
  std::filesystem::path file_;
  nlohmann::ordered_json json_;
  std::map<std::string, int> lines_;
};

/// `key` as a part of a place: '~' and '/' escaped as in RFC 6901.
[[nodiscard]] std::string place_of(const std::string& parent, const std::string& key);

}  // namespace denseshift::sweeps
