#pragma once
// Writes what happens into the results database and the logs.

#include <memory>
#include <vector>

#include "experiments/hooks/hook.h"
#include "experiments/hooks/weight_stats.h"
#include "experiments/logs/metric_log.h"
#include "results_db/store.h"

namespace denseshift::experiments {

/// Records metrics by epoch and split, and artifacts. Epochs count from 1 in the database: epoch 1 is the result of the
/// first pass. Statistics of the weights are metrics of the split "weights".
class RecorderHook final : public Hook {
 public:
  /// REQUIRES: `store` and `weight_stats` outlive the hook, and `weight_stats` is called before it.
  RecorderHook(results_db::RunStore& store, std::int64_t run, const WeightStatsHook& weight_stats,
               std::vector<std::unique_ptr<MetricLog>> logs)
      : store_(store), run_(run), weight_stats_(weight_stats), logs_(std::move(logs)) {}

  void on_epoch(const EpochView& view) override;
  void on_checkpoint(const std::string& kind, const std::string& path, std::int64_t bytes,
                     const std::string& sha256) override;

 private:
  results_db::RunStore& store_;
  std::int64_t run_;
  const WeightStatsHook& weight_stats_;
  std::vector<std::unique_ptr<MetricLog>> logs_;
};

}  // namespace denseshift::experiments
