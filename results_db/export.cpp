#include "results_db/export.h"

#include <fmt/format.h>

#include "core/util/suggest.h"
#include "results_db/query.h"
#include "results_db/sqlite_error.h"
#include "results_db/statement.h"
#include "results_db/traces.h"

namespace denseshift::results_db {
namespace {

/// Rows of a child table as objects without the run's id. Text in `parsed` columns is JSON already.
nlohmann::ordered_json child_rows(const Database& database, const std::string& sql, std::int64_t run,
                                  const std::string& parsed = {}) {
  auto array = nlohmann::ordered_json::array();
  const ResultTable table = read_table(database, sql, run);
  for (const Row& row : table.rows) {
    nlohmann::ordered_json object;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_json = table.columns[i] == parsed;
      object[table.columns[i]] =
          is_json ? nlohmann::ordered_json::parse(to_text(row[i]), nullptr, false) : to_json(row[i]);
    }
    array.push_back(std::move(object));
  }
  return array;
}

nlohmann::ordered_json trace_rows(const Database& database, std::int64_t run) {
  auto array = nlohmann::ordered_json::array();
  for (const WeightTrace& trace : load_weight_traces(database, run)) {
    nlohmann::ordered_json trained = nlohmann::ordered_json::object();
    for (const auto& [name, value] : trace.trained) trained[name] = value;
    array.push_back({{"layer", trace.layer},
                     {"weight", trace.weight},
                     {"step", trace.step},
                     {"epoch", trace.epoch},
                     {"value", trace.value},
                     {"trained", std::move(trained)}});
  }
  return array;
}

nlohmann::ordered_json histogram_rows(const Database& database, std::int64_t run) {
  auto array = nlohmann::ordered_json::array();
  for (const WeightHistogram& h : load_weight_histograms(database, run)) {
    array.push_back({{"epoch", h.epoch},
                     {"layer", h.layer},
                     {"tensor", h.tensor},
                     {"low", h.low},
                     {"high", h.high},
                     {"counts", h.counts}});
  }
  return array;
}

}  // namespace

const std::vector<std::string>& export_tables() {
  static const std::vector<std::string> tables = {"runs",          "metrics",           "epochs",
                                                  "summary",       "artifacts",         "weight_stats",
                                                  "weight_traces", "weight_histograms", "tags"};
  return tables;
}

void export_csv(Database& database, const std::string& table, const std::vector<std::int64_t>& runs,
                const TextSink& sink) {
  bool known = false;
  for (const std::string& name : export_tables()) known = known || name == table;
  if (!known) throw usage_error("--table: unknown table '" + table + "'", suggestion(table, export_tables()));
  if (!Statement(database, "SELECT 1 FROM main.sqlite_master WHERE name = ?", table).step()) {
    throw input_error(fmt::format("{} has no table {}: an older denseshift wrote it", database.path().string(), table),
                      "a command that writes, such as `denseshift train`, brings it up to date");
  }
  // For `runs` the view with the present status; its JSON texts stay, as quoted fields.
  const std::string sql =
      table == "runs" ? "SELECT * FROM run_list WHERE id = ?" : "SELECT * FROM main." + table + " WHERE run = ?";
  const auto write_line = [&](std::size_t count, const auto& field) {
    std::string line;
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) line += ',';
      line += csv_field(field(i));
    }
    line += '\n';
    sink(line);
  };
  constexpr std::int64_t kNoRun = -1;
  const ResultTable head = read_table(database, sql, kNoRun);
  write_line(head.columns.size(), [&](std::size_t i) { return head.columns[i]; });
  for (const std::int64_t run : runs) {
    for (const Row& row : read_table(database, sql, run).rows) {
      write_line(row.size(), [&](std::size_t i) { return to_text(row[i]); });
    }
  }
}

nlohmann::ordered_json run_to_json(const Database& database, std::int64_t run, TraceRows rows) {
  const RunRecord record = load_run(database, run);
  nlohmann::ordered_json object;
  for (const auto& [column, value] : record.columns) object[column] = to_json(value);
  object["tags"] = record.tags;
  object["config"] = record.config;
  object["environment"] = record.environment;
  object["dataset_fingerprint"] = record.dataset;
  object["summary"] = child_rows(
      database,
      "SELECT split, name, last_epoch, last, best_epoch, best FROM summary WHERE run = ? ORDER BY split, name", run);
  object["metrics"] = child_rows(
      database, "SELECT epoch, split, name, value FROM metrics WHERE run = ? ORDER BY epoch, split, name", run);
  object["artifacts"] = child_rows(
      database, "SELECT kind, path, bytes, sha256, recorded_at FROM artifacts WHERE run = ? ORDER BY kind, path", run);
  object["weight_stats"] = child_rows(database,
                                      "SELECT epoch, layer, change_rate, sign_change_rate, shift_change_rate, "
                                      "frozen_fraction, distinct_shifts, jump_size, "
                                      "histogram FROM weight_stats WHERE run = ? ORDER BY epoch, layer",
                                      run, "histogram");
  if (rows == TraceRows::counts) {
    const TraceCounts counts = count_traces(database, run);
    object["traces"] = {{"layers", counts.layers},
                        {"weights", counts.weights},
                        {"steps", counts.steps},
                        {"histograms", counts.histograms}};
    return object;
  }
  object["weight_traces"] = trace_rows(database, run);
  object["weight_histograms"] = histogram_rows(database, run);
  return object;
}

void export_json(Database& database, const std::vector<std::int64_t>& runs, const TextSink& sink) {
  sink("[");
  bool first = true;
  for (const std::int64_t run : runs) {
    sink(first ? "\n" : ",\n");
    sink(dump(run_to_json(database, run)));
    first = false;
  }
  sink(first ? "]\n" : "\n]\n");
}

}  // namespace denseshift::results_db
