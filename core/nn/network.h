#pragma once
// What every network is, whatever its task.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "core/quant/quantizer.h"

namespace denseshift::nn {

/// The names of a residual backbone's parts: torchvision's classifier has the ones below, other networks put them under
/// a prefix or in a sequence.
struct BackboneNames {
  std::string prefix;  ///< dotted name of the part that owns the backbone with a dot behind it, or empty
  std::string conv = "conv1";
  std::string norm = "bn1";
  std::string activation = "act";  ///< a quantizer in the place of the stem's ReLU
  std::vector<std::string> stages = {"layer1", "layer2", "layer3", "layer4"};
};

/// A network that reads images (N, channels, H, W), already normalised.
class Network : public torch::nn::Module {
 public:
  /// What the network computes, by name and in a fixed order: what export and comparisons with other programs look at.
  virtual std::vector<quant::NamedTensor> outputs(const at::Tensor& images) = 0;
  /// Where the backbone's tensors are: for starting from another network's backbone and for freezing parts of it.
  [[nodiscard]] virtual BackboneNames backbone_names() const { return {}; }
  /// Values on the way there (stages of the backbone, branches of a head), for looking inside; may be empty.
  [[nodiscard]] virtual std::vector<quant::NamedTensor> features(const at::Tensor& /*images*/) { return {}; }
};

}  // namespace denseshift::nn
