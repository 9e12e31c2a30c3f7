#include "results_db/merge.h"

#include <algorithm>
#include <map>

#include "results_db/statement.h"

namespace denseshift::results_db {
namespace {

/// Tables whose rows belong to a run by the column `run`.
constexpr const char* kChildren[] = {"run_documents", "metrics",       "summary",           "artifacts",
                                     "weight_stats",  "weight_traces", "weight_histograms", "tags"};

std::vector<std::string> column_names(const Database& database, const std::string& table) {
  std::vector<std::string> names;
  Statement columns(database, "SELECT name FROM main.pragma_table_info(?)", table);
  while (columns.step()) names.push_back(columns.text(0));
  return names;
}

/// Columns that both files have: an older schema may lack some, which then keep their defaults.
std::vector<std::string> common_columns(const Database& from, const Database& to, const std::string& table) {
  const std::vector<std::string> theirs = column_names(from, table);
  std::vector<std::string> common;
  for (const std::string& name : column_names(to, table)) {
    if (std::ranges::find(theirs, name) != theirs.end()) common.push_back(name);
  }
  return common;
}

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "\"" : ", \"") + name + "\"";
  return list;
}

/// Copies rows of one table that belong to the run, with its new id in `key`.
void copy_rows(const Database& from, const Database& to, const std::string& table, const std::string& key,
               const std::vector<std::string>& columns, std::int64_t old_id, std::int64_t new_id,
               const std::map<std::string, Value>& replaced = {}) {
  std::string marks;
  for (std::size_t i = 0; i < columns.size(); ++i) marks += i ? ", ?" : "?";
  Statement rows(from, "SELECT " + joined(columns) + " FROM main." + table + " WHERE \"" + key + "\" = ?", old_id);
  Statement insert(to, "INSERT INTO main." + table + " (" + joined(columns) + ") VALUES (" + marks + ")");
  while (rows.step()) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const int column = static_cast<int>(i);
      if (columns[i] == key) {
        insert.bind(column + 1, new_id);
      } else if (const auto value = replaced.find(columns[i]); value != replaced.end()) {
        insert.bind(column + 1, value->second);
      } else {
        insert.bind(column + 1, rows.value(column));
      }
    }
    insert.run();
    insert.reset();
  }
}

std::int64_t highest_id(const Database& database) {
  // AUTOINCREMENT remembers the ids of deleted runs, too: their directories may still exist.
  Statement highest(database,
                    "SELECT max(coalesce((SELECT max(id) FROM main.runs), 0), "
                    "coalesce((SELECT seq FROM main.sqlite_sequence WHERE name = 'runs'), 0))");
  highest.step();
  return highest.integer(0);
}

/// The merge proper: plans ids first, then copies.
class Merger {
 public:
  Merger(Database& to, Database& from, const std::optional<std::vector<std::int64_t>>& only)
      : to_(to), from_(from), only_(only) {}

  MergeReport run() {
    plan();
    const std::vector<std::string> run_columns = common_columns(from_, to_, "runs");
    for (const Plan& plan : plans_) {
      copy_rows(from_, to_, "runs", "id", run_columns, plan.old_id, plan.new_id, replaced(plan));
      report_.added.emplace_back(plan.old_id, plan.new_id);
    }
    for (const char* table : kChildren) {
      const std::vector<std::string> columns = common_columns(from_, to_, table);
      if (columns.empty()) continue;
      for (const Plan& plan : plans_) copy_rows(from_, to_, table, "run", columns, plan.old_id, plan.new_id);
    }
    return report_;
  }

 private:
  struct Plan {
    std::int64_t old_id = 0;
    std::int64_t new_id = 0;
    bool killed = false;  ///< recorded as running, but its process is gone
    Value parent;
    Value heartbeat_at;
    Value duration;
  };

  void plan() {
    std::int64_t next = std::max(highest_id(to_), highest_id(from_)) + 1;
    Statement runs(from_, "SELECT id, uid, status, parent, heartbeat_at, duration FROM run_list ORDER BY id");
    while (runs.step()) {
      const std::int64_t old_id = runs.integer(0);
      if (only_ && std::ranges::find(*only_, old_id) == only_->end()) continue;
      Statement present(to_, "SELECT id FROM main.runs WHERE uid = ?", runs.text(1));
      if (present.step()) {
        ids_[old_id] = present.integer(0);
        ++report_.present;
      } else if (runs.text(2) == "running") {
        report_.running.push_back(old_id);  // a copy made now would never get its later epochs
      } else {
        const bool taken = Statement(to_, "SELECT 1 FROM main.runs WHERE id = ?", old_id).step();
        const std::int64_t new_id = taken ? next++ : old_id;
        ids_[old_id] = new_id;
        plans_.push_back({old_id, new_id, runs.text(2) == "killed", runs.value(3), runs.value(4), runs.value(5)});
      }
    }
  }

  std::map<std::string, Value> replaced(const Plan& plan) const {
    std::map<std::string, Value> values;
    if (!is_null(plan.parent)) {
      const auto parent = ids_.find(std::get<std::int64_t>(plan.parent));
      values["parent"] = parent == ids_.end() ? Value() : Value(parent->second);
    }
    if (plan.killed) {
      values["status"] = std::string("killed");
      values["ended_at"] = plan.heartbeat_at;
      values["duration"] = plan.duration;
      values["active_since"] = Value();
    }
    return values;
  }

  Database& to_;
  Database& from_;
  const std::optional<std::vector<std::int64_t>>& only_;
  std::map<std::int64_t, std::int64_t> ids_;
  std::vector<Plan> plans_;
  MergeReport report_;
};

}  // namespace

MergeReport merge(Database& database, const std::filesystem::path& other,
                  const std::optional<std::vector<std::int64_t>>& only) {
  std::error_code code;
  if (std::filesystem::equivalent(database.path(), other, code)) {
    throw usage_error("cannot merge " + other.string() + " into itself", "name another database");
  }
  Database from(other, OpenMode::read_only);
  from.execute("BEGIN");  // one snapshot while other processes may write there
  return in_transaction(database, [&] {
    database.execute("PRAGMA defer_foreign_keys=ON");  // parents and children in any order
    return Merger(database, from, only).run();
  });
}

}  // namespace denseshift::results_db
