#include "experiments/report/figures/study_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "core/util/error.h"
#include "core/util/suggest.h"
#include "experiments/report/figures/accuracy_bits.h"
#include "experiments/report/figures/dynamics.h"
#include "experiments/report/figures/start.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;

/// Runs behind the cells, each once, oldest first.
std::vector<std::int64_t> runs_behind(const StudyResult& result) {
  std::vector<std::int64_t> runs;
  for (const RowResult& row : result.rows) {
    for (const CellResult& cell : row.cells) {
      for (const CellRun& run : cell.runs) runs.push_back(run.run);
    }
  }
  std::ranges::sort(runs);
  const auto rest = std::ranges::unique(runs);
  runs.erase(rest.begin(), rest.end());
  return runs;
}

/// The layer in the middle of those recorded: the first and the last ones are small or special.
template <class Records>
Records of_middle_layer(const Records& records) {
  std::vector<std::string> layers;
  for (const auto& record : records) {
    if (std::ranges::find(layers, record.layer) == layers.end()) layers.push_back(record.layer);
  }
  Records chosen;
  for (const auto& record : records) {
    if (record.layer == layers[layers.size() / 2]) chosen.push_back(record);
  }
  return chosen;
}

/// Histograms of one tensor: the one that decides the magnitude, where there are several.
std::vector<WeightHistogram> of_one_tensor(const std::vector<WeightHistogram>& histograms) {
  if (histograms.empty()) return {};
  std::string tensor = histograms.front().tensor;
  for (const WeightHistogram& h : histograms) {
    if (h.tensor == "shift" || h.tensor == "weight") tensor = h.tensor;
  }
  std::vector<WeightHistogram> chosen;
  std::ranges::copy_if(histograms, std::back_inserter(chosen), [&](const auto& h) { return h.tensor == tensor; });
  return chosen;
}

plot::Figure dynamics(const StudyResult& result, const Database* database) {
  std::optional<TracedRun> histogram_run;
  std::optional<TracedRun> trace_run;
  std::vector<WeightHistogram> histograms;
  std::vector<WeightTrace> traces;
  if (database != nullptr) {
    for (const TracedRun& run : describe_runs(*database, runs_behind(result))) {
      if (run.method != "denseshift" && histograms.empty()) {
        histograms = of_one_tensor(of_middle_layer(load_histograms(*database, run.run)));
        histogram_run = run;
      }
      if (run.method == "denseshift" && run.wbits >= 3 && traces.empty()) {
        traces = of_middle_layer(load_traces(*database, run.run));
        trace_run = run;
      }
    }
  }
  return dynamics_figure(result.title, result.study, histogram_run, histograms, trace_run, traces);
}

plot::Figure start(const StudyResult& result, const Database* database) {
  StartTraces kaiming;
  StartTraces lvr;
  if (database != nullptr) {
    for (const TracedRun& run : describe_runs(*database, runs_behind(result))) {
      // `auto` is the method's own start, which for DenseShift is LVR.
      StartTraces& side = run.init == "kaiming" ? kaiming : lvr;
      if (!side.traces.empty()) continue;
      side = {run, of_middle_layer(load_traces(*database, run.run))};
    }
  }
  return start_figure(result.title, result.study, kaiming, lvr);
}

using Draw = std::function<plot::Figure(const StudyResult&, const Database*)>;

const std::map<std::string, Draw>& figures() {
  static const std::map<std::string, Draw> table = {
      {"accuracy-bits", [](const StudyResult& result, const Database*) { return accuracy_bits_figure(result); }},
      {"dynamics", dynamics},
      {"start", start},
  };
  return table;
}

}  // namespace

const std::vector<std::string>& figure_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> keys;
    for (const auto& [name, draw] : figures()) keys.push_back(name);
    return keys;
  }();
  return names;
}

plot::Figure study_figure(const StudyResult& result, const Database* database) {
  if (result.figure.empty()) {
    throw usage_error(fmt::format("{} is a table and has no drawing", result.study),
                      "formats svg and png are for fig1, fig4 and fig5; `denseshift report curves` draws runs");
  }
  const auto found = figures().find(result.figure);
  if (found == figures().end()) {
    throw usage_error(fmt::format("{}: figure: unknown name '{}'", result.study, result.figure),
                      suggestion(result.figure, figure_names()));
  }
  return found->second(result, database);
}

}  // namespace denseshift::experiments
