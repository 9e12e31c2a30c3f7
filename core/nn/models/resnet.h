#pragma once
// Residual networks: He et al. 2016, "Deep Residual Learning for Image Recognition"; the ImageNet family with
// torchvision's names and stride placement (design/tasks 0.1), the CIFAR family with shortcuts without weights (their
// option A).

#include <vector>

#include "core/nn/model.h"

namespace denseshift::nn {

enum class BlockKind { basic, bottleneck };

/// conv1 7x7/2, max-pool, four stages of 64..512 channels, global average pool, fc.
[[nodiscard]] Architecture imagenet_resnet(BlockKind kind, std::vector<std::int64_t> blocks);

/// conv1 3x3, three stages of n basic blocks with 16, 32, 64 channels, global average pool, fc: depth 6n + 2.
[[nodiscard]] Architecture cifar_resnet(std::int64_t blocks_per_stage);

}  // namespace denseshift::nn
