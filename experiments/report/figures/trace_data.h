#pragma once
// What figures draw of weights during training, as plain data: the content of the tables weight_traces and
// weight_histograms for one run.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "results_db/database.h"

namespace denseshift::experiments {

/// One weight at one step.
struct TracePoint {
  std::int64_t step = 0;
  double epoch = 0;
  double value = 0;                       ///< the quantized weight
  std::map<std::string, double> trained;  ///< the trained tensors behind it: {"w_sign": 0.1, "w_1": -0.2}
};

/// One weight over training, by step.
struct WeightTrace {
  std::string layer;
  std::int64_t weight = 0;  ///< flat index in the layer
  std::vector<TracePoint> points;
};

/// Histogram of a trained tensor after one epoch.
struct WeightHistogram {
  double epoch = 0;
  std::string layer;
  std::string tensor;
  double low = 0;   ///< left edge of the first bin
  double high = 0;  ///< right edge of the last bin
  std::vector<double> counts;
};

/// The run that a figure draws, and what the panel says of it.
struct TracedRun {
  std::int64_t run = 0;
  std::string method;
  std::int64_t wbits = 0;
  std::string init;
  std::string title;  ///< "run 12: denseshift, 3 bits, lvr, shapes"
};

/// Newest first of `runs`' rows. Runs that are not there are left out.
[[nodiscard]] std::vector<TracedRun> describe_runs(const results_db::Database& database,
                                                   const std::vector<std::int64_t>& runs);

/// Traces of a run, by layer and weight; empty where none were recorded or the database is older than the table.
[[nodiscard]] std::vector<WeightTrace> load_traces(const results_db::Database& database, std::int64_t run);

/// Histograms of a run by epoch, layer and tensor; empty as above.
[[nodiscard]] std::vector<WeightHistogram> load_histograms(const results_db::Database& database, std::int64_t run);

}  // namespace denseshift::experiments
