#pragma once
// Comma-separated tables as RFC 4180 describes them.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace denseshift {

/// One record below the header.
struct CsvRow {
  std::int64_t number = 0;  ///< position below the header, from 1
  std::int64_t line = 0;    ///< line of the file where it begins, from 1
  std::vector<std::string> fields;
};

/// A table with a header. Fields may be quoted; quoted ones may hold commas, doubled quotes and line ends. Lines end
/// with LF or CRLF; a byte order mark and empty lines are skipped.
struct CsvTable {
  std::string name;  ///< for messages: the path of the file
  std::vector<std::string> header;
  std::vector<CsvRow> rows;  ///< each with as many fields as the header

  /// Position of a column. Throws an input error that lists the header when there is none of this name.
  [[nodiscard]] std::size_t column(const std::string& title) const;
  /// "<file>, row 3 (line 4)".
  [[nodiscard]] std::string where(const CsvRow& row) const;
};

/// Parses a whole file. Throws an input error naming file and line for an empty file, a name that occurs twice in the
/// header, a row with another number of fields, a quote inside an unquoted field or behind a quoted one, a quote that
/// is never closed, and a NUL character.
[[nodiscard]] CsvTable parse_csv(const std::string& content, const std::string& name);

/// Reads and parses a file of at most 1 GiB.
[[nodiscard]] CsvTable read_csv(const std::filesystem::path& path);

/// A field of a CSV line: quoted when it holds a comma, a quote, a line break, or outer blanks.
[[nodiscard]] std::string csv_field(const std::string& text);

/// Text from a file for a message of one line: control characters are replaced, and what exceeds 80 characters is cut.
[[nodiscard]] std::string one_line(const std::string& text);

}  // namespace denseshift
