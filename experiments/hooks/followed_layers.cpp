#include "experiments/hooks/followed_layers.h"

#include "core/quant/policy.h"

namespace denseshift::experiments {

std::vector<std::pair<std::string, nn::QuantizedLayer*>> followed_layers(const Setup& setup) {
  const TrainConfig& config = setup.config;
  quant::MethodOptions denseshift;
  denseshift.method = "denseshift";
  denseshift.wbits = 3;  // which of its bit widths does not matter for the place
  const quant::LayerPolicy policy(denseshift, config.placement, config.rule);
  std::vector<std::pair<std::string, nn::QuantizedLayer*>> followed;
  for (const auto& [name, layer] : nn::weight_layers(*setup.model)) {
    const bool quantized = layer->quantizer().bits() < 32;
    if (quantized || (config.method == "fp32" && policy.quantizes(layer->site()))) followed.emplace_back(name, layer);
  }
  return followed;
}

}  // namespace denseshift::experiments
