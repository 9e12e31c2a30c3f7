#pragma once
// A cell of a result: SQLite's five storage classes, and how they are written.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "core/util/csv.h"

namespace denseshift::results_db {

/// Bytes that are not text.
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};

/// NULL, integer, real, text or blob.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

using Row = std::vector<Value>;

/// Column names and rows.
struct ResultTable {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

[[nodiscard]] inline bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value); }

/// Text without loss: shortest decimal that reads back as the same number, "inf", blobs as hexadecimal, NULL as `null`.
[[nodiscard]] std::string to_text(const Value& value, const std::string& null = {});

/// JSON value. Infinities become null, for JSON has none; bytes that are not UTF-8 are replaced.
[[nodiscard]] nlohmann::ordered_json to_json(const Value& value);

/// A scalar for a column: booleans as 0 and 1, null as NULL, arrays and objects as JSON text.
[[nodiscard]] Value from_json(const nlohmann::ordered_json& json);

using denseshift::csv_field;

/// Compact JSON text; bytes that are not UTF-8 are replaced rather than fatal.
[[nodiscard]] std::string dump(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace denseshift::results_db
