#pragma once
// The convolutional part of residual networks, for classifiers and as the backbone of detectors and segmenters. It is
// no module of its own: it registers its parts with an owner under names that the owner chooses, so that each network
// has the state-dict names of the published one (design/tasks 0.1, 2.1, 3.1, 4.1).

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "core/nn/layers.h"
#include "core/nn/model.h"

namespace denseshift::nn {

class Activation;

enum class BlockKind { basic, bottleneck };

/// What makes a residual network one of a family.
struct ResNetShape {
  BlockKind kind = BlockKind::basic;
  std::vector<std::int64_t> blocks;  ///< per stage
  std::int64_t width = 64;           ///< of the first stage; doubles with each
  /// conv1 7x7/2 and max-pooling, projections as shortcuts; else conv1 3x3 and shortcuts without weights (CIFAR).
  bool imagenet_stem = true;
};

/// The shape of "resnet18", "resnet34", "resnet50", "resnet101" (ImageNet) or "resnet20", "resnet32", "resnet44",
/// "resnet56" (CIFAR). Throws a usage error with the nearest name for others.
[[nodiscard]] ResNetShape resnet_shape(const std::string& name);

/// Geometry of one stage.
struct StageGeometry {
  std::int64_t stride = 1;          ///< of the first block
  std::int64_t first_dilation = 1;  ///< of the first block's 3x3 convolutions
  std::int64_t dilation = 1;        ///< of the other blocks'
};

/// What a body is built from besides ModelOptions.
struct BodyPlan {
  ResNetShape shape;
  std::vector<StageGeometry> stages;  ///< the stages that are built, at most as many as the shape has
  BackboneNames names = {};
  /// Per stage: the layers besides the next stage that read its output. A quantized one makes that output quantized
  /// when activations are; missing entries mean none.
  std::vector<std::vector<quant::LayerSite>> readers = {};
};

/// All stages, the first with stride 1 and the others with stride 2, under torchvision's names.
[[nodiscard]] BodyPlan standard_body(ResNetShape shape);

/// The last two stages with dilation in the place of stride, so that the output has an eighth of the input's side:
/// torchvision's replace_stride_with_dilation. A stage's first block keeps the dilation of the stage before.
/// (torchvision has no dilated basic blocks; here both their convolutions are dilated.)
[[nodiscard]] BodyPlan dilated_body(ResNetShape shape);

/// Stem and stages. Its layers are part "backbone" to the policy, under their full dotted names. Honours
/// ModelOptions::channels, width, freeze_norm and activations.
class ResNetBody {
 public:
  /// Builds the parts and registers them with `owner`.
  ResNetBody(torch::nn::Module& owner, const BodyPlan& plan, const ModelOptions& options);

  /// Behind convolution, norm, ReLU and pooling.
  [[nodiscard]] at::Tensor stem(const at::Tensor& images);
  /// The output of each stage.
  [[nodiscard]] std::vector<at::Tensor> stages(const at::Tensor& images);
  /// The last of them.
  [[nodiscard]] at::Tensor forward(const at::Tensor& images);

  /// Channels of each stage's output.
  [[nodiscard]] const std::vector<std::int64_t>& channels() const { return channels_; }

 private:
  class Block;
  struct BlockPlan;
  static std::vector<BlockPlan> block_plans(const BodyPlan& plan, std::int64_t stem_width);
  [[nodiscard]] at::Tensor run_stage(std::size_t stage, at::Tensor x);

  bool imagenet_stem_;
  std::shared_ptr<Conv2d> conv_;
  std::shared_ptr<BatchNorm2d> norm_;
  std::shared_ptr<Activation> act_;  ///< null: ReLU
  std::vector<std::vector<std::shared_ptr<Block>>> stages_;
  std::vector<std::int64_t> channels_;
};

}  // namespace denseshift::nn
