#pragma once
// The part of the program that needs LibTorch. It is a module of its own, libdenseshift_torch.so, opened when a command
// first needs it: loading LibTorch takes about a second, and the other commands should not wait for it.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace denseshift::cli {

/// Where the module is: beside the program, or in ../lib/denseshift of an installed tree. Empty when there is none.
[[nodiscard]] std::filesystem::path torch_module_path();

/// Opens the module and lets it do `verb` ("train", "eval", "models", "bench-train", "doctor"). Returns the exit
/// status; the module reports its own errors. Throws a usage error when the program was built without it, an input
/// error when it cannot be loaded.
[[nodiscard]] int run_in_module(const std::string& verb, const nlohmann::json& request);

}  // namespace denseshift::cli

/// What the module exports. `request_json` is a JSON object; the result is an exit status. No exception leaves it.
extern "C" int denseshift_module_run(const char* verb, const char* request_json);
