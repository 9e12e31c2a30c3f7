#pragma once
// Residual networks: He et al. 2016, "Deep Residual Learning for Image Recognition"; the ImageNet family with
// torchvision's names and stride placement (design/tasks 0.1), the CIFAR family with shortcuts without weights (their
// option A).

#include <string>

#include "core/nn/model.h"

namespace denseshift::nn {

/// A body of resnet_shape(name), global average pool, fc.
[[nodiscard]] Architecture resnet(const std::string& name);

}  // namespace denseshift::nn
