#pragma once
// What a run runs on, for its record.

#include <nlohmann/json.hpp>

#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// CPU model and count, device, GPU, threads, LibTorch version, capability of its kernels. `program` adds
/// program_version and source_revision. For speech also what the network needs to be used without the dataset: intents
/// and front end.
[[nodiscard]] nlohmann::ordered_json describe_environment(const Setup& setup, const nlohmann::ordered_json& program);

}  // namespace denseshift::experiments
