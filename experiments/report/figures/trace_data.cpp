#include "experiments/report/figures/trace_data.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "results_db/query.h"
#include "results_db/statement.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;
using results_db::Statement;

/// A database that an older program wrote, opened read-only, lacks the newest tables.
bool has_table(const Database& database, const char* name) {
  Statement find(database, "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?", name);
  return find.step();
}

std::map<std::string, double> numbers_of(const std::string& text) {
  std::map<std::string, double> numbers;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return numbers;
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) numbers[name] = value.get<double>();
  }
  return numbers;
}

std::vector<double> counts_of(const std::string& text) {
  std::vector<double> counts;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return counts;
  for (const auto& value : json) counts.push_back(value.is_number() ? value.get<double>() : 0);
  return counts;
}

}  // namespace

std::vector<TracedRun> describe_runs(const Database& database, const std::vector<std::int64_t>& runs) {
  std::vector<TracedRun> described;
  for (auto id = runs.rbegin(); id != runs.rend(); ++id) {
    Statement row(database, "SELECT method, wbits, init, dataset FROM runs WHERE id = ?", *id);
    if (!row.step()) continue;
    TracedRun run{*id, row.text(0), row.integer(1), row.text(2), {}};
    run.title = fmt::format("run {}: {}, {} bits, {}", *id, run.method, run.wbits, row.text(3));
    described.push_back(std::move(run));
  }
  return described;
}

std::vector<WeightTrace> load_traces(const Database& database, std::int64_t run) {
  std::vector<WeightTrace> traces;
  if (!has_table(database, "weight_traces")) return traces;
  Statement rows(database,
                 "SELECT layer, weight, step, epoch, value, trained FROM weight_traces WHERE run = ? "
                 "ORDER BY layer, weight, step",
                 run);
  while (rows.step()) {
    const std::string layer = rows.text(0);
    const std::int64_t weight = rows.integer(1);
    if (traces.empty() || traces.back().layer != layer || traces.back().weight != weight) {
      traces.push_back({layer, weight, {}});
    }
    traces.back().points.push_back({rows.integer(2), rows.real(3), rows.real(4), numbers_of(rows.text(5))});
  }
  return traces;
}

std::vector<WeightHistogram> load_histograms(const Database& database, std::int64_t run) {
  std::vector<WeightHistogram> histograms;
  if (!has_table(database, "weight_histograms")) return histograms;
  Statement rows(database,
                 "SELECT epoch, layer, tensor, low, high, counts FROM weight_histograms WHERE run = ? "
                 "ORDER BY layer, tensor, epoch",
                 run);
  while (rows.step()) {
    histograms.push_back(
        {rows.real(0), rows.text(1), rows.text(2), rows.real(3), rows.real(4), counts_of(rows.text(5))});
  }
  return histograms;
}

}  // namespace denseshift::experiments
