#include "cli/commands/runs_common.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <sstream>
#include <string_view>

#include "cli/terminal/table.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

using results_db::Value;

bool is_number(const Value& value) {
  return std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
}

/// Name of the metric in "val/best_top1".
std::string_view metric_of(std::string_view column) {
  if (const std::size_t slash = column.find('/'); slash != std::string_view::npos) column.remove_prefix(slash + 1);
  for (const std::string_view prefix : {"best_", "train_", "mean_", "min_", "max_"}) {
    if (column.starts_with(prefix)) column.remove_prefix(prefix.size());
  }
  return column;
}

}  // namespace

std::vector<std::string> list_option(const boost::program_options::variables_map& values, const std::string& name) {
  std::vector<std::string> items;
  std::istringstream text(text_option(values, name));
  for (std::string item; std::getline(text, item, ',');) {
    const std::size_t first = item.find_first_not_of(' ');
    if (first == std::string::npos) throw usage_error("--" + name + ": an item is empty", "write a,b,c");
    items.push_back(item.substr(first, item.find_last_not_of(' ') - first + 1));
  }
  return items;
}

std::string text_option(const boost::program_options::variables_map& values, const std::string& name) {
  return values.count(name) > 0 ? values[name].as<std::string>() : std::string();
}

std::int64_t count_option(const boost::program_options::variables_map& values, const std::string& name,
                          std::int64_t missing) {
  if (values.count(name) == 0) return missing;
  const auto count = values[name].as<std::int64_t>();
  if (count < 0) throw usage_error("--" + name + ": " + std::to_string(count) + " is negative", "0 means all");
  return count;
}

std::string one_line(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 10) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string format_cell(const std::string& column, const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) {
    const std::string_view metric = metric_of(column);
    if (metric == "duration") return format_duration(*real);
    if (metric == "top1" || metric == "top5" || metric == "mAP" || metric == "AP50" || metric == "mIoU" ||
        metric == "intent_accuracy") {
      return fmt::format("{:.2f}", *real);
    }
    if (metric == "loss") return fmt::format("{:.4f}", *real);
    if (metric == "images_per_second") return fmt::format("{:.1f}", *real);
  }
  const std::string text = one_line(results_db::to_text(value, "-"));
  return text.empty() ? "-" : text;
}

void print_rows(const results_db::ResultTable& table, std::ostream& out) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const bool number = std::ranges::any_of(table.rows, [&](const auto& row) { return is_number(row[i]); }) &&
                        std::ranges::all_of(table.rows, [&](const auto& row) {
                          return is_number(row[i]) || results_db::is_null(row[i]);
                        });
    columns.push_back({one_line(table.columns[i]), number});
  }
  Table text(columns);
  for (const auto& row : table.rows) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < row.size(); ++i) cells.push_back(format_cell(table.columns[i], row[i]));
    text.add(std::move(cells));
  }
  text.print(out);
}

nlohmann::ordered_json rows_to_json(const results_db::ResultTable& table) {
  auto array = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    nlohmann::ordered_json object;
    for (std::size_t i = 0; i < row.size(); ++i) object[table.columns[i]] = results_db::to_json(row[i]);
    array.push_back(std::move(object));
  }
  return array;
}

void print_json(const nlohmann::ordered_json& json, std::ostream& out) { out << results_db::dump(json, 2) << '\n'; }

}  // namespace denseshift::cli
