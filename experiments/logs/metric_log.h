#pragma once
// Metrics for other programs' eyes: what an epoch gave, and logs that take it.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace denseshift::experiments {

/// All metrics of one epoch.
struct EpochRecord {
  std::int64_t epoch = 0;  ///< from 1
  double time = 0;         ///< when it ended, in seconds since 1970
  /// By split ("train", "val", "weights"): names and values, in the order in which they are shown.
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, double>>>> splits;
};

/// Takes the metrics of a run epoch by epoch. What write() was given is on disk when it returns.
class MetricLog {
 public:
  virtual ~MetricLog() = default;
  virtual void write(const EpochRecord& record) = 0;
};

}  // namespace denseshift::experiments
