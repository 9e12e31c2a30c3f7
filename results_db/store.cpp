#include "results_db/store.h"

#include <random>
#include <set>

#include "core/util/error.h"
#include "results_db/process.h"
#include "results_db/statement.h"
#include "results_db/summary.h"

namespace denseshift::results_db {
namespace {

std::string random_uid() {
  std::random_device entropy;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string uid;
  for (int i = 0; i < 16; ++i) uid += kDigits[entropy() & 15];
  return uid;
}

using Columns = std::vector<std::pair<std::string, Value>>;

/// Columns of `runs` that the configuration and the environment name with their own keys.
void add_documents(const Database& database, const NewRun& run, Columns& columns) {
  std::set<std::string> free;
  Statement table(database, "SELECT name FROM main.pragma_table_info('runs')");
  while (table.step()) free.insert(table.text(0));
  // The store's own columns are taken; so are those that only the run's life may fill.
  for (const char* own : {"id",
                          "message",
                          "run_dir",
                          "parameters",
                          "quantized_weights",
                          "macs",
                          "model_bytes",
                          "epoch",
                          "top1",
                          "top5",
                          "loss",
                          "best_top1",
                          "best_top5",
                          "best_loss",
                          "best_epoch",
                          "train_loss",
                          "train_top1",
                          "images_per_second",
                          "ended_at",
                          "duration"}) {
    free.erase(own);
  }
  for (const auto& [name, value] : columns) free.erase(name);
  // What was found (environment) wins over what was asked for: `threads` 0 and `device` auto say less than the outcome.
  for (const auto* document : {&run.environment, &run.config}) {
    if (!document->is_object()) continue;
    for (const auto& [key, value] : document->items()) {
      if (free.erase(key) != 0) columns.emplace_back(key, from_json(value));
    }
  }
  if (free.contains("dataset") && run.dataset.is_object() && run.dataset.contains("name")) {
    columns.emplace_back("dataset", from_json(run.dataset["name"]));
  }
}

void insert_run(Database& database, const Columns& columns) {
  std::string names;
  std::string marks;
  for (const auto& [name, value] : columns) {
    names += (names.empty() ? "\"" : ", \"") + name + "\"";
    marks += marks.empty() ? "?" : ", ?";
  }
  Statement insert(database, "INSERT INTO main.runs (" + names + ") VALUES (" + marks + ")");
  int index = 0;
  for (const auto& [name, value] : columns) insert.bind(++index, value);
  insert.run();
}

/// Columns and values of the calling process's identity, for `runs`.
Columns identity_columns() {
  const ProcessIdentity process = current_process();
  return {{"host", process.host},
          {"boot_id", process.boot_id},
          {"pid_namespace", process.pid_namespace},
          {"pid", process.pid},
          {"process_start", process.start}};
}

}  // namespace

std::int64_t RunStore::create(const NewRun& run) {
  const std::string now = utc_now();
  const auto text_of = [&](const char* key) {
    return run.config.is_object() && run.config.contains(key) && run.config[key].is_string()
               ? run.config[key].get<std::string>()
               : std::string();
  };
  Columns columns = {{"uid", random_uid()},
                     {"status", "running"},
                     {"command", run.command},
                     {"command_line", run.command_line},
                     {"name", run.name.empty() ? text_of("name") : run.name},
                     {"note", run.note.empty() ? text_of("note") : run.note},
                     {"task", run.task},
                     {"parent", run.parent != 0 ? Value(run.parent) : Value()},
                     {"config_hash", run.config_hash},
                     {"recipe_hash", run.recipe_hash.empty() ? Value() : Value(run.recipe_hash)},
                     {"started_at", now},
                     {"active_since", now},
                     {"heartbeat_at", now}};
  for (const auto& column : identity_columns()) columns.push_back(column);
  add_documents(database_, run, columns);
  const auto document = [](const nlohmann::ordered_json& json) {
    return json.is_null() ? std::string("{}") : dump(json);
  };
  return in_transaction(database_, [&] {
    mark_killed_now();
    insert_run(database_, columns);
    Statement id(database_, "SELECT last_insert_rowid()");
    id.step();
    const std::int64_t run_id = id.integer(0);
    Statement(database_, "INSERT INTO run_documents VALUES (?, ?, ?, ?)", run_id, document(run.config),
              document(run.environment), document(run.dataset))
        .run();
    for (const std::string& tag : run.tags) {
      Statement(database_, "INSERT OR IGNORE INTO tags VALUES (?, ?)", run_id, tag).run();
    }
    return run_id;
  });
}

void RunStore::require(std::int64_t run) {
  Statement found(database_, "SELECT 1 FROM main.runs WHERE id = ?", run);
  if (!found.step()) {
    throw usage_error("there is no run " + std::to_string(run) + " in " + database_.path().string(),
                      "`denseshift runs list` shows the runs");
  }
}

void RunStore::set_directory(std::int64_t run, const std::string& directory) {
  in_transaction(database_, [&] {
    require(run);
    Statement(database_, "UPDATE main.runs SET run_dir = ? WHERE id = ?", directory, run).run();
  });
}

void RunStore::set_model(std::int64_t run, std::int64_t parameters, std::int64_t quantized_weights, std::int64_t macs,
                         std::int64_t bytes) {
  in_transaction(database_, [&] {
    require(run);
    Statement(database_,
              "UPDATE main.runs SET parameters = ?2, quantized_weights = ?3, macs = ?4, model_bytes = ?5 WHERE id = ?1",
              run, parameters, quantized_weights, macs, bytes)
        .run();
  });
}

int RunStore::mark_killed() {
  return in_transaction(database_, [&] { return mark_killed_now(); });
}

int RunStore::mark_killed_now() {
  // The time of death is unknown; the last heartbeat is the latest moment at which the run was certainly alive.
  Statement mark(
      database_,
      "UPDATE main.runs SET status = 'killed', message = 'the process is gone', ended_at = heartbeat_at, "
      "duration = round(coalesce(duration, 0) + 86400.0 * (julianday(heartbeat_at) - julianday(active_since)), 3), "
      "active_since = NULL "
      "WHERE status = 'running' AND NOT "
      "denseshift_alive(host, boot_id, pid_namespace, pid, process_start, heartbeat_at) RETURNING id");
  int count = 0;
  while (mark.step()) ++count;
  return count;
}

void RunStore::change_configuration(std::int64_t run, const nlohmann::ordered_json& config) {
  in_transaction(database_, [&] {
    require(run);
    Statement(database_, "UPDATE run_documents SET config = ? WHERE run = ?", dump(config), run).run();
    Statement(database_, "UPDATE main.runs SET epochs = ?, config_hash = NULL, recipe_hash = NULL WHERE id = ?",
              from_json(config.at("epochs")), run)
        .run();
  });
}

void RunStore::reopen(std::int64_t run) {
  in_transaction(database_, [&] {
    require(run);
    mark_killed_now();
    Statement old(database_, "SELECT status, host, pid FROM main.runs WHERE id = ?", run);
    old.step();
    if (old.text(0) == "running") {
      throw usage_error(
          "run " + std::to_string(run) + " is still running (process " + old.text(2) + " on " + old.text(1) + ")",
          "wait for it, or stop it first");
    }
    Statement update(
        database_,
        "UPDATE main.runs SET status = 'running', message = NULL, ended_at = NULL, active_since = ?2, "
        "heartbeat_at = ?2, host = ?3, boot_id = ?4, pid_namespace = ?5, pid = ?6, process_start = ?7 WHERE id = ?1",
        run, utc_now());
    int index = 2;
    for (const auto& [name, value] : identity_columns()) update.bind(++index, value);
    update.run();
  });
}

void RunStore::heartbeat(std::int64_t run) {
  // Another host may have taken a long silence for death: whoever still beats is alive and takes the status back.
  Statement update(database_,
                   "UPDATE main.runs SET heartbeat_at = ?2, "
                   "active_since = CASE status WHEN 'killed' THEN ?2 ELSE active_since END, "
                   "ended_at = CASE status WHEN 'killed' THEN NULL ELSE ended_at END, "
                   "message = CASE status WHEN 'killed' THEN NULL ELSE message END, "
                   "status = CASE status WHEN 'killed' THEN 'running' ELSE status END "
                   "WHERE id = ?1 AND status IN ('running', 'killed') "
                   "AND host = ?3 AND boot_id = ?4 AND pid_namespace = ?5 AND pid = ?6 AND process_start = ?7",
                   run, utc_now());
  int index = 2;
  for (const auto& [name, value] : identity_columns()) update.bind(++index, value);
  in_transaction(database_, [&] {
    update.reset();
    update.run();
  });
}

void RunStore::record_metrics(std::int64_t run, std::int64_t epoch, const std::string& split,
                              const std::vector<Metric>& metrics) {
  in_transaction(database_, [&] {
    require(run);
    Statement insert(database_, "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?)", run, epoch, split);
    for (const Metric& metric : metrics) {
      insert.bind(4, metric.first);
      insert.bind(5, metric.second);
      insert.run();
      insert.reset();
      if (!extend_summary(database_, run, epoch, split, metric)) rebuild_summary(database_, run, split, metric.first);
    }
    refresh_run(database_, run);
  });
}

void RunStore::record_weight_stats(std::int64_t run, std::int64_t epoch, const std::vector<WeightStat>& stats) {
  in_transaction(database_, [&] {
    require(run);
    for (const WeightStat& stat : stats) {
      Statement(database_, "INSERT OR REPLACE INTO weight_stats VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", run, epoch,
                stat.layer, stat.change_rate, stat.sign_change_rate, stat.shift_change_rate, stat.frozen_fraction,
                stat.distinct_shifts, stat.jump_size, nlohmann::json(stat.histogram).dump())
          .run();
    }
  });
}

void RunStore::record_artifact(std::int64_t run, const Artifact& artifact) {
  in_transaction(database_, [&] {
    require(run);
    Statement(database_, "INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?, ?, ?)", run, artifact.kind,
              artifact.path, artifact.bytes, artifact.sha256, utc_now())
        .run();
  });
}

void RunStore::finish(std::int64_t run, RunStatus status, const std::string& message) {
  constexpr const char* kNames[] = {"running", "finished", "failed", "interrupted"};
  in_transaction(database_, [&] {
    require(run);
    Statement update(database_,
                     "UPDATE main.runs SET status = ?2, ended_at = ?3, heartbeat_at = ?3, "
                     "duration = round(coalesce(duration, 0) + "
                     "coalesce(86400.0 * (julianday(?3) - julianday(active_since)), 0), 3), "
                     "active_since = NULL, message = ?4 WHERE id = ?1",
                     run, kNames[static_cast<int>(status)], utc_now());
    if (!message.empty()) update.bind(4, message);
    update.run();
  });
}

void RunStore::truncate(std::int64_t run, std::int64_t epoch, std::int64_t updates) {
  in_transaction(database_, [&] {
    require(run);
    Statement(database_, "DELETE FROM metrics WHERE run = ? AND epoch >= ?", run, epoch).run();
    Statement(database_, "DELETE FROM weight_stats WHERE run = ? AND epoch >= ?", run, epoch).run();
    Statement(database_, "DELETE FROM weight_histograms WHERE run = ? AND epoch >= ?", run, epoch).run();
    Statement(database_, "DELETE FROM weight_traces WHERE run = ? AND step > ?", run, updates).run();
    std::vector<std::pair<std::string, std::string>> lines;
    Statement summary(database_, "SELECT split, name FROM summary WHERE run = ?", run);
    while (summary.step()) lines.emplace_back(summary.text(0), summary.text(1));
    for (const auto& [split, name] : lines) rebuild_summary(database_, run, split, name);
    refresh_run(database_, run);
  });
}

void RunStore::add_tag(std::int64_t run, const std::string& tag) {
  if (tag.empty() || tag.find(',') != std::string::npos) {
    throw usage_error("a tag is a word without comma", "use several tags instead");
  }
  in_transaction(database_, [&] {
    require(run);
    Statement(database_, "INSERT OR IGNORE INTO tags VALUES (?, ?)", run, tag).run();
  });
}

bool RunStore::remove_tag(std::int64_t run, const std::string& tag) {
  return in_transaction(database_, [&] {
    require(run);
    Statement removed(database_, "DELETE FROM tags WHERE run = ? AND tag = ? RETURNING tag", run, tag);
    const bool found = removed.step();
    removed.run();
    return found;
  });
}

void RunStore::remove(std::int64_t run) {
  in_transaction(database_, [&] {
    require(run);
    mark_killed_now();
    Statement status(database_, "SELECT status FROM main.runs WHERE id = ?", run);
    status.step();
    if (status.text(0) == "running") {
      throw usage_error("run " + std::to_string(run) + " is still running; it was not deleted", "stop it first");
    }
    Statement(database_, "DELETE FROM main.runs WHERE id = ?", run).run();
  });
}

}  // namespace denseshift::results_db
