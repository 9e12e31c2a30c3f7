#include "core/nn/layers.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstring>

#include "core/quant/methods.h"
#include "core/util/hash.h"

namespace denseshift::nn {

QuantizedLayer::QuantizedLayer(quant::LayerSite site, std::vector<std::int64_t> shape, quant::LayerPolicy& policy)
    : site_(std::move(site)), shape_(std::move(shape)) {
  site_.fan_in = weight_count() / shape_[0];
  options_ = policy.choose(site_);
  quantizer_ = quant::make_quantizer(shape_, options_);
  for (const quant::NamedTensor& p : quantizer_->parameters()) {
    // Leaf-mode references are updated outside autograd and keep requires_grad off.
    register_parameter(p.name, p.tensor, p.tensor.requires_grad());
  }
  for (const quant::NamedTensor& b : quantizer_->buffers()) register_buffer(b.name, b.tensor);
}

void QuantizedLayer::train(bool on) {
  torch::nn::Module::train(on);
  quantizer_->set_training(on);
}

std::int64_t QuantizedLayer::weight_count() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape_) count *= size;
  return count;
}

Conv2d::Conv2d(quant::LayerSite site, std::int64_t in, std::int64_t out, std::int64_t kernel,
               quant::ConvGeometry geometry, quant::LayerPolicy& policy)
    : QuantizedLayer(std::move(site), {out, in / geometry.groups, kernel, kernel}, policy), geometry_(geometry) {}

at::Tensor Conv2d::forward(const at::Tensor& input) {
  at::Tensor output = quantizer().convolve(input, geometry_);
  macs_ = weight_count() * output.size(2) * output.size(3);
  return output;
}

Linear::Linear(quant::LayerSite site, std::int64_t in, std::int64_t out, quant::LayerPolicy& policy)
    : QuantizedLayer(std::move(site), {out, in}, policy) {
  bias_ = register_parameter("bias", at::zeros({out}));
}

at::Tensor Linear::forward(const at::Tensor& input) {
  macs_ = weight_count();
  return quantizer().apply_linear(input, bias_);
}

void Linear::initialize(at::Generator generator) {
  QuantizedLayer::initialize(generator);
  const at::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(weight_shape()[1]));
  bias_.uniform_(-bound, bound, generator);
}

BatchNorm2d::BatchNorm2d(std::int64_t channels) {
  weight_ = register_parameter("weight", at::ones({channels}));
  bias_ = register_parameter("bias", at::zeros({channels}));
  running_mean_ = register_buffer("running_mean", at::zeros({channels}));
  running_var_ = register_buffer("running_var", at::ones({channels}));
  num_batches_tracked_ = register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
}

at::Tensor BatchNorm2d::forward(const at::Tensor& input) {
  if (is_training()) num_batches_tracked_.add_(1);
  return at::batch_norm(input, weight_, bias_, running_mean_, running_var_, is_training(), 0.1, 1e-5,
                        at::globalContext().userEnabledCuDNN());
}

std::vector<std::pair<std::string, QuantizedLayer*>> weight_layers(torch::nn::Module& root) {
  std::vector<std::pair<std::string, QuantizedLayer*>> layers;
  for (const auto& item : root.named_modules("", /*include_self=*/false)) {
    if (auto* layer = dynamic_cast<QuantizedLayer*>(item.value().get())) layers.emplace_back(item.key(), layer);
  }
  return layers;
}

void initialize(torch::nn::Module& root, std::uint64_t seed) {
  for (const auto& [name, layer] : weight_layers(root)) {
    const std::string key = std::to_string(seed) + "/" + name;
    layer->initialize(at::make_generator<at::CPUGeneratorImpl>(
        std::stoull(sha256(key.data(), key.size()).substr(0, 15), nullptr, 16)));
  }
}

}  // namespace denseshift::nn
