#include "experiments/report/page/page_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "experiments/report/escape.h"
#include "results_db/query.h"
#include "results_db/statement.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;
using results_db::Statement;
using results_db::Value;

/// Text of a database that may hold anything, at most this long.
std::string bounded(const std::string& text) {
  constexpr std::size_t kMost = 4000;
  if (text.size() <= kMost) return escape_html(text);
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return escape_html(text.substr(0, end)) + fmt::format(" \u2026 ({} bytes more)", text.size() - end);
}

std::string value_text(const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{:.6g}", *real);
  return results_db::to_text(value);
}

/// Values of a curve with six digits: more would double the page.
nlohmann::ordered_json short_value(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  const std::string text = fmt::format("{:.6g}", *value);
  double rounded = 0;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

std::string run_title(const results_db::RunRecord& run) {
  std::string title = run.name;
  if (title.empty()) {
    title = fmt::format("{} {} W{}", results_db::to_text(run.column("arch")), results_db::to_text(run.column("method")),
                        results_db::to_text(run.column("wbits")));
  }
  return fmt::format("{} (seed {})", title, results_db::to_text(run.column("seed"), "-"));
}

}  // namespace

std::vector<std::int64_t> runs_behind_cells(const StudyResult& result) {
  std::vector<std::int64_t> runs;
  std::set<std::int64_t> seen;
  for (const RowResult& row : result.rows) {
    for (const CellResult& cell : row.cells) {
      for (const CellRun& run : cell.runs) {
        if (seen.insert(run.run).second) runs.push_back(run.run);
      }
    }
  }
  return runs;
}

std::vector<std::int64_t> page_runs(const std::vector<StudyResult>& results, const Database& database,
                                    std::size_t most) {
  std::vector<std::int64_t> runs;
  std::set<std::int64_t> seen;
  const auto add = [&](std::int64_t run) {
    if (runs.size() < most && seen.insert(run).second) runs.push_back(run);
  };
  for (const StudyResult& result : results) {
    for (const std::int64_t run : runs_behind_cells(result)) add(run);
  }
  Statement newest(database, "SELECT id FROM runs ORDER BY id DESC LIMIT ?", static_cast<std::int64_t>(most));
  while (newest.step()) add(newest.integer(0));
  return runs;
}

std::string provenance_html(const Database& database, std::int64_t id) {
  const results_db::RunRecord run = results_db::load_run(database, id);
  std::string html =
      fmt::format("<details class=\"run\" id=\"run-{}\"><summary>{} {} <span class=\"status {}\">{}</span>", id, id,
                  bounded(run_title(run)), escape_html(run.status), escape_html(run.status));
  if (const Value top1 = run.column("top1"); !results_db::is_null(top1)) {
    html += fmt::format(" top-1 {} %", escape_html(value_text(top1)));
  }
  html += "</summary><dl>\n";
  const auto pair = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_html(key), bounded(value));
  };
  const auto code = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) html += fmt::format("<dt>{}</dt><dd><code>{}</code></dd>\n", escape_html(key), bounded(value));
  };
  for (const char* column : {"message", "note"}) pair(column, value_text(run.column(column)));
  code("command_line", value_text(run.column("command_line")));
  for (const char* column : {"config_hash", "recipe_hash", "uid"}) code(column, value_text(run.column(column)));
  for (const char* column :
       {"arch", "method", "wbits", "abits", "init", "dataset", "epochs", "seed", "started_at", "ended_at", "duration",
        "host", "cpu", "gpu", "device", "threads", "torch_version", "program_version", "source_revision"}) {
    std::string text = value_text(run.column(column));
    if (std::string_view(column) == "duration" && !text.empty()) text += " s";
    pair(column, text);
  }
  std::string tags;
  for (const std::string& tag : run.tags) tags += fmt::format("{}{}", tags.empty() ? "" : ", ", tag);
  pair("tags", tags);
  html += "</dl></details>\n";
  return html;
}

std::string curves_data(const Database& database, const std::vector<std::int64_t>& runs, const PageOptions& options) {
  using Series = std::vector<std::pair<std::int64_t, std::optional<double>>>;
  auto array = nlohmann::ordered_json::array();
  for (const std::int64_t id : runs) {
    std::map<std::string, Series> curves;
    for (const auto& row : results_db::load_metrics(database, id)) {
      const std::string name = row.split + "/" + row.name;
      if (row.split == "bench") continue;  // a benchmark has no epochs
      if (curves.size() >= options.curves_per_run && !curves.contains(name)) continue;
      curves[name].emplace_back(row.epoch, row.value);
    }
    if (curves.empty()) continue;
    nlohmann::ordered_json object = {{"id", id},
                                     {"title", run_title(results_db::load_run(database, id))},
                                     {"curves", nlohmann::ordered_json::object()}};
    for (const auto& [name, series] : curves) {
      auto epochs = nlohmann::ordered_json::array();
      auto values = nlohmann::ordered_json::array();
      const std::size_t count = std::min(series.size(), std::max<std::size_t>(options.curve_points, 2));
      for (std::size_t i = 0; i < count; ++i) {
        // First and last are always among them.
        const auto& [epoch, value] = series[count < 2 ? 0 : i * (series.size() - 1) / (count - 1)];
        epochs.push_back(epoch);
        values.push_back(short_value(value));
      }
      object["curves"][name] = {std::move(epochs), std::move(values)};
    }
    array.push_back(std::move(object));
  }
  const std::string text = results_db::dump({{"runs", std::move(array)}});
  // "</script>" or "<!--" in a name would end or change the element; in JSON the sign may be written as an escape.
  std::string safe;
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace denseshift::experiments
