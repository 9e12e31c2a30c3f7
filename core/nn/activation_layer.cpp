#include "core/nn/activation_layer.h"

#include <ATen/ATen.h>

namespace denseshift::nn {

Activation::Activation(std::unique_ptr<quant::ActivationQuantizer> quantizer, std::string method,
                       std::vector<std::string> readers)
    : quantizer_(std::move(quantizer)), method_(std::move(method)), readers_(std::move(readers)) {
  for (const quant::NamedTensor& p : quantizer_->parameters()) register_parameter(p.name, p.tensor);
  for (const quant::NamedTensor& b : quantizer_->buffers()) register_buffer(b.name, b.tensor);
}

void Activation::train(bool on) {
  torch::nn::Module::train(on);
  quantizer_->set_training(on);
}

std::shared_ptr<Activation> make_activation(const ModelOptions& options, std::int64_t channels,
                                            const std::vector<quant::LayerSite>& readers) {
  if (options.abits >= 32) return nullptr;
  std::vector<std::string> names;
  for (const quant::LayerSite& site : readers) {
    if (options.policy.quantizes(site)) names.push_back(site.name);
  }
  if (names.empty()) return nullptr;
  quant::ActivationOptions activation;
  activation.method = options.activation;
  activation.bits = options.abits;
  activation.channels = channels;
  activation.reference = options.reference_activations;
  return std::make_shared<Activation>(quant::make_activation(activation), options.activation, std::move(names));
}

at::Tensor activate(const std::shared_ptr<Activation>& activation, at::Tensor x) {
  return activation ? activation->forward(x) : x.relu_();
}

std::vector<std::pair<std::string, Activation*>> activation_layers(torch::nn::Module& root) {
  std::vector<std::pair<std::string, Activation*>> layers;
  for (const auto& item : root.named_modules("", /*include_self=*/false)) {
    if (auto* layer = dynamic_cast<Activation*>(item.value().get())) layers.emplace_back(item.key(), layer);
  }
  return layers;
}

}  // namespace denseshift::nn
