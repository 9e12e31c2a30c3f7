#pragma once
// Metrics of runs against epochs.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/plot/chart.h"
#include "results_db/database.h"

namespace denseshift::experiments {

/// One metric of one run by epoch; a value that was not a number is empty.
struct Curve {
  std::int64_t run = 0;
  std::string name;  ///< of the run, for people
  std::string split;
  std::string metric;
  std::vector<std::pair<std::int64_t, std::optional<double>>> points;
};

/// What to show.
struct CurveOptions {
  std::vector<std::string> metrics;  ///< empty: top1 where a run has it, else loss
  std::vector<std::string> splits;   ///< empty: val, and test where there is no val
};

/// Curves of the runs in their order, then by split and metric. Throws a usage error when a metric or split is given
/// that none of the runs recorded (with the nearest).
[[nodiscard]] std::vector<Curve> load_curves(const results_db::Database& database,
                                             const std::vector<std::int64_t>& runs, const CurveOptions& options);

/// A panel for each metric, a series for each run and split; splits after the first are dashed.
[[nodiscard]] plot::Figure curves_figure(const std::vector<Curve>& curves);

/// Long form: run,name,epoch,split,metric,value.
[[nodiscard]] std::string curves_csv(const std::vector<Curve>& curves);

/// An array with an object for each curve: run, name, split, metric, epochs, values.
[[nodiscard]] std::string curves_json(const std::vector<Curve>& curves);

}  // namespace denseshift::experiments
