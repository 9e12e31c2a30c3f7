#include "results_db/listing.h"

#include <algorithm>

#include "core/util/suggest.h"
#include "results_db/metric_direction.h"
#include "results_db/run_view.h"
#include "results_db/statement.h"
#include "results_db/user_sql.h"

namespace denseshift::results_db {
namespace {

std::string quoted(const std::string& text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result + quote;
}

bool is_recorded(const Database& database, const std::string& split, const std::string& metric) {
  return Statement(database, "SELECT 1 FROM summary WHERE name = ? AND split = ? LIMIT 1", metric, split).step();
}

/// SQL for a column of run_list or a recorded metric.
std::string column_sql(const Database& database, const std::vector<std::string>& known, const std::string& column,
                       const std::string& option) {
  if (std::ranges::find(known, column) != known.end()) return quoted(column, '"');
  const std::size_t slash = column.find('/');
  const std::string split = slash == std::string::npos ? "val" : column.substr(0, slash);
  const std::string name = slash == std::string::npos ? column : column.substr(slash + 1);
  const auto recorded = [&](const std::string& metric) { return is_recorded(database, split, metric); };
  const auto value = [&](const char* field, const std::string& metric) {
    return std::string("(SELECT s.") + field +
           " FROM summary AS s WHERE s.run = run_list.id AND s.split = " + quoted(split, '\'') +
           " AND s.name = " + quoted(metric, '\'') + ")";
  };
  if (recorded(name)) return value("last", name);
  constexpr std::string_view kBest = "best_";
  if (name.starts_with(kBest) && recorded(name.substr(kBest.size()))) return value("best", name.substr(kBest.size()));
  throw usage_error(option + ": no such column or metric: " + column, suggestion(column, known));
}

std::string where_sql(const std::string& where) {
  if (where.empty()) return "1";
  check_expression(where, "--where");
  return "(\n" + where + "\n)";
}

std::string select_sql(const Database& database, const std::vector<std::string>& known,
                       const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) {
    list +=
        (list.empty() ? "" : ", ") + column_sql(database, known, column, "--columns") + " AS " + quoted(column, '"');
  }
  return list;
}

/// The default columns, and the main metrics of other tasks than classification that the database has.
std::vector<std::string> columns_of_all_tasks(const Database& database) {
  std::vector<std::string> columns = default_list_columns();
  for (const char* metric : {"mAP", "mIoU", "intent_accuracy"}) {
    if (is_recorded(database, "val", metric)) columns.insert(std::ranges::find(columns, "loss"), metric);
  }
  return columns;
}

}  // namespace

const std::vector<std::string>& default_list_columns() {
  static const std::vector<std::string> columns = {"id",     "status", "arch",      "dataset", "method",   "wbits",
                                                   "epochs", "top1",   "best_top1", "loss",    "duration", "name"};
  return columns;
}

ResultTable list_runs(Database& database, const ListOptions& options) {
  const std::vector<std::string> known = run_columns(database);
  const std::vector<std::string> columns = options.columns.empty() ? columns_of_all_tasks(database) : options.columns;
  std::string order = "run_list.id DESC";
  if (!options.sort.empty()) {
    const std::size_t colon = options.sort.find(':');
    const std::string direction = colon == std::string::npos ? "asc" : options.sort.substr(colon + 1);
    if (direction != "asc" && direction != "desc") {
      throw usage_error("--sort: unknown direction '" + direction + "'", "write KEY, KEY:asc or KEY:desc");
    }
    const std::string key = column_sql(database, known, options.sort.substr(0, colon), "--sort");
    order = key + " " + direction + " NULLS LAST, run_list.id DESC";
  }
  std::string sql = "SELECT " + select_sql(database, known, columns) + " FROM run_list WHERE " +
                    where_sql(options.where) + " ORDER BY " + order;
  if (options.limit > 0) sql += " LIMIT " + std::to_string(options.limit);
  return run_user_sql(database, sql, "--where");
}

std::int64_t count_runs(Database& database, const std::string& where) {
  const ResultTable table =
      run_user_sql(database, "SELECT count(*) FROM run_list WHERE " + where_sql(where), "--where");
  return std::get<std::int64_t>(table.rows.at(0).at(0));
}

std::vector<std::int64_t> select_runs(Database& database, const std::string& where) {
  std::vector<std::int64_t> ids;
  const ResultTable table =
      run_user_sql(database, "SELECT id FROM run_list WHERE " + where_sql(where) + " ORDER BY id", "--where");
  for (const Row& row : table.rows) ids.push_back(std::get<std::int64_t>(row.at(0)));
  return ids;
}

ResultTable best_runs(Database& database, const BestOptions& options) {
  const std::vector<std::string> known = run_columns(database);
  const std::string key = column_sql(database, known, options.by, "--by");
  std::vector<std::string> columns = options.columns;
  if (columns.empty()) {
    columns = {"id"};
    columns.insert(columns.end(), options.per.begin(), options.per.end());
    columns.push_back(options.by);
    for (const std::string& column : default_list_columns()) {
      if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    }
  }
  // The ranking reads only the columns it needs, each once; what is shown is looked up for the winners alone.
  const std::string direction = higher_is_better(options.by) ? " DESC" : " ASC";
  std::string scored = "SELECT run_list.id AS best_id, " + key + " AS score";
  std::string group_names;
  for (std::size_t i = 0; i < options.per.size(); ++i) {
    const std::string name = "group_" + std::to_string(i);
    scored += ", " + column_sql(database, known, options.per[i], "--per") + " AS " + name;
    group_names += (i == 0 ? "" : ", ") + name;
  }
  std::string sql = "WITH scored AS MATERIALIZED (" + scored + " FROM run_list WHERE " + where_sql(options.where) +
                    ") SELECT " + select_sql(database, known, columns) + " FROM ";
  if (options.per.empty()) {
    sql += "(SELECT best_id, score FROM scored WHERE score IS NOT NULL ORDER BY score" + direction +
           ", best_id LIMIT " + std::to_string(options.limit > 0 ? options.limit : -1) + ") AS winners";
  } else {
    sql += "(SELECT *, row_number() OVER (PARTITION BY " + group_names + " ORDER BY score" + direction +
           ", best_id) AS place FROM scored WHERE score IS NOT NULL) AS winners";
  }
  sql += " JOIN run_list ON run_list.id = winners.best_id";
  if (!options.per.empty() && options.limit > 0) sql += " WHERE winners.place <= " + std::to_string(options.limit);
  sql += " ORDER BY " + (options.per.empty() ? std::string() : group_names + ", ") + "winners.score" + direction +
         ", winners.best_id";
  return run_user_sql(database, sql, "--where");
}

}  // namespace denseshift::results_db
