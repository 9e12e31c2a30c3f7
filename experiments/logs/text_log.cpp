#include "experiments/logs/text_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::experiments {
namespace {

const std::vector<std::string> kFixed = {"run", "uid", "epoch", "split", "time"};

bool is_csv(const std::filesystem::path& path) { return path.extension() == ".csv"; }

/// Complete lines without their ends; what follows the last end was cut off.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0, end = 0; (end = text.find('\n', from)) != std::string::npos; from = end + 1) {
    lines.push_back(text.substr(from, end - from));
  }
  return lines;
}

/// Fields of one of our own lines, which never hold a comma or a quote.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

template <class Items>
std::string joined(const Items& items) {
  std::string line;
  for (const std::string& item : items) line += (&item == &*items.begin() ? "" : ",") + item;
  return line + "\n";
}

std::string iso_time(double seconds) {
  const auto whole = static_cast<std::time_t>(std::floor(seconds));
  const int milliseconds = static_cast<int>((seconds - std::floor(seconds)) * 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole), milliseconds);
}

bool is_our_line(const std::string& line, bool csv) {
  if (csv)
    return line == joined(kFixed).substr(0, joined(kFixed).size() - 1) || line.starts_with("run,uid,epoch,split,time,");
  const auto json = nlohmann::json::parse(line, nullptr, false);
  return json.is_object() && json.contains("run") && json.contains("uid") && json.contains("epoch");
}

/// Whether the line tells of this run and an epoch after `epochs_done`.
bool is_later(const std::string& line, bool csv, const std::string& uid, std::int64_t epochs_done) {
  if (csv) {
    const std::vector<std::string> fields = fields_of(line);
    std::int64_t epoch = 0;
    if (fields.size() < kFixed.size() || fields[1] != uid) return false;
    (void)std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), epoch);
    return epoch > epochs_done;
  }
  const auto json = nlohmann::json::parse(line, nullptr, false);
  return is_our_line(line, csv) && json["uid"] == uid && json["epoch"].is_number_integer() &&
         json["epoch"] > epochs_done;
}

Error cannot_write(const std::filesystem::path& path) {
  return work_error(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)),
                    "choose another file with --log");
}

}  // namespace

void TextLog::check(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw input_error(fmt::format("log: there is no folder {}", folder.string()), "make it first, or choose another");
  }
  if (!std::filesystem::exists(path, ignored)) return;
  const std::string text = read_file(path);
  if (!text.empty() && !is_our_line(text.substr(0, text.find('\n')), is_csv(path))) {
    throw input_error(fmt::format("log: {} exists and is no log of denseshift", path.string()), "choose another file");
  }
}

TextLog::TextLog(std::filesystem::path path, LogOwner owner, std::int64_t epochs_done)
    : path_(std::move(path)), owner_(std::move(owner)), csv_(is_csv(path_)), columns_(kFixed) {
  check(path_);
  drop_after(epochs_done);
}

void TextLog::drop_after(std::int64_t epochs_done) {
  std::error_code ignored;
  const std::string before = std::filesystem::exists(path_, ignored) ? read_file(path_) : std::string();
  std::string after;
  bool first = true;
  for (const std::string& line : lines_of(before)) {
    if (csv_ && first) columns_ = fields_of(line);
    if ((csv_ && first) || !is_later(line, csv_, owner_.uid, epochs_done)) after += line + "\n";
    first = false;
  }
  if (csv_ && after.empty()) {
    columns_ = kFixed;
    after = joined(columns_);
  }
  if (after != before) {
    write_file(path_, after);
  } else {
    append("");  // makes the file, or tells now that it cannot be written
  }
}

void TextLog::append(const std::string& lines) {
  const int descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) throw cannot_write(path_);
  std::size_t done = 0;
  while (done < lines.size()) {
    const ::ssize_t written = ::write(descriptor, lines.data() + done, lines.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const Error error = cannot_write(path_);
      ::close(descriptor);
      throw error;
    }
    done += static_cast<std::size_t>(written);
  }
  ::close(descriptor);
}

void TextLog::write(const EpochRecord& record) { append(csv_ ? csv_lines(record) : json_line(record)); }

std::string TextLog::csv_lines(const EpochRecord& record) {
  std::vector<std::string> columns = columns_;
  for (const auto& [split, metrics] : record.splits) {
    for (const auto& [name, value] : metrics) {
      if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    }
  }
  if (columns != columns_) {
    std::vector<std::string> lines = lines_of(read_file(path_));
    std::string text = joined(columns);
    for (std::size_t i = 1; i < lines.size(); ++i) {
      text += lines[i] + std::string(columns.size() - fields_of(lines[i]).size(), ',') + "\n";
    }
    write_file(path_, text);
    columns_ = columns;
  }
  std::string lines;
  for (const auto& [split, metrics] : record.splits) {
    std::vector<std::string> fields(columns_.size());
    const std::vector<std::string> fixed = {std::to_string(owner_.run), owner_.uid, std::to_string(record.epoch), split,
                                            iso_time(record.time)};
    std::copy(fixed.begin(), fixed.end(), fields.begin());
    for (const auto& [name, value] : metrics) {
      const auto column = std::find(columns_.begin(), columns_.end(), name) - columns_.begin();
      if (!std::isnan(value)) fields[static_cast<std::size_t>(column)] = fmt::format("{}", value);
    }
    lines += joined(fields);
  }
  return lines;
}

std::string TextLog::json_line(const EpochRecord& record) const {
  nlohmann::ordered_json json = {
      {"run", owner_.run}, {"uid", owner_.uid}, {"epoch", record.epoch}, {"time", iso_time(record.time)}};
  for (const auto& [split, metrics] : record.splits) {
    json[split] = nlohmann::ordered_json::object();
    for (const auto& [name, value] : metrics) json[split][name] = value;  // not finite: null
  }
  return json.dump() + "\n";
}

}  // namespace denseshift::experiments
