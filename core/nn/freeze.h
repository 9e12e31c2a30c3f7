#pragma once
// Parts of a backbone that keep their weights.

#include <optional>
#include <string>

#include "core/nn/network.h"

namespace denseshift::nn {

/// The part of the backbone that a tensor or module belongs to by its name: 0 for the first convolution and its norm, 1
/// for layer1 and so on, under the prefixes of every network here. None outside the backbone.
[[nodiscard]] std::optional<std::int64_t> backbone_stage(const std::string& name);

/// Freezes the first `stages` parts of the backbone, weights and norms. Throws a usage error when the network has
/// fewer.
void freeze_backbone(Network& network, std::int64_t stages);

}  // namespace denseshift::nn
