#include "experiments/report/figures/trace_data.h"

#include <fmt/format.h>

#include "results_db/statement.h"
#include "results_db/traces.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;
using results_db::Statement;

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
  for (const results_db::WeightTrace& row : results_db::load_weight_traces(database, run)) {
    if (traces.empty() || traces.back().layer != row.layer || traces.back().weight != row.weight) {
      traces.push_back({row.layer, row.weight, {}});
    }
    TracePoint point{row.step, row.epoch, row.value, {}};
    for (const auto& [tensor, value] : row.trained) point.trained[tensor] = value;
    traces.back().points.push_back(std::move(point));
  }
  return traces;
}

std::vector<WeightHistogram> load_histograms(const Database& database, std::int64_t run) {
  std::vector<WeightHistogram> histograms;
  for (const results_db::WeightHistogram& row : results_db::load_weight_histograms(database, run)) {
    histograms.push_back({static_cast<double>(row.epoch), row.layer, row.tensor, row.low, row.high,
                          std::vector<double>(row.counts.begin(), row.counts.end())});
  }
  return histograms;
}

}  // namespace denseshift::experiments
