#pragma once
// Writes what happens into the results database.

#include "experiments/hooks/hook.h"
#include "results_db/store.h"

namespace denseshift::experiments {

/// Records metrics by epoch and split, and artifacts. Epochs count from 1 in the database: epoch 1 is the result of the
/// first pass.
class RecorderHook final : public Hook {
 public:
  /// REQUIRES: `store` outlives the hook.
  RecorderHook(results_db::RunStore& store, std::int64_t run) : store_(store), run_(run) {}

  void on_epoch(const EpochView& view) override;
  void on_checkpoint(const std::string& kind, const std::string& path, std::int64_t bytes,
                     const std::string& sha256) override;

 private:
  results_db::RunStore& store_;
  std::int64_t run_;
};

}  // namespace denseshift::experiments
