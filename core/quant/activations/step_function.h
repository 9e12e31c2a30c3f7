#pragma once
// Activations by levels with thresholds between them: HWGQ and LQ-Nets.

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/kernels/activations.h"

namespace denseshift::quant {

/// levels[number of thresholds below x]; the gradient passes for first <= x <= last.
struct ActivationSteps {
  std::vector<float> thresholds;  ///< ascending
  std::vector<float> levels;      ///< one more
  float first = 0;
  float last = 0;

  [[nodiscard]] kernels::StepActivation kernel() const {
    return {thresholds.data(), levels.data(), static_cast<int>(thresholds.size()), first, last};
  }
};

/// The autograd function: one pass each way on the CPU, else (and with `reference`) tensor operations.
[[nodiscard]] at::Tensor apply_steps(const ActivationSteps& steps, const at::Tensor& x, bool reference);

/// Number and sum of the x above each threshold, over all of x.
struct StepStatistics {
  std::vector<std::int64_t> counts;
  std::vector<double> sums;
};
[[nodiscard]] StepStatistics step_statistics(const ActivationSteps& steps, const at::Tensor& x, bool reference);

}  // namespace denseshift::quant
