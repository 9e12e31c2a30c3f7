#include "cli/resolve_configs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/child_process.h"
#include "cli/torch_module.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

constexpr double kSeconds = 120;

bool is_open(const OpenConfig& open) {
  const bool bits = std::ranges::find(open.given, "wbits") != open.given.end() || open.config.method == "denseshift";
  return !bits || !experiments::is_resolved(open.config);
}

}  // namespace

std::vector<experiments::TrainConfig> resolve_configs(const std::vector<OpenConfig>& configs) {
  std::vector<experiments::TrainConfig> resolved;
  if (std::ranges::none_of(configs, is_open)) {
    for (const OpenConfig& open : configs) resolved.push_back(open.config);
    return resolved;
  }
  auto request = nlohmann::json::array();
  for (const OpenConfig& open : configs) {
    request.push_back({{"config", experiments::to_json(open.config)}, {"given", open.given}});
  }
  // In a child, so that the threads and the memory of LibTorch do not stay in the program that starts the workers.
  const ChildResult child = run_in_child([&] { return run_in_module("resolve", {{"configs", request}}); }, kSeconds);
  if (!child.finished || child.status != 0) {
    constexpr std::string_view kProgram = "denseshift: ";
    std::string words = child.errors.empty() ? "the LibTorch module gave no answer" : child.errors;
    if (words.starts_with(kProgram)) words = words.substr(kProgram.size());
    throw usage_error(words);
  }
  for (const auto& config : nlohmann::json::parse(child.output)) {
    resolved.push_back(experiments::config_from_json(config));
  }
  return resolved;
}

}  // namespace denseshift::cli
