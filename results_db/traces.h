#pragma once
// Sampled weights over a training, and histograms of trained tensors: what figures of the weights are drawn from.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "results_db/database.h"

namespace denseshift::results_db {

/// One weight at one moment of the training.
struct WeightTrace {
  std::string layer;
  std::int64_t weight = 0;                             ///< flat index in the layer's weight, row-major
  std::int64_t step = 0;                               ///< updates done
  double epoch = 0;                                    ///< the same in epochs
  float value = 0;                                     ///< the quantized weight
  std::vector<std::pair<std::string, float>> trained;  ///< value of this element in each trained tensor
  bool operator==(const WeightTrace&) const = default;
};

/// Counts of a trained tensor's values in equal bins from `low` to `high`.
struct WeightHistogram {
  std::int64_t epoch = 0;  ///< 0: before the first update
  std::string layer;
  std::string tensor;
  double low = 0;
  double high = 0;
  std::vector<std::int64_t> counts;
  bool operator==(const WeightHistogram&) const = default;
};

/// Traces of a run by layer, weight and step; an empty `layer` means all. Empty for a database of a version without
/// traces. A value that was not finite reads as NaN.
[[nodiscard]] std::vector<WeightTrace> load_weight_traces(const Database& database, std::int64_t run,
                                                          const std::string& layer = {});

/// Histograms of a run by epoch, layer and tensor; an empty `layer` or `tensor` means all.
[[nodiscard]] std::vector<WeightHistogram> load_weight_histograms(const Database& database, std::int64_t run,
                                                                  const std::string& layer = {},
                                                                  const std::string& tensor = {});

/// How much was recorded of a run.
struct TraceCounts {
  std::int64_t layers = 0;
  std::int64_t weights = 0;
  std::int64_t steps = 0;       ///< moments of the training
  std::int64_t histograms = 0;  ///< rows
  std::int64_t epochs = 0;      ///< epochs with histograms
};
[[nodiscard]] TraceCounts count_traces(const Database& database, std::int64_t run);

}  // namespace denseshift::results_db
