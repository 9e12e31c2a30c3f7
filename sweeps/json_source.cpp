#include "sweeps/json_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "core/util/atomic_file.h"
#include "core/util/suggest.h"

namespace denseshift::sweeps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;

/// Where the parser has got to: lines begun, and the last character it took.
struct Position {
  int line = 1;
  char last = 0;
};

/// Characters of a text that count lines as the parser takes them: its own events carry no positions.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, Position* position) : at_(at), position_(position) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    position_->last = *at_;
    if (*at_ == '\n') ++position_->line;
    ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  Position* position_;
};

/// Records the line of every key and array item; notices keys that appear twice and syntax errors.
class LineReader final : public nlohmann::json_sax<Json> {
 public:
  explicit LineReader(const Position& position) : position_(position) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return number(); }
  bool number_unsigned(number_unsigned_t) override { return number(); }
  bool number_float(number_float_t, const string_t&) override { return number(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(false); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    Level& level = levels_.back();
    level.key = name;
    const std::string place = here();
    if (!level.keys.insert(name).second) {
      problem = fmt::format("{} is given twice", name);
      problem_line = position_.line;
      return false;
    }
    lines[place] = position_.line;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    problem = "not valid JSON";
    problem_line = position_.line - (position_.last == '\n' ? 1 : 0);
    return false;
  }

  std::map<std::string, int> lines;
  std::string problem;
  int problem_line = 0;

 private:
  struct Level {
    bool array = false;
    std::size_t index = 0;
    std::string key;
    std::set<std::string> keys;
    std::string place;
  };

  /// Place of the value that comes now.
  [[nodiscard]] std::string here() const {
    if (levels_.empty()) return "";
    const Level& level = levels_.back();
    return place_of(level.place, level.array ? std::to_string(level.index) : level.key);
  }
  void note(int line) {
    if (!levels_.empty() && levels_.back().array) lines[here()] = line;
  }
  bool value(int line) {
    note(line);
    if (!levels_.empty()) ++levels_.back().index;
    return true;
  }
  bool value() { return value(position_.line); }
  // The end of a number is seen only by the character behind it.
  bool number() { return value(position_.line - (position_.last == '\n' ? 1 : 0)); }
  bool open(bool array) {
    note(position_.line);
    levels_.push_back({.array = array, .index = 0, .key = {}, .keys = {}, .place = here()});
    return true;
  }
  bool close() {
    levels_.pop_back();
    if (!levels_.empty()) ++levels_.back().index;
    return true;
  }

  const Position& position_;
  std::vector<Level> levels_;
};

}  // namespace

std::string place_of(const std::string& parent, const std::string& key) {
  std::string place = parent + '/';
  for (const char c : key) {
    if (c == '~') {
      place += "~0";
    } else if (c == '/') {
      place += "~1";
    } else {
      place += c;
    }
  }
  return place;
}

JsonSource::JsonSource(std::filesystem::path file) : file_(std::move(file)) {
  const std::string text = read_file(file_, kLargestFile);
  Position position;
  LineReader reader(position);
  const CountingIterator begin(text.data(), &position);
  const CountingIterator end(text.data() + text.size(), &position);
  if (!Json::sax_parse(begin, end, &reader)) {
    throw usage_error(fmt::format("{}:{}: {}", file_.string(), reader.problem_line, reader.problem),
                      "docs/sweeps.md describes the file");
  }
  lines_ = std::move(reader.lines);
  json_ = Json::parse(text);
  if (!json_.is_object())
    throw usage_error(file_.string() + ": not a JSON object", "docs/sweeps.md describes the file");
}

Error JsonSource::error(const std::string& place, const std::string& message, std::string hint) const {
  std::string near = place;
  while (!near.empty() && !lines_.contains(near)) near.resize(near.rfind('/'));
  const std::string line = near.empty() ? "" : fmt::format(":{}", lines_.at(near));
  return usage_error(fmt::format("{}{}: {}", file_.string(), line, message), std::move(hint));
}

void JsonSource::require_known_keys(const std::string& place, const std::vector<std::string>& known) const {
  for (const auto& item : at(place).items()) {
    if (std::ranges::find(known, item.key()) == known.end()) {
      throw error(place_of(place, item.key()), item.key() + ": unknown key", suggestion(item.key(), known));
    }
  }
}

const Json& JsonSource::at(const std::string& place) const { return json_.at(Json::json_pointer(place)); }

}  // namespace denseshift::sweeps
