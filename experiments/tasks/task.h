#pragma once
// What a network is trained for: its loss, its evaluation and its metrics. The training loop knows no task by name.

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/metrics/coco_boxes.h"
#include "core/metrics/intent_accuracy.h"
#include "core/nn/network.h"
#include "core/util/registry.h"
#include "experiments/config/train_config.h"
#include "experiments/trainer/score.h"

namespace denseshift::experiments {

/// A batch as tensors on the device: images (N, C, H, W), labels (N). The memory of `batch` is used directly on the
/// CPU.
struct DeviceBatch {
  at::Tensor images, labels;
  const data::Batch* batch = nullptr;
};

/// What an evaluation predicted, for export and for pictures.
struct Predictions {
  bool wanted = false;                    ///< keep everything, not only what the metrics need
  std::vector<metrics::Detection> boxes;  ///< detection, in pixels of the original pictures; always filled
  std::vector<data::SampleInfo> samples;  ///< detection: every picture that was looked at, in order
  /// segmentation: the class map of each picture at the size of the network's input
  struct Map {
    data::SampleInfo info;
    std::vector<std::uint8_t> classes;
  };
  std::vector<Map> maps;
  std::optional<metrics::IntentAccuracy> intents;  ///< speech: intents by true and predicted class; always filled
};

/// One task of one run. Knows the network and the dataset it was made for.
class Task {
 public:
  virtual ~Task() = default;

  /// Metric that decides which checkpoint is the best; higher is better.
  [[nodiscard]] virtual std::string primary() const = 0;

  /// Loss of a training batch, and what it adds to the epoch's score.
  [[nodiscard]] virtual at::Tensor loss(const DeviceBatch& batch, Score& score) = 0;

  /// Runs the network, in evaluation mode and without gradients, over a batch.
  virtual void evaluate(const DeviceBatch& batch, Score& score) = 0;
  /// Once before the batches of an evaluation.
  virtual void begin_evaluation(data::Split /*split*/) {}
  /// Metrics over all batches since begin_evaluation().
  virtual void end_evaluation(Score& /*score*/) {}

  /// Where evaluate() leaves what it predicted.
  Predictions predictions;
};

/// What a task is made from. Dataset and network outlive it; the configuration is valid only while it is made.
struct TaskContext {
  const TrainConfig& config;
  const data::Dataset& dataset;
  nn::Network& network;
  at::Device device;
};

/// A kind of task.
struct TaskKind {
  std::unique_ptr<Task> (*make)(const TaskContext& context);
  std::string arch;  ///< network when none is asked for
};

/// classification, detection, segmentation, speech. A new one is a file here and a line in registry.cpp.
[[nodiscard]] const Registry<TaskKind>& tasks();

[[nodiscard]] std::unique_ptr<Task> make_classification(const TaskContext& context);
[[nodiscard]] std::unique_ptr<Task> make_detection(const TaskContext& context);
[[nodiscard]] std::unique_ptr<Task> make_segmentation(const TaskContext& context);
[[nodiscard]] std::unique_ptr<Task> make_speech(const TaskContext& context);

}  // namespace denseshift::experiments
