#include "core/util/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift {
namespace {

constexpr std::size_t kLargestTable = std::size_t{1} << 30;

/// Cuts a text into records.
class Cutter {
 public:
  Cutter(const std::string& text, const std::string& name) : text_(text), name_(name) {
    if (text_.compare(0, 3, "\xEF\xBB\xBF") == 0) at_ = 3;
  }

  /// The next record that is not an empty line; false at the end.
  bool next(CsvRow& row) {
    while (at_ < text_.size() && line_end() > 0) skip_line_end();
    if (at_ >= text_.size()) return false;
    row.line = line_;
    row.fields.clear();
    while (true) {
      row.fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
      if (at_ >= text_.size()) return true;
      if (text_[at_] == ',') {
        ++at_;
        continue;
      }
      skip_line_end();
      return true;
    }
  }

 private:
  /// Characters of the line end at the current position; 0 when there is none.
  [[nodiscard]] std::size_t line_end() const {
    if (text_[at_] == '\n') return 1;
    return text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n' ? 2 : 0;
  }
  void skip_line_end() {
    at_ += line_end();
    ++line_;
  }
  [[nodiscard]] Error problem(std::int64_t line, const std::string& what) const {
    return input_error(fmt::format("{}, line {}: {}", name_, line, what));
  }

  std::string plain() {
    const std::size_t begin = at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == ',' || line_end() > 0) break;
      if (c == '"') throw problem(line_, "a quote inside a field that is not quoted");
      if (c == '\0') throw problem(line_, "a NUL character");
    }
    return text_.substr(begin, at_ - begin);
  }

  std::string quoted() {
    const std::int64_t begin = line_;
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\0') throw problem(line_, "a NUL character");
      if (c == '\n') ++line_;
      if (c == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      field.push_back(c);
    }
    if (at_ >= text_.size()) throw problem(begin, "a quote is opened and never closed");
    ++at_;
    if (at_ < text_.size() && text_[at_] != ',' && line_end() == 0) {
      throw problem(line_, "text behind a quoted field");
    }
    return field;
  }

  const std::string& text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace

std::size_t CsvTable::column(const std::string& title) const {
  const auto found = std::find(header.begin(), header.end(), title);
  if (found == header.end()) {
    std::string titles;
    for (const std::string& other : header) titles += (titles.empty() ? "" : ", ") + one_line(other);
    throw input_error(fmt::format("{}: the header has no column '{}'", name, title), "it has " + titles);
  }
  return static_cast<std::size_t>(found - header.begin());
}

std::string CsvTable::where(const CsvRow& row) const {
  return fmt::format("{}, row {} (line {})", name, row.number, row.line);
}

CsvTable parse_csv(const std::string& content, const std::string& name) {
  CsvTable table{name, {}, {}};
  Cutter cutter(content, table.name);
  CsvRow row;
  if (!cutter.next(row)) throw input_error(name + ": the table is empty");
  table.header = std::move(row.fields);
  std::set<std::string> titles;
  for (const std::string& title : table.header) {
    if (!titles.insert(title).second) {
      throw input_error(fmt::format("{}, line {}: the header has two columns '{}'", name, row.line, one_line(title)));
    }
  }
  while (cutter.next(row)) {
    row.number = std::ssize(table.rows) + 1;
    if (row.fields.size() != table.header.size()) {
      throw input_error(
          fmt::format("{}: {} fields, the header has {}", table.where(row), row.fields.size(), table.header.size()));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

CsvTable read_csv(const std::filesystem::path& path) {
  return parse_csv(read_file(path, kLargestTable), path.string());
}

std::string csv_field(const std::string& text) {
  const bool blanks = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  if (!blanks && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string one_line(const std::string& text) {
  constexpr std::size_t kLongest = 80;
  std::size_t length = std::min(text.size(), kLongest);
  while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
  std::string line = text.substr(0, length);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') c = '?';
  }
  return text.size() > kLongest ? line + "..." : line;
}

}  // namespace denseshift
