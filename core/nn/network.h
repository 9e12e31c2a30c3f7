#pragma once
// What every network is, whatever its task.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <vector>

#include "core/quant/quantizer.h"

namespace denseshift::nn {

/// A network that reads images (N, channels, H, W), already normalised.
class Network : public torch::nn::Module {
 public:
  /// What the network computes, by name and in a fixed order: what export and comparisons with other programs look at.
  virtual std::vector<quant::NamedTensor> outputs(const at::Tensor& images) = 0;
  /// Values on the way there (stages of the backbone, branches of a head), for looking inside; may be empty.
  [[nodiscard]] virtual std::vector<quant::NamedTensor> features(const at::Tensor& /*images*/) { return {}; }
};

}  // namespace denseshift::nn
