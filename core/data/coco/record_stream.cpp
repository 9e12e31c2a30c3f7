#include "core/data/coco/record_stream.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <utility>

namespace denseshift::data::coco {
namespace {

using nlohmann::json;

/// Most values of one entry, and how deep they nest: far beyond real files, small enough for any memory.
constexpr std::size_t kMostValues = std::size_t{1} << 22;
constexpr std::size_t kDeepest = 4;

/// Follows the parser's events; builds the current entry and nothing else.
class RecordBuilder {
 public:
  RecordBuilder(std::string file, const WantedRecords& wanted, const std::function<void(const Record&)>& visit)
      : file_(std::move(file)), wanted_(wanted), visit_(visit) {}

  // The interface of nlohmann::json::sax_parse().
  bool null() { return scalar(nullptr); }
  bool boolean(bool value) { return scalar(value); }
  bool number_integer(std::int64_t value) { return scalar(value); }
  bool number_unsigned(std::uint64_t value) { return scalar(value); }
  bool number_float(double value, const std::string&) { return scalar(value); }
  bool string(std::string& value) { return scalar(std::move(value)); }
  bool binary(json::binary_t&) { return false; }

  bool start_object(std::size_t) {
    if (skipped_ > 0) {
      ++skipped_;
    } else if (level_ == Level::record) {
      open(json::object());
    } else if (level_ == Level::list) {
      level_ = Level::record;
      ++record_.number;
      record_.members = json::object();
      values_ = 0;
      open_ = {&record_.members};
    } else if (level_ == Level::file && !wanted_.lists.empty()) {
      level_ = Level::lists;
    } else {
      unexpected();
    }
    return true;
  }

  bool end_object() {
    if (skipped_ > 0) {
      passed();
    } else if (level_ == Level::record) {
      open_.pop_back();
      if (!open_.empty()) return true;
      level_ = Level::list;
      visit_(record_);
    }
    return true;
  }

  bool start_array(std::size_t) {
    if (skipped_ > 0) {
      ++skipped_;
    } else if (level_ == Level::record) {
      open(json::array());
    } else if (level_ == Level::lists || (level_ == Level::file && wanted_.lists.empty())) {
      level_ = Level::list;
      record_.number = 0;
    } else {
      unexpected();
    }
    return true;
  }

  bool end_array() {
    if (skipped_ > 0) {
      passed();
    } else if (level_ == Level::record) {
      open_.pop_back();
    } else {
      level_ = Level::lists;
    }
    return true;
  }

