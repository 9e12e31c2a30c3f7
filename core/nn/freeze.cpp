#include "core/nn/freeze.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/nn/backbone.h"
#include "core/nn/layers.h"
#include "core/util/error.h"

namespace denseshift::nn {

void freeze_backbone(Network& network, std::int64_t parts) {
  const BackboneNames names = network.backbone_names();
  if (const auto all = std::ssize(names.stages) + 1; parts > all) {
    throw usage_error(fmt::format("freeze_stages: the backbone has {} parts, not {}", all, parts),
                      "1 is the first convolution, 2 also layer1, ...");
  }
  const std::vector<std::string> prefixes = backbone_prefixes(names, parts);
  for (const auto& item : network.named_modules("", /*include_self=*/false)) {
    const std::string name = item.key() + ".";
    const bool frozen =
        std::ranges::any_of(prefixes, [&](const std::string& prefix) { return name.starts_with(prefix); });
    if (!frozen) continue;
    if (auto* layer = dynamic_cast<QuantizedLayer*>(item.value().get())) layer->freeze();
    if (auto* norm = dynamic_cast<BatchNorm2d*>(item.value().get())) norm->freeze();
  }
}

}  // namespace denseshift::nn
