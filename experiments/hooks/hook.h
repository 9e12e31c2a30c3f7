#pragma once
// Moments of a training that others may watch: records, statistics, progress. The training loop knows none of them.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/quant/quantizer.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// What a hook sees after a training step.
struct StepView {
  std::int64_t epoch = 0;  ///< from 0
  std::int64_t step = 0;   ///< steps of this epoch done, at least 1
  std::int64_t steps = 0;  ///< steps per epoch
  double lr = 0;
  double images_per_second = 0;
  std::string primary;           ///< metric to show
  const Score* score = nullptr;  ///< of this epoch so far, training batches in training mode
  bool updated = true;           ///< the step ended with an update; false while gradients are summed
  std::int64_t updates = 0;      ///< updates done since the start of the run
  std::int64_t updates_per_epoch = 0;
};

/// What a hook sees after an epoch and its evaluation.
struct EpochView {
  std::int64_t epoch = 0;
  double lr = 0;  ///< of the last step
  double seconds = 0;
  double images_per_second = 0;
  double loader_wait_seconds = 0;
  const Score* train = nullptr;
  const Score* val = nullptr;
  const Metrics* test = nullptr;  ///< where the dataset has a test split
  std::string primary;            ///< metric that decides which epoch is the best
  bool best = false;              ///< highest value of it so far
};

/// Watches a training. A hook may own state that rides in the checkpoint as tensors.
class Hook {
 public:
  virtual ~Hook() = default;
  virtual void on_start(const Setup& /*setup*/, std::int64_t /*first_epoch*/) {}
  /// Once per run, not on resume: everything is initialised and calibrated, no update was made.
  virtual void on_ready() {}
  virtual void on_step(const StepView& /*view*/) {}
  virtual void on_evaluation_step(std::int64_t /*batch*/, std::int64_t /*batches*/, const Score& /*score*/,
                                  const std::string& /*primary*/) {}
  virtual void on_epoch(const EpochView& /*view*/) {}
  virtual void on_checkpoint(const std::string& /*kind*/, const std::string& /*path*/, std::int64_t /*bytes*/,
                             const std::string& /*sha256*/) {}
  virtual void on_end() {}
  /// Something worth a line: a stage began, a method has a warning.
  virtual void on_message(const std::string& /*text*/) {}

  /// Tensors to save, by stable names; empty when there is nothing yet.
  [[nodiscard]] virtual std::vector<quant::NamedTensor> state() { return {}; }
  /// Takes up saved tensors. Called after on_start().
  virtual void load(const std::vector<quant::NamedTensor>& /*state*/) {}
};

}  // namespace denseshift::experiments
