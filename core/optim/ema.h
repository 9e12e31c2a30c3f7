#pragma once
// Exponential moving average of a network's state.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <vector>

#include "core/quant/quantizer.h"

namespace denseshift::optim {

/// Average of all floating-point parameters and buffers: a <- decay a + (1 - decay) x after each update. Of a quantized
/// weight the reference tensors are averaged and quantized again, so the averaged network has the same levels. Early on
/// the decay is min(decay, (1 + n) / (10 + n)) with n updates done, so the start is forgotten.
class Ema {
 public:
  Ema(torch::nn::Module& model, double decay);

  void update();
  /// Exchanges the network's state and the average; call again to undo. Rebuilds quantized weights.
  void swap();
  /// Tensors to save, named as in the network, and the counter as "updates".
  [[nodiscard]] std::vector<quant::NamedTensor> state() const;

 private:
  torch::nn::Module& model_;
  double decay_;
  std::vector<quant::NamedTensor> live_, average_;
  at::Tensor updates_;
};

}  // namespace denseshift::optim
