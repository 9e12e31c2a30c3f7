#include "results_db/mlflow_run.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/util/hash.h"
#include "results_db/metric_direction.h"
#include "results_db/process.h"
#include "results_db/query.h"

namespace denseshift::results_db {
namespace {

constexpr std::size_t kLongestKey = 250;  // MLflow's own limit; file systems allow 255

std::int64_t milliseconds(const Value& time) {
  const double seconds = utc_seconds(to_text(time));
  return std::isfinite(seconds) ? static_cast<std::int64_t>(std::llround(seconds * 1000)) : -1;
}

int status_number(const std::string& status) {
  if (status == "running") return 1;
  if (status == "finished") return 3;
  if (status == "failed") return 4;
  return 5;  // interrupted and killed: MLflow has one word for both
}

/// Name of the user who owns a folder: the database holds hosts, not users.
std::string owner(const std::string& directory) {
  struct stat facts {};
  if (directory.empty() || ::stat(directory.c_str(), &facts) != 0) return {};
  const passwd* user = ::getpwuid(facts.st_uid);
  return user == nullptr ? std::string() : user->pw_name;
}

std::string plain(const nlohmann::ordered_json& json) {
  return json.is_string() ? json.get<std::string>() : dump(json);
}

void add_document(const std::string& prefix, const nlohmann::ordered_json& json,
                  std::map<std::string, std::string>& texts) {
  if (!json.is_object()) {
    if (!json.is_null()) texts[prefix] = plain(json);
    return;
  }
  for (const auto& [key, value] : json.items()) {
    const std::string part = mlflow_key(key);
    add_document(prefix.empty() ? part : prefix + "." + part, value, texts);
  }
}

/// MLflow reads what Python's float() reads.
std::string number(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : "nan"; }

std::string line(std::int64_t time, const std::string& value, std::int64_t step) {
  return fmt::format("{} {} {}\n", time, value, step);
}

void add_metrics(const Database& database, const RunRecord& record, MlflowRun& run) {
  const std::vector<MetricRow> rows = load_metrics(database, record.id);
  const std::int64_t last = std::max({run.start, run.end, milliseconds(record.column("heartbeat_at"))});
  const auto time_of = [&](std::int64_t epoch) {
    const std::int64_t first_epoch = rows.front().epoch;
    const double parts = static_cast<double>(rows.back().epoch - first_epoch + 1);
    const double share = static_cast<double>(epoch - first_epoch + 1) / parts;
    return run.start + static_cast<std::int64_t>(share * static_cast<double>(last - run.start));
  };
  // Two names may become the same key; the second gets a key of its own.
  std::map<std::pair<std::string, std::string>, std::string> keys;
  const auto key_of = [&](const std::string& split, const std::string& name) -> const std::string& {
    const auto [entry, added] = keys.try_emplace({split, name});
    if (added) {
      entry->second = mlflow_key(split) + "/" + mlflow_key(name);
      while (run.metrics.count(entry->second) > 0) entry->second += '_';
    }
    return entry->second;
  };
  for (const MetricRow& row : rows) {
    run.metrics[key_of(row.split, row.name)] += line(time_of(row.epoch), number(row.value), row.epoch);
  }
  for (const SummaryRow& row : load_summary(database, record.id)) {
    if (!row.best || !row.best_epoch || rows.empty() || measures_time(row.name)) continue;
    run.metrics[key_of(row.split, "best_" + row.name)] +=
        line(time_of(*row.best_epoch), number(row.best), *row.best_epoch);
  }
  for (const char* fact : {"parameters", "quantized_weights", "macs", "model_bytes"}) {
    if (const std::string value = to_text(record.column(fact)); !value.empty()) {
      run.metrics[std::string("model/") + fact] = line(run.start, value, 0);
    }
  }
}

/// The hexadecimal beginning of "0123abcd-dirty"; empty for "unknown".
std::string commit_of(const std::string& revision) {
  const std::string commit = revision.substr(0, revision.find('-'));
  const bool digits =
      std::ranges::all_of(commit, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return digits ? commit : std::string();
}

void add_tags(const Database& database, const RunRecord& record, MlflowRun& run) {
  const auto add = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) run.tags[key] = value;
  };
  add("mlflow.runName", run.name);
  add("mlflow.user", run.user);
  add("mlflow.source.name", "denseshift");
  add("mlflow.source.type", "LOCAL");
  add("mlflow.source.git.commit", commit_of(to_text(record.column("source_revision"))));
  add("mlflow.note.content", to_text(record.column("note")));
  add("denseshift.id", std::to_string(record.id));
  for (const char* column :
       {"uid", "status", "message", "command", "command_line", "task", "run_dir", "config_hash", "host", "duration"}) {
    add(std::string("denseshift.") + column, to_text(record.column(column)));
  }
  std::string tags;
  for (const std::string& tag : record.tags) tags += (tags.empty() ? "" : ",") + tag;
  add("denseshift.tags", tags);
  if (record.parent != 0) add("denseshift.parent", mlflow_uuid(load_run(database, record.parent).uid));
  add_document("denseshift.environment", record.environment, run.tags);
  add_document("denseshift.dataset", record.dataset, run.tags);
  for (const Artifact& artifact : load_current_artifacts(database, record.id)) {
    run.tags["denseshift.artifact." + mlflow_key(artifact.kind)] = artifact.path;
    run.tags["denseshift.sha256." + mlflow_key(artifact.kind)] = artifact.sha256;
  }
}

}  // namespace

