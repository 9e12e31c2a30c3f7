#pragma once
// Evaluation of a classifier.

#include <cstdint>
#include <functional>

#include "core/data/loader.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// Loss and top-k over samples; counts are exact, the loss is a sum in double precision.
struct Score {
  std::int64_t samples = 0;
  std::int64_t correct1 = 0;
  std::int64_t correct5 = 0;
  double loss_sum = 0;

  [[nodiscard]] double loss() const { return samples == 0 ? 0 : loss_sum / static_cast<double>(samples); }
  [[nodiscard]] double top1() const {
    return samples == 0 ? 0 : 100.0 * static_cast<double>(correct1) / static_cast<double>(samples);
  }
  [[nodiscard]] double top5() const {
    return samples == 0 ? 0 : 100.0 * static_cast<double>(correct5) / static_cast<double>(samples);
  }

  /// Adds a batch: `loss` is its mean. top-5 counts the min(5, classes) largest logits. Throws a work error when the
  /// loss is not finite.
  void add(const at::Tensor& logits, const at::Tensor& labels, double loss);
};

/// Called between batches; returning false stops the evaluation early.
using EvaluationProgress = std::function<bool(std::int64_t batch, std::int64_t batches, const Score& so_far)>;

/// Runs the network in evaluation mode over the loader's epoch. Plain cross entropy, no label smoothing. The mode is
/// restored.
[[nodiscard]] Score evaluate(const Setup& setup, data::Loader& loader, const EvaluationProgress& progress = {});

}  // namespace denseshift::experiments
