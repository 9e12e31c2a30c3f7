#pragma once
// `denseshift models methods`: what every quantization method is, for people and as JSON.

#include <string>

#include "core/quant/methods.h"

namespace denseshift::cli {

/// Prints every method of weights and of activations; returns the exit status.
[[nodiscard]] int list_methods(bool as_json);

/// "every convolution but the first, shortcuts included, not the classifier; NOTE".
[[nodiscard]] std::string own_placement_text(const quant::OwnPlacement& placement);

}  // namespace denseshift::cli
