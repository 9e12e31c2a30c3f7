#pragma once
// Starting a detector, segmenter or another classifier from the convolutional part of a trained classifier.

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "core/nn/network.h"
#include "core/nn/transfer.h"

namespace denseshift::nn {

/// The tensors of a classification ResNet's stem and stages under the names that they have in a network with `names`.
/// What that network's backbone lacks (fc, for SSD the last stage) is left out. Of the source any method's tensors are
/// taken ("layer1.0.conv1.w_sign"), and activation quantizers. Throws an input error that begins with `source_name`
/// when the source has no such names.
[[nodiscard]] std::map<std::string, at::Tensor> backbone_tensors(const std::map<std::string, at::Tensor>& source,
                                                                 const std::string& source_name,
                                                                 const BackboneNames& names);

/// Copies them into the network and leaves everything else as it is. Throws input errors for what transfer() refuses,
/// and when the two backbones differ: a tensor missing, left over, or of another shape. Only activation quantizers may
/// be on one side alone.
[[nodiscard]] TransferReport load_backbone(Network& network, const std::map<std::string, at::Tensor>& source,
                                           const std::string& source_name);

/// Dotted prefixes ("backbone.body.layer1.") of the first `parts` parts of a backbone: 1 is the stem, 2 also the first
/// stage, and so on. Parameters under them are what freezing that many parts keeps as they are.
[[nodiscard]] std::vector<std::string> backbone_prefixes(const BackboneNames& names, std::int64_t parts);

}  // namespace denseshift::nn
