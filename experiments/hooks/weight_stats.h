#pragma once
// Statistics of discrete weights each epoch: levels, changes, freezing (docs/decisions.md, Weight freezing).

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/metrics/freezing.h"
#include "core/metrics/rounded_levels.h"
#include "core/nn/layers.h"
#include "core/quant/quantizer.h"
#include "experiments/hooks/hook.h"
#include "results_db/store.h"

namespace denseshift::experiments {

/// Takes a snapshot of every followed layer's levels at the start and after every `weight_stats_every` epochs, and
/// records it by layer. `metrics()` are the same numbers over all layers, weighted by their weights. Full-precision
/// layers take part with `stats_levels` (see core/metrics/rounded_levels.h).
class WeightStatsHook final : public Hook {
 public:
  /// REQUIRES: `store` outlives the hook.
  WeightStatsHook(results_db::RunStore& store, std::int64_t run, const TrainConfig& config)
      : store_(store), run_(run), every_(config.weight_stats_every), rounded_bits_(config.stats_levels) {}

  void on_start(const Setup& setup, std::int64_t first_epoch) override;
  void on_ready() override;
  void on_epoch(const EpochView& view) override;
  [[nodiscard]] std::vector<quant::NamedTensor> state() override;
  void load(const std::vector<quant::NamedTensor>& state) override;

  /// Of the last epoch that ended; empty when it had no snapshot.
  [[nodiscard]] const std::vector<results_db::Metric>& metrics() const { return metrics_; }

 private:
  struct Layer {
    nn::QuantizedLayer* layer = nullptr;
    metrics::FreezingTracker tracker{0, {1.0}};
    std::optional<metrics::RoundedLevels> rounded;  ///< full precision only
    /// Forgets what was seen and takes the levels as they are now.
    void restart();
    void snapshot();
  };

  results_db::RunStore& store_;
  std::int64_t run_;
  std::int64_t every_;
  std::int64_t rounded_bits_;
  std::map<std::string, Layer> layers_;
  std::vector<results_db::Metric> metrics_;
};

}  // namespace denseshift::experiments
