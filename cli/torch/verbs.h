#pragma once
// What the LibTorch module does: one function per verb of run_in_module(). Each takes the request that its command
// builds (cli/commands/*.cpp), prints results to stdout, and returns the exit status. They throw denseshift::Error; the
// module translates.

#include <nlohmann/json.hpp>

namespace denseshift::cli {

/// Trains a network and records the run.
[[nodiscard]] int train_verb(const nlohmann::json& request);

/// Evaluates a run or a checkpoint.
[[nodiscard]] int eval_verb(const nlohmann::json& request);

/// Writes a trained network in another form and compares.
[[nodiscard]] int convert_verb(const nlohmann::json& request);

/// Lists architectures or methods, or describes one network layer by layer.
[[nodiscard]] int models_verb(const nlohmann::json& request);

/// Times training steps of several variants and the loader.
[[nodiscard]] int bench_train_verb(const nlohmann::json& request);

/// Prints configurations as a training would resolve them.
[[nodiscard]] int resolve_verb(const nlohmann::json& request);

/// One JSON object about LibTorch as found on this machine.
[[nodiscard]] int doctor_verb(const nlohmann::json& request);

}  // namespace denseshift::cli
