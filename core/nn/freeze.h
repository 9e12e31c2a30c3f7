#pragma once
// Parts of a backbone that keep their weights.

#include "core/nn/network.h"

namespace denseshift::nn {

/// Freezes the first `parts` parts of the backbone, weights and norms: 1 is the first convolution, 2 also the first
/// stage, and so on. Throws a usage error when the backbone has fewer.
void freeze_backbone(Network& network, std::int64_t parts);

}  // namespace denseshift::nn
