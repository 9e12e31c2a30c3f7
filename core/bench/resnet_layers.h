#pragma once
// Convolutions of ResNets at 224x224, as shapes.

#include <string>
#include <vector>

#include "core/kernels/packed/packed.h"

namespace denseshift::bench {

/// A convolution shape and how often the network has it.
struct ConvLayer {
  std::string name;  ///< such as "3x3 s1 56x56 64-64"
  kernels::ConvShape shape;
  std::size_t outputs = 0;  ///< output channels
  std::size_t count = 1;
};

/// The convolutions of resnet18 or resnet50 (stride in the 3x3 layer of a block), each shape once, from the input to
/// the output; without the first one, whose weights stay FP32 in our networks. Throws a usage error with the nearest
/// name.
[[nodiscard]] std::vector<ConvLayer> resnet_layers(const std::string& arch, std::size_t batch);

}  // namespace denseshift::bench
