#pragma once
// Statistics of discrete weights each epoch: levels, changes, freezing (design/methods 3.9).

#include <map>
#include <memory>

#include "core/metrics/freezing.h"
#include "experiments/hooks/hook.h"
#include "results_db/store.h"

namespace denseshift::experiments {

/// Takes a snapshot of every quantized layer's codes at the start and after every `every` epochs, and records it.
class WeightStatsHook final : public Hook {
 public:
  /// `every` 0 records nothing. REQUIRES: `store` outlives the hook.
  WeightStatsHook(results_db::RunStore& store, std::int64_t run, std::int64_t every)
      : store_(store), run_(run), every_(every) {}

  void on_start(const Setup& setup, std::int64_t first_epoch) override;
  void on_epoch(const EpochView& view) override;
  [[nodiscard]] std::vector<quant::NamedTensor> state() override;
  void load(const std::vector<quant::NamedTensor>& state) override;

 private:
  results_db::RunStore& store_;
  std::int64_t run_;
  std::int64_t every_;
  const Setup* setup_ = nullptr;
  std::map<std::string, metrics::FreezingTracker> trackers_;
};

}  // namespace denseshift::experiments
