#include "core/nn/backbone.h"

#include <fmt/format.h>

#include <utility>

#include "core/util/error.h"

namespace denseshift::nn {
namespace {

/// Each part's name in a classifier and in the network, both with a dot behind.
std::vector<std::pair<std::string, std::string>> renamed_parts(const BackboneNames& names) {
  const BackboneNames classifier;
  std::vector<std::pair<std::string, std::string>> parts;
  const auto add = [&](const std::string& from, const std::string& to) {
    parts.emplace_back(from + ".", names.prefix + to + ".");
  };
  add(classifier.conv, names.conv);
  add(classifier.norm, names.norm);
  add(classifier.activation, names.activation);
  for (std::size_t stage = 0; stage < names.stages.size(); ++stage)
    add(classifier.stages.at(stage), names.stages[stage]);
  return parts;
}

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

[[noreturn]] void other_backbone(const std::string& source_name, const std::string& what) {
  throw input_error(fmt::format("{}: its backbone is not the network's: {}", source_name, what),
                    "choose the backbone that the file was trained as");
}

}  // namespace

std::map<std::string, at::Tensor> backbone_tensors(const std::map<std::string, at::Tensor>& source,
                                                   const std::string& source_name, const BackboneNames& names) {
  std::map<std::string, at::Tensor> result;
  const auto parts = renamed_parts(names);
  for (const auto& [name, tensor] : source) {
    for (const auto& [from, to] : parts) {
      if (starts_with(name, from)) result[to + name.substr(from.size())] = tensor;
    }
  }
  if (result.empty()) {
    throw input_error(source_name + ": no tensor is named like a part of a ResNet (conv1, bn1, layer1)",
                      "use a classification ResNet, of torchvision or trained with denseshift");
  }
  return result;
}

TransferReport load_backbone(Network& network, const std::map<std::string, at::Tensor>& source,
                             const std::string& source_name) {
  const BackboneNames names = network.backbone_names();
  const TransferReport report =
      transfer(network, backbone_tensors(source, source_name, names), source_name, /*partial=*/true);
  const auto in_backbone = [&](const std::string& name) {
    for (const auto& [from, to] : renamed_parts(names)) {
      if (starts_with(name, to)) return true;
    }
    return false;
  };
  // Quantized activations are named "act", "act1", "act2"; the stem's as the network has it.
  const auto of_activation = [&](const std::string& name) {
    return name.find(".act") != std::string::npos || starts_with(name, names.prefix + names.activation + ".");
  };
  for (const std::string& name : report.missing) {
    if (in_backbone(name)) other_backbone(source_name, name + " is missing");
  }
  for (const std::string& what : report.reset) other_backbone(source_name, what);
  for (const std::string& name : report.unexpected) {
    if (!of_activation(name)) other_backbone(source_name, name + " is not in the network");
  }
  return report;
}

std::vector<std::string> backbone_prefixes(const BackboneNames& names, std::int64_t parts) {
  std::vector<std::string> prefixes;
  if (parts <= 0) return prefixes;
  for (const std::string& name : {names.conv, names.norm, names.activation}) {
    prefixes.push_back(names.prefix + name + ".");
  }
  for (std::int64_t stage = 0; stage + 1 < parts && stage < std::ssize(names.stages); ++stage) {
    prefixes.push_back(names.prefix + names.stages[static_cast<std::size_t>(stage)] + ".");
  }
  return prefixes;
}

}  // namespace denseshift::nn
