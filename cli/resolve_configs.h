#pragma once
// Settles what a configuration leaves open.

#include <string>
#include <vector>

#include "experiments/config/train_config.h"

namespace denseshift::cli {

/// A configuration and the keys that somebody set in it.
struct OpenConfig {
  experiments::TrainConfig config;
  std::vector<std::string> given;
};

/// The configurations as a training would resolve them (init auto, image_size 0, the bits of a method), so that their
/// hashes are those of the runs. Asks the LibTorch module, in a child process, only when something is open. Throws a
/// usage error for the first configuration that cannot be trained, and when LibTorch is needed and missing.
[[nodiscard]] std::vector<experiments::TrainConfig> resolve_configs(const std::vector<OpenConfig>& configs);

}  // namespace denseshift::cli
