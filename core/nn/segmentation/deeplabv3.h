#pragma once
// DeepLabV3: Chen et al. 2017, "Rethinking Atrous Convolution for Semantic Image Segmentation", as torchvision builds
// and names it (design/tasks 4.1).

#include <memory>
#include <string>

#include "core/nn/model.h"
#include "core/nn/segmentation/segmenter.h"

namespace denseshift::nn {

/// A dilated ResNet ("resnet50", also "resnet18", "resnet34", "resnet101") with output stride 8, five parallel branches
/// (1x1, three dilated 3x3, global pool) and a prediction; ModelOptions::aux adds the auxiliary head on the third
/// stage. In evaluation dropout is off and the auxiliary head is not computed. The pooled branch cannot train on one
/// image.
///
/// With quantized activations each ReLU that a quantized layer reads is a quantizer, under the name that the ReLU has
/// in torchvision's sequences, and the pooled values have one of their own.
///
/// features(): "layer3", "layer4", "aspp0" .. "aspp4", "aspp", and "aux" as in SegmentationOutput.
///
/// Throws a usage error for backbones without four stages.
[[nodiscard]] std::shared_ptr<Segmenter> make_deeplabv3(const std::string& backbone, const ModelOptions& options);

}  // namespace denseshift::nn
