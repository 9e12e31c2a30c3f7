#include "results_db/compare.h"

#include <algorithm>

#include "results_db/query.h"

namespace denseshift::results_db {
namespace {

using Entries = std::vector<std::pair<std::string, Value>>;

void flatten(const nlohmann::ordered_json& json, const std::string& prefix, Entries& entries) {
  if (!json.is_object()) {
    entries.emplace_back(prefix, from_json(json));
    return;
  }
  for (const auto& [key, value] : json.items()) flatten(value, prefix.empty() ? key : prefix + "." + key, entries);
}

Entries flatten(const nlohmann::ordered_json& json) {
  Entries entries;
  flatten(json, "", entries);
  return entries;
}

Entries columns(const RunRecord& run, const std::vector<std::string>& names) {
  Entries entries;
  for (const std::string& name : names) entries.emplace_back(name, run.column(name));
  return entries;
}

Entries metrics(const Database& database, std::int64_t run) {
  Entries entries;
  const auto value = [](const std::optional<double>& number) { return number ? Value(*number) : Value(); };
  for (const SummaryRow& row : load_summary(database, run)) {
    entries.emplace_back(row.split + "/" + row.name, value(row.last));
    entries.emplace_back(row.split + "/best_" + row.name, value(row.best));
  }
  return entries;
}

Value find(const Entries& entries, const std::string& key) {
  const auto entry = std::ranges::find(entries, key, &Entries::value_type::first);
  return entry == entries.end() ? Value() : entry->second;
}

void compare(const std::string& section, const Entries& a, const Entries& b, std::vector<Difference>& differences) {
  for (const auto& [key, value] : a) {
    if (const Value other = find(b, key); other != value) differences.push_back({section, key, value, other});
  }
  for (const auto& [key, value] : b) {
    const bool only_here = std::ranges::find(a, key, &Entries::value_type::first) == a.end();
    if (only_here && !is_null(value)) differences.push_back({section, key, {}, value});
  }
}

}  // namespace

std::vector<Difference> compare_runs(const Database& database, std::int64_t a, std::int64_t b) {
  const RunRecord left = load_run(database, a);
  const RunRecord right = load_run(database, b);
  static const std::vector<std::string> kRun = {"status", "message", "command", "name",
                                                "note",   "task",    "parent",  "duration"};
  static const std::vector<std::string> kModel = {"parameters", "quantized_weights", "macs", "model_bytes"};
  std::vector<Difference> differences;
  compare("run", columns(left, kRun), columns(right, kRun), differences);
  compare("config", flatten(left.config), flatten(right.config), differences);
  Entries environment_a = flatten(left.environment);
  Entries environment_b = flatten(right.environment);
  // The host is the store's own finding; environments recorded without it still differ by it.
  for (auto* side : {&environment_a, &environment_b}) {
    if (std::ranges::find(*side, std::string("host"), &Entries::value_type::first) == side->end()) {
      side->emplace_back("host", (side == &environment_a ? left : right).column("host"));
    }
  }
  compare("environment", environment_a, environment_b, differences);
  compare("dataset", flatten(left.dataset), flatten(right.dataset), differences);
  compare("model", columns(left, kModel), columns(right, kModel), differences);
  compare("metrics", metrics(database, a), metrics(database, b), differences);
  return differences;
}

}  // namespace denseshift::results_db
