#pragma once
// FCOS without its network (Tian et al. 2019, as torchvision has it): locations, which location learns which object,
// losses, and from the maps of the head to proposals.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/nn/detection/boxes.h"
#include "core/nn/detection/detector.h"

namespace denseshift::nn {

/// What the head gives for one pyramid level.
struct FcosMaps {
  at::Tensor logits;      ///< (N, channels, H, W): one channel for each class
  at::Tensor distances;   ///< (N, 4, H, W): to left, top, right, bottom in units of the level's size, not negative
  at::Tensor centreness;  ///< (N, 1, H, W), logits
};

/// The locations of one pyramid level: pixel (x * stride_x, y * stride_y) for each cell, without an offset.
struct FcosLevel {
  std::int64_t height = 0, width = 0;
  std::int64_t stride_y = 1, stride_x = 1;
  float size = 8;  ///< unit of the distances

  [[nodiscard]] std::int64_t cells() const { return height * width; }
};

/// Levels of maps with these sizes on padded images; sizes are 8, 16, 32, ... Strides are whole quotients of padded
/// size and map size, so on the coarse levels they may differ from powers of two.
[[nodiscard]] std::vector<FcosLevel> fcos_levels(const std::vector<ImageSize>& maps, const ImageSize& padded);

/// Index of the box that each location learns, or -1; locations by level, then y, then x. A location takes a box when
/// it is strictly inside, nearer than 1.5 sizes to the box's centre on both axes, and its largest distance to a side is
/// in the level's range (4 to 8 sizes, open on both ends; from 0 on the first level, without end on the last). Of
/// several boxes the smallest in area; areas that 1e8 - area cannot tell apart in float go to the first one.
[[nodiscard]] std::vector<std::int64_t> match_locations(const std::vector<FcosLevel>& levels,
                                                        const std::vector<Box>& boxes);

/// "classification" (sigmoid focal loss, alpha 0.25, gamma 2, over all locations and channels), "bbox_regression"
/// (GIoU) and "bbox_ctrness" (cross-entropy), each a sum over the batch divided by the number of locations with an
/// object, at least 1. `objects`: per image, with channels as labels.
[[nodiscard]] std::vector<quant::NamedTensor> fcos_losses(const std::vector<FcosMaps>& maps,
                                                          const std::vector<FcosLevel>& levels,
                                                          const std::vector<CheckedTargets>& objects);

/// How proposals are looked for among the logits.
enum class ProposalSearch {
  scan,              ///< one pass over memory of the CPU
  tensor_operations  ///< on the maps' device
};

/// Proposals of each image before suppression: score sqrt(sigmoid(logit) sigmoid(centreness)) above the threshold, the
/// best of each level, clipped to the image. `label_of_channel` gives the label of each channel, -1 for channels that
/// stand for no class. Classes of most locations are ruled out by comparing their logit with a bound, without a
/// sigmoid.
[[nodiscard]] std::vector<std::vector<Candidate>> fcos_proposals(const std::vector<FcosMaps>& maps,
                                                                 const std::vector<FcosLevel>& levels,
                                                                 const std::vector<std::int64_t>& label_of_channel,
                                                                 const DetectionThresholds& thresholds,
                                                                 const std::vector<ImageSize>& sizes,
                                                                 ProposalSearch search);

}  // namespace denseshift::nn