  bool key(std::string& name) {
    if (skipped_ > 0) return true;
    if (level_ == Level::lists) {
      const auto& lists = wanted_.lists;
      if (std::find(lists.begin(), lists.end(), name) == lists.end()) return skip();
      if (std::find(seen_.begin(), seen_.end(), name) != seen_.end()) fail(fmt::format("'{}' comes twice", name));
      seen_.push_back(name);
      record_.list = name;
    } else {
      const auto& members = wanted_.members;
      const bool own = open_.size() == 1;
      if (own && std::find(members.begin(), members.end(), name) == members.end()) return skip();
      if (open_.back()->contains(name)) fail(fmt::format("{}: '{}' comes twice", entry(), name));
      key_ = name;
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    throw input_error(fmt::format("{}: not valid JSON at byte {}", file_, position),
                      "the file may be incomplete; copy it again");
  }

  /// After the last event.
  void finish() const {
    for (const std::string& list : wanted_.lists) {
      if (std::find(seen_.begin(), seen_.end(), list) == seen_.end()) fail(fmt::format("'{}' is missing", list));
    }
  }

 private:
  enum class Level { file, lists, list, record };

  /// The value after an unwanted key passes unseen: skipped_ is 1 there and counts the containers inside on top.
  bool skip() {
    skipped_ = 1;
    return true;
  }

  /// A container inside the skipped value ends, or the value itself.
  void passed() {
    if (--skipped_ == 1) skipped_ = 0;
  }

  bool scalar(json value) {
    if (skipped_ > 0) {
      if (skipped_ == 1) skipped_ = 0;
      return true;
    }
    if (level_ != Level::record) unexpected();
    add(std::move(value));
    return true;
  }

  json& add(json value) {
    if (++values_ > kMostValues) fail(fmt::format("{} has millions of values", entry()));
    json& to = *open_.back();
    if (to.is_object()) return to[key_] = std::move(value);
    to.push_back(std::move(value));
    return to.back();
  }

  void open(json container) {
    if (open_.size() > kDeepest) fail(fmt::format("{} is nested too deeply", entry()));
    open_.push_back(&add(std::move(container)));
  }

  [[nodiscard]] std::string entry() const {
    return record_.list.empty() ? fmt::format("entry {}", record_.number)
                                : fmt::format("entry {} of '{}'", record_.number, record_.list);
  }

  [[noreturn]] void fail(const std::string& message) const { throw input_error(fmt::format("{}: {}", file_, message)); }

  [[noreturn]] void unexpected() const {
    if (level_ == Level::lists) fail(fmt::format("'{}' is not a list", record_.list));
    if (level_ == Level::list) {
      fail(record_.list.empty() ? fmt::format("entry {} is not an object", record_.number + 1)
                                : fmt::format("entry {} of '{}' is not an object", record_.number + 1, record_.list));
    }
    fail(wanted_.lists.empty() ? "not a list of results" : "not an object of lists");
  }

  std::string file_;
  const WantedRecords& wanted_;
  const std::function<void(const Record&)>& visit_;
  Level level_ = Level::file;
  std::size_t skipped_ = 0;
  std::vector<std::string> seen_;
  Record record_;
  std::vector<json*> open_;  // containers of the entry from the outside in
  std::string key_;
  std::size_t values_ = 0;
};

double finite(const json& value, const std::string& what) {
  if (!value.is_number()) throw input_error(fmt::format("{} is not a number", what));
  const auto number = value.get<double>();
  if (!std::isfinite(number)) throw input_error(fmt::format("{} is not finite", what));
  return number;
}

const json& required(const json& members, const std::string& name) {
  const auto found = members.find(name);
  if (found == members.end()) throw input_error(fmt::format("'{}' is missing", name));
  return *found;
}

}  // namespace

void read_records(const std::filesystem::path& path, const WantedRecords& wanted,
                  const std::function<void(const Record&)>& visit) {
  std::error_code unknown;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, unknown)) {
    throw input_error(fmt::format("{}: cannot be read", path.string()), "give an existing JSON file");
  }
  RecordBuilder builder(path.string(), wanted, visit);
  json::sax_parse(file, &builder);
  builder.finish();
}

std::int64_t integer_member(const json& members, const std::string& name) {
  const json& value = required(members, name);
  constexpr double kExact = 9007199254740992.0;
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    if (std::floor(number) == number && std::fabs(number) <= kExact) return static_cast<std::int64_t>(number);
  } else if (value.is_number_unsigned()) {
    if (value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX)) return value.get<std::int64_t>();
  } else if (value.is_number_integer()) {
    return value.get<std::int64_t>();
  }
  throw input_error(fmt::format("'{}' is not a whole number of 64 bits", name));
}

double number_member(const json& members, const std::string& name) {
  return finite(required(members, name), fmt::format("'{}'", name));
}

std::vector<double> numbers_of(const json& value, const std::string& what) {
  if (!value.is_array()) throw input_error(fmt::format("{} is not a list of numbers", what));
  std::vector<double> numbers;
  numbers.reserve(value.size());
  for (const json& item : value) numbers.push_back(finite(item, fmt::format("a value of {}", what)));
  return numbers;
}

std::array<double, 4> box_member(const json& members) {
  const std::vector<double> numbers = numbers_of(required(members, "bbox"), "'bbox'");
  if (numbers.size() != 4) throw input_error("'bbox' does not have four numbers");
  if (numbers[2] < 0 || numbers[3] < 0) throw input_error("the box has a negative size");
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

}  // namespace denseshift::data::coco
