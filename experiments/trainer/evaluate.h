#pragma once
// Evaluation of a network at its task.

#include <cstdint>
#include <functional>

#include "core/data/loader.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// Called between batches; returning false stops the evaluation early.
using EvaluationProgress = std::function<bool(std::int64_t batch, std::int64_t batches, const Score& so_far)>;

/// Runs the network in evaluation mode over an epoch of the loader, which reads `split`. The mode is restored.
[[nodiscard]] Score evaluate(const Setup& setup, data::Split split, data::Loader& loader,
                             const EvaluationProgress& progress = {});

}  // namespace denseshift::experiments
