#pragma once
// The layers whose weights statistics and traces follow.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/nn/layers.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// Quantized layers with their names. In a run of method fp32, which has none, those that denseshift would quantize
/// under the same placement and rules, so that its weights can be compared with theirs.
[[nodiscard]] std::vector<std::pair<std::string, nn::QuantizedLayer*>> followed_layers(const Setup& setup);

}  // namespace denseshift::experiments
