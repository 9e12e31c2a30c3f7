#include "results_db/query.h"

#include <algorithm>
#include <limits>

#include "core/util/suggest.h"
#include "results_db/statement.h"

namespace denseshift::results_db {
namespace {

constexpr const char* kListHint = "`denseshift runs list` shows the runs";

std::optional<double> optional_real(const Statement& statement, int column) {
  if (statement.is_null(column)) return std::nullopt;
  return statement.real(column);
}

/// A damaged document must not hide the rest of the run.
nlohmann::ordered_json parse_document(const std::string& text) {
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  return json.is_discarded() ? nlohmann::ordered_json(text) : json;
}

/// The only id among the rows, 0 without any. Throws when there are several.
std::int64_t only_id(Statement& statement, const std::string& reference) {
  std::vector<std::int64_t> ids;
  while (statement.step()) ids.push_back(statement.integer(0));
  if (ids.empty()) return 0;
  if (ids.size() == 1) return ids.front();
  std::string list;
  constexpr std::size_t kShown = 8;
  for (std::size_t i = 0; i < std::min(ids.size(), kShown); ++i) list += (i ? ", " : "") + std::to_string(ids[i]);
  if (ids.size() > kShown) list += ", ...";
  throw usage_error("'" + reference + "' may mean several runs: " + list, "give the id");
}

}  // namespace

std::int64_t resolve_run(const Database& database, const std::string& reference) {
  if (reference == "last") {
    Statement last(database, "SELECT max(id) FROM main.runs");
    last.step();
    if (last.is_null(0))
      throw usage_error("there are no runs in " + database.path().string(), "`denseshift train` makes one");
    return last.integer(0);
  }
  constexpr std::size_t kIdDigits = 18;  // more do not fit 64 bits; a uid may consist of digits only
  if (!reference.empty() && reference.size() <= kIdDigits &&
      std::ranges::all_of(reference, [](char c) { return c >= '0' && c <= '9'; })) {
    const std::int64_t id = std::stoll(reference);
    if (Statement(database, "SELECT 1 FROM main.runs WHERE id = ?", id).step()) return id;
  }
  if (!reference.empty()) {
    Statement exact(database, "SELECT id FROM main.runs WHERE name = ?1 OR uid = ?1 ORDER BY id", reference);
    if (const std::int64_t id = only_id(exact, reference); id != 0) return id;
    // Not LIKE: '%' and '_' in a name mean themselves. The upper end of the uid's range is past every hexadecimal
    // digit.
    Statement prefix(
        database,
        "SELECT id FROM main.runs WHERE substr(name, 1, length(?1)) = ?1 "
        "UNION SELECT id FROM main.runs WHERE length(?1) >= 4 AND uid >= ?1 AND uid < ?1 || 'g' ORDER BY 1",
        reference);
    if (const std::int64_t id = only_id(prefix, reference); id != 0) return id;
  }
  std::vector<std::string> names;
  Statement name(database, "SELECT DISTINCT name FROM main.runs WHERE name <> ''");
  while (name.step()) names.push_back(name.text(0));
  const std::string near = nearest(reference, names);
  throw usage_error("there is no run '" + reference + "' in " + database.path().string(),
                    near.empty() ? kListHint : "did you mean " + near + "?");
}

std::int64_t find_recipe_run(const Database& database, const std::string& recipe_hash, std::uint64_t seed) {
  // The column holds an integer, or text beyond the range of SQLite's integers; both compare with their decimal text.
  Statement run(
      database,
      "SELECT max(id) FROM main.runs WHERE recipe_hash = ? AND CAST(seed AS TEXT) = ? AND status = 'finished'",
      recipe_hash, std::to_string(seed));
  run.step();
  return run.is_null(0) ? 0 : run.integer(0);
}

Value RunRecord::column(const std::string& wanted) const {
  for (const auto& [column, value] : columns) {
    if (column == wanted) return value;
  }
  return {};
}

RunRecord load_run(const Database& database, std::int64_t run) {
  Statement row(database, "SELECT * FROM run_list WHERE id = ?", run);
  if (!row.step()) {
    throw usage_error("there is no run " + std::to_string(run) + " in " + database.path().string(), kListHint);
  }
  RunRecord record;
  for (int i = 0; i < row.columns(); ++i) {
    const std::string name = row.column_name(i);
    if (name == "config") {
      record.config = parse_document(row.text(i));
    } else if (name == "environment") {
      record.environment = parse_document(row.text(i));
    } else if (name == "dataset_fingerprint") {
      record.dataset = parse_document(row.text(i));
    } else if (name != "tags") {
      record.columns.emplace_back(name, row.value(i));
    }
  }
  const auto text = [&](const char* name) { return to_text(record.column(name)); };
  record.id = run;
  record.uid = text("uid");
  record.status = text("status");
  record.message = text("message");
  record.command = text("command");
  record.name = text("name");
  record.task = text("task");
  record.run_dir = text("run_dir");
  record.config_hash = text("config_hash");
  if (const Value parent = record.column("parent"); !is_null(parent)) record.parent = std::get<std::int64_t>(parent);
  Statement tags(database, "SELECT tag FROM tags WHERE run = ? ORDER BY tag", run);
  while (tags.step()) record.tags.push_back(tags.text(0));
  return record;
}

std::vector<MetricRow> load_metrics(const Database& database, std::int64_t run, const std::string& split,
                                    const std::string& name) {
  std::vector<MetricRow> rows;
  Statement statement(database,
                      "SELECT epoch, split, name, value FROM metrics WHERE run = ?1 AND (?2 = '' OR split = ?2) "
                      "AND (?3 = '' OR name = ?3) ORDER BY epoch, split, name",
                      run, split, name);
  while (statement.step()) {
    rows.push_back({statement.integer(0), statement.text(1), statement.text(2), optional_real(statement, 3)});
  }
  return rows;
}

std::vector<SummaryRow> load_summary(const Database& database, std::int64_t run) {
  std::vector<SummaryRow> rows;
  Statement statement(
      database,
      "SELECT split, name, last_epoch, last, best_epoch, best FROM summary WHERE run = ? ORDER BY split, name", run);
  while (statement.step()) {
    SummaryRow row{statement.text(0), statement.text(1), statement.integer(2), optional_real(statement, 3), {}, {}};
    if (!statement.is_null(4)) row.best_epoch = statement.integer(4);
    row.best = optional_real(statement, 5);
    rows.push_back(row);
  }
  return rows;
}

std::vector<Artifact> load_artifacts(const Database& database, std::int64_t run) {
  std::vector<Artifact> artifacts;
  Statement statement(database, "SELECT kind, path, bytes, sha256 FROM artifacts WHERE run = ? ORDER BY kind, path",
                      run);
  while (statement.step()) {
    artifacts.push_back({statement.text(0), statement.text(1), statement.integer(2), statement.text(3)});
  }
  return artifacts;
}

std::vector<Artifact> load_current_artifacts(const Database& database, std::int64_t run) {
  std::vector<Artifact> artifacts;
  Statement statement(
      database, "SELECT kind, path, bytes, sha256 FROM artifacts WHERE run = ? ORDER BY kind, recorded_at, path", run);
  while (statement.step()) {
    const std::string kind = statement.text(0);
    if (kind.starts_with("checkpoint-") && !artifacts.empty() && artifacts.back().kind == kind) artifacts.pop_back();
    artifacts.push_back({kind, statement.text(1), statement.integer(2), statement.text(3)});
  }
  return artifacts;
}

std::pair<std::int64_t, std::vector<WeightStat>> load_last_weight_stats(const Database& database, std::int64_t run) {
  std::pair<std::int64_t, std::vector<WeightStat>> result{-1, {}};
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  Statement statement(
      database,
      "SELECT epoch, layer, change_rate, sign_change_rate, shift_change_rate, frozen_fraction, distinct_shifts, "
      "jump_size, histogram FROM weight_stats WHERE run = ?1 AND epoch = "
      "(SELECT max(epoch) FROM weight_stats WHERE run = ?1) ORDER BY layer",
      run);
  while (statement.step()) {
    result.first = statement.integer(0);
    const auto number = [&](int column) { return optional_real(statement, column).value_or(kNan); };
    WeightStat stat{statement.text(1), {}, number(2), number(3), number(4), number(5), number(6), number(7)};
    const auto histogram = nlohmann::json::parse(statement.text(8), nullptr, false);
    if (histogram.is_array()) {
      for (const auto& count : histogram)
        stat.histogram.push_back(count.is_number_integer() ? count.get<std::int64_t>() : 0);
    }
    result.second.push_back(stat);
  }
  return result;
}

std::vector<std::pair<std::string, std::int64_t>> load_tags(const Database& database) {
  std::vector<std::pair<std::string, std::int64_t>> tags;
  Statement statement(database, "SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY tag");
  while (statement.step()) tags.emplace_back(statement.text(0), statement.integer(1));
  return tags;
}

ResultTable read_table(const Database& database, const std::string& sql, std::int64_t run) {
  ResultTable table;
  Statement statement(database, sql, run);
  for (int i = 0; i < statement.columns(); ++i) table.columns.push_back(statement.column_name(i));
  while (statement.step()) table.rows.push_back(statement.row());
  return table;
}

}  // namespace denseshift::results_db
