#pragma once
// Plain text tables for results.

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace denseshift::cli {

/// Column heading and alignment.
struct Column {
  std::string title;
  bool right = false;
};

/// Rows of text under headings, columns as wide as their widest cell, two spaces between. Widths count UTF-8
/// characters.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// The row must have one cell per column.
  void add(std::vector<std::string> cells);
  void print(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace denseshift::cli
