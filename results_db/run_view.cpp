#include "results_db/run_view.h"

#include <sqlite3.h>

#include "results_db/process.h"
#include "results_db/statement.h"

namespace denseshift::results_db {
namespace {

std::string argument_text(sqlite3_value* value) {
  const unsigned char* text = sqlite3_value_text(value);
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

/// SQL function denseshift_alive(host, boot_id, pid_namespace, pid, process_start, heartbeat_at).
void alive(sqlite3_context* context, int, sqlite3_value** arguments) {
  ProcessIdentity process;
  process.host = argument_text(arguments[0]);
  process.boot_id = argument_text(arguments[1]);
  process.pid_namespace = argument_text(arguments[2]);
  process.pid = sqlite3_value_int64(arguments[3]);
  process.start = sqlite3_value_int64(arguments[4]);
  sqlite3_result_int(context, process_alive(process, argument_text(arguments[5])) ? 1 : 0);
}

constexpr const char* kAlive =
    "denseshift_alive(r.host, r.boot_id, r.pid_namespace, r.pid, r.process_start, r.heartbeat_at)";

std::string expression(const std::string& column) {
  if (column == "status") {
    return std::string("CASE WHEN r.status = 'running' AND NOT ") + kAlive +
           " THEN 'killed' ELSE r.status END AS status";
  }
  if (column == "duration") {
    return std::string(
               "CASE WHEN r.status <> 'running' THEN r.duration ELSE round(coalesce(r.duration, 0) + 86400.0 * ") +
           "(julianday(CASE WHEN " + kAlive +
           " THEN 'now' ELSE r.heartbeat_at END) - julianday(r.active_since)), 3) END AS duration";
  }
  return "r.\"" + column + "\"";
}

}  // namespace

void create_run_view(Database& database) {
  sqlite3_create_function(database.handle(), "denseshift_alive", 6, SQLITE_UTF8, nullptr, alive, nullptr, nullptr);
  std::string columns;
  Statement table(database, "SELECT name FROM main.pragma_table_info('runs')");
  while (table.step()) columns += expression(table.text(0)) + ", ";
  if (columns.empty()) {
    throw input_error(database.path().string() + " is damaged: it has no table of runs",
                      "choose another file with --db");
  }
  database.execute("PRAGMA temp_store=MEMORY");
  const std::string body = " AS SELECT " + columns +
                           "(SELECT group_concat(tag, ',') FROM main.tags AS t WHERE t.run = r.id) AS tags, "
                           "d.config, d.environment, d.dataset AS dataset_fingerprint "
                           "FROM main.runs AS r LEFT JOIN main.run_documents AS d ON d.run = r.id";
  database.execute("CREATE TEMP VIEW run_list" + body);
  // A temporary name hides the table of that name, so ad-hoc queries see the same status as `denseshift runs`.
  if (database.mode() == OpenMode::read_only) database.execute("CREATE TEMP VIEW runs" + body);
}

std::vector<std::string> run_columns(const Database& database) {
  std::vector<std::string> columns;
  Statement table(database, "SELECT name FROM pragma_table_info('run_list')");
  while (table.step()) columns.push_back(table.text(0));
  return columns;
}

}  // namespace denseshift::results_db