std::string mlflow_uuid(const std::string& uid) {
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  constexpr std::size_t kDigits = 32;
  if (uid.size() == kDigits && std::ranges::all_of(uid, hexadecimal)) return uid;
  return sha256(uid.data(), uid.size()).substr(0, kDigits);
}

std::string mlflow_key(const std::string& text) {
  std::string key = text.substr(0, kLongestKey);
  for (char& c : key) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                         c == '-' || c == '.' || c == ' ';
    if (!allowed) c = '_';
  }
  // "." and ".." are folders, and nothing is no name.
  return std::ranges::all_of(key, [](char c) { return c == '.'; }) ? std::string(key.size() + 1, '_') : key;
}

std::string yaml_text(const std::string& text) {
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    clean += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  // What JSON quotes, YAML reads. dump() replaces what is not UTF-8, but these are UTF-8 that YAML does not allow or
  // takes for line breaks: the upper control characters, U+2028, U+2029, U+FFFE and U+FFFF.
  std::string quoted = dump(clean);
  for (std::size_t i = 0; i + 1 < quoted.size(); ++i) {
    const std::string_view two = std::string_view(quoted).substr(i, 2);
    const std::string_view three = std::string_view(quoted).substr(i, 3);
    if (two[0] == '\xc2' && static_cast<unsigned char>(two[1]) <= 0x9f) quoted.replace(i, 2, " ");
    if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9" || three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf") {
      quoted.replace(i, 3, " ");
    }
  }
  return quoted;
}

MlflowRun mlflow_run(const Database& database, std::int64_t id) {
  const RunRecord record = load_run(database, id);
  MlflowRun run;
  run.uuid = mlflow_uuid(record.uid);
  const std::string dataset = to_text(record.column("dataset"));
  run.experiment = record.task.empty() ? dataset : dataset.empty() ? record.task : dataset + " " + record.task;
  if (run.experiment.empty()) run.experiment = "denseshift";
  run.name = record.name.empty() ? fmt::format("{} {}", record.command, id) : record.name;
  run.status = status_number(record.status);
  run.start = std::max<std::int64_t>(milliseconds(record.column("started_at")), 0);
  if (record.status != "running") {
    run.end = milliseconds(record.column("ended_at"));
    // A run whose process died has no end; its last sign of life is the nearest to it.
    if (run.end < 0) run.end = std::max(run.start, milliseconds(record.column("heartbeat_at")));
  }
  run.user = owner(record.run_dir);
  if (record.config.is_object()) add_document("", record.config, run.params);
  add_metrics(database, record, run);
  add_tags(database, record, run);
  return run;
}

}  // namespace denseshift::results_db
