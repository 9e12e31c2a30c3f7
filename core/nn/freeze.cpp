#include "core/nn/freeze.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/nn/layers.h"
#include "core/util/error.h"

namespace denseshift::nn {

std::optional<std::int64_t> backbone_stage(const std::string& name) {
  std::string_view rest = name;
  bool numbered = false;
  for (const std::string_view prefix : {"feature_extractor.feature_extractor.", "backbone.body.", "backbone."}) {
    if (!rest.starts_with(prefix)) continue;
    rest.remove_prefix(prefix.size());
    numbered = prefix.starts_with("feature_extractor");
    break;
  }
  const std::string_view first = rest.substr(0, rest.find('.'));
  if (numbered) {
    // NVIDIA's SSD: 0 convolution, 1 norm, 4 to 6 the stages.
    if (first == "0" || first == "1") return 0;
    if (first.size() == 1 && first[0] >= '4' && first[0] <= '6') return first[0] - '3';
    return std::nullopt;
  }
  if (first == "conv1" || first == "bn1") return 0;
  if (first.size() == 6 && first.starts_with("layer") && first[5] >= '1' && first[5] <= '9') return first[5] - '0';
  return std::nullopt;
}

void freeze_backbone(Network& network, std::int64_t stages) {
  std::int64_t largest = -1;
  for (const auto& item : network.named_modules("", /*include_self=*/false)) {
    const std::optional<std::int64_t> stage = backbone_stage(item.key());
    if (!stage) continue;
    largest = std::max(largest, *stage);
    if (*stage >= stages) continue;
    if (auto* layer = dynamic_cast<QuantizedLayer*>(item.value().get())) layer->freeze();
    if (auto* norm = dynamic_cast<BatchNorm2d*>(item.value().get())) norm->freeze();
  }
  if (stages > largest + 1) {
    throw usage_error(fmt::format("freeze_stages: the backbone has {} parts, not {}", largest + 1, stages),
                      "1 is the first convolution, 2 also layer1, ...");
  }
}

}  // namespace denseshift::nn
