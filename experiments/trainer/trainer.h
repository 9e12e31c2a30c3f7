#pragma once
// The training loop.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "experiments/hooks/hook.h"
#include "experiments/trainer/checkpoint.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// How a training ended.
struct TrainOutcome {
  bool finished = false;
  std::string stop_reason;  ///< why it stopped early
  Position position;
  Score train, val;  ///< of the last complete epoch
  std::string primary;
};

/// Trains a network at its task: batches, updates, evaluation, checkpoints `last` and `best`. Equal configuration,
/// threads and machine give equal bits, also across a stop and a resume anywhere.
class Trainer {
 public:
  /// Asked between steps; a non-empty answer is the reason to stop.
  using StopQuestion = std::function<std::string()>;

  /// REQUIRES: `setup` and the hooks outlive the trainer. `environment` is stored in checkpoints.
  Trainer(Setup& setup, std::filesystem::path directory, nlohmann::ordered_json environment, std::vector<Hook*> hooks,
          StopQuestion should_stop);

  /// Continues from a checkpoint `last`. Call before run().
  void resume(const Checkpoint& checkpoint);
  [[nodiscard]] const Position& position() const { return position_; }
  /// Updates done at this position, since the start of the run.
  [[nodiscard]] std::int64_t updates() const;

  [[nodiscard]] TrainOutcome run();

 private:
  void calibrate();
  void train_epoch();
  void start_epoch();
  void train_batch(const data::Batch& batch);
  void update();
  Score evaluate_now();
  [[nodiscard]] Score evaluate_split(data::Split split, data::Loader& loader);
  void finish_epoch(const Score& val);
  [[nodiscard]] double learning_rate(std::int64_t step) const;
  void tell(const std::string& text);
  void save_last();
  void save_best();
  [[nodiscard]] bool stop_now();

  Setup& setup_;
  std::filesystem::path directory_;
  nlohmann::ordered_json environment_;
  std::vector<Hook*> hooks_;
  StopQuestion should_stop_;
  data::Loader train_loader_, val_loader_;
  std::unique_ptr<data::Loader> test_loader_;  ///< null without a test split
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::unique_ptr<optim::Ema> ema_;
  Metrics test_;  ///< of the last evaluation
  std::int64_t updates_per_epoch_;
  std::int64_t stages_;
  std::vector<quant::NamedTensor> hook_state_;  ///< from a checkpoint, handed over after on_start
  Position position_;
  std::int64_t pending_ = 0;  ///< batches whose gradients wait for an update
  double lr_ = 0;
  double last_seconds_ = 0;
  std::string stop_reason_;
  TrainOutcome outcome_;
};

}  // namespace denseshift::experiments
