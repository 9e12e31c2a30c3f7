#pragma once
// Reads lists of JSON objects one object at a time, so that a file of any length needs the memory of its largest entry.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/util/error.h"

namespace denseshift::data::coco {

/// The entries of a file that are wanted.
struct WantedRecords {
  /// Lists in the object that the file consists of, each of which must be there once; none: the file itself is a list.
  std::vector<std::string> lists{};
  std::vector<std::string> members{};  ///< what to keep of an entry
};

/// An entry of a list.
struct Record {
  std::string list;         ///< name of the list, empty when the file is one
  std::int64_t number = 0;  ///< from 1
  nlohmann::json members;   ///< an object of the wanted members that it has
};

/// Calls `visit` with every entry in the order of the file. Throws an input error that names the file for anything but
/// JSON of that shape. What `visit` throws ends the reading.
void read_records(const std::filesystem::path& path, const WantedRecords& wanted,
                  const std::function<void(const Record&)>& visit);

/// The member as a whole number (1.0 counts). Throws an input error (here and below: without file and entry).
[[nodiscard]] std::int64_t integer_member(const nlohmann::json& members, const std::string& name);
/// The member as a finite number.
[[nodiscard]] double number_member(const nlohmann::json& members, const std::string& name);
/// A list of finite numbers; `what` names it in messages.
[[nodiscard]] std::vector<double> numbers_of(const nlohmann::json& value, const std::string& what);
/// The box [left, top, width, height] in the member "bbox", with a size that is not negative.
[[nodiscard]] std::array<double, 4> box_member(const nlohmann::json& members);

}  // namespace denseshift::data::coco
