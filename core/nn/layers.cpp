#include "core/nn/layers.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstring>

#include "core/quant/methods.h"
#include "core/util/error.h"
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
  quantizer_->set_training(on && !frozen_);
}

void QuantizedLayer::freeze() {
  frozen_ = true;
  quantizer_->set_training(false);
  for (const at::Tensor& parameter : parameters(/*recurse=*/false)) parameter.set_requires_grad(false);
}

std::int64_t QuantizedLayer::weight_count() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape_) count *= size;
  return count;
}

Conv2d::Conv2d(quant::LayerSite site, std::int64_t in, std::int64_t out, std::int64_t kernel,
               quant::ConvGeometry geometry, quant::LayerPolicy& policy, bool bias)
    : QuantizedLayer(std::move(site), {out, in / geometry.groups, kernel, kernel}, policy), geometry_(geometry) {
  if (bias) bias_ = register_parameter("bias", at::zeros({out}));
}

at::Tensor Conv2d::forward(const at::Tensor& input) {
  const at::AutoGradMode grad(at::GradMode::is_enabled() && !frozen());
  at::Tensor output = quantizer().convolve(input, geometry_);
  macs_ += weight_count() * output.size(2) * output.size(3);
  if (!bias_.defined()) return output;
  return output.add_(bias_.to(output.scalar_type()).view({1, -1, 1, 1}));
}

void Conv2d::initialize(at::Generator generator) {
  initialize_weight(generator);
  if (!bias_.defined()) return;
  const at::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(site().fan_in));
  if (start_.bias) {
    bias_.fill_(*start_.bias);
  } else {
    bias_.uniform_(-bound, bound, generator);
  }
}

void Conv2d::initialize_weight(at::Generator generator) {
  // First, because methods have more state than what they start from.
  QuantizedLayer::initialize(generator);
  if (start_.weight == ConvStart::Weight::method) return;
  const at::NoGradGuard no_grad;
  const auto fan_in = static_cast<double>(site().fan_in);
  const double fan_out = static_cast<double>(weight_count()) / static_cast<double>(weight_shape()[1]);
  at::Tensor weight = at::empty(weight_shape());
  const auto uniform = [&](double bound) { weight.uniform_(-bound, bound, generator); };
  switch (start_.weight) {
    case ConvStart::Weight::method:
      break;
    case ConvStart::Weight::framework:
      uniform(1 / std::sqrt(fan_in));
      break;
    case ConvStart::Weight::kaiming_uniform:
      uniform(std::sqrt(3 / fan_in));
      break;
    case ConvStart::Weight::xavier_uniform:
      uniform(std::sqrt(6 / (fan_in + fan_out)));
      break;
    case ConvStart::Weight::normal:
      weight.normal_(0, start_.deviation, generator);
      break;
  }
  (void)quantizer().start_from(weight);
}

Linear::Linear(quant::LayerSite site, std::int64_t in, std::int64_t out, quant::LayerPolicy& policy)
    : QuantizedLayer(std::move(site), {out, in}, policy) {
  bias_ = register_parameter("bias", at::zeros({out}));
}

at::Tensor Linear::forward(const at::Tensor& input) {
  const at::AutoGradMode grad(at::GradMode::is_enabled() && !frozen());
  macs_ += weight_count();
  return quantizer().apply_linear(input, bias_);
}

void Linear::initialize(at::Generator generator) {
  QuantizedLayer::initialize(generator);
  const at::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(weight_shape()[1]));
  bias_.uniform_(-bound, bound, generator);
}

BatchNorm2d::BatchNorm2d(std::int64_t channels, bool frozen) : frozen_(frozen) {
  const auto affine = [&](const char* name, const at::Tensor& start) {
    return frozen ? register_buffer(name, start) : register_parameter(name, start);
  };
  weight_ = affine("weight", at::ones({channels}));
  bias_ = affine("bias", at::zeros({channels}));
  running_mean_ = register_buffer("running_mean", at::zeros({channels}));
  running_var_ = register_buffer("running_var", at::ones({channels}));
  num_batches_tracked_ = register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
}

void BatchNorm2d::freeze() {
  frozen_ = true;
  weight_.set_requires_grad(false);
  bias_.set_requires_grad(false);
}

at::Tensor BatchNorm2d::forward(const at::Tensor& input) {
  const bool training = is_training() && !frozen_;
  if (training && input.size(0) * input.size(2) * input.size(3) == 1) {
    throw work_error("a batch norm got one value per channel to train on",
                     "use at least two images per batch, or larger ones");
  }
  if (training) num_batches_tracked_.add_(1);
  return at::batch_norm(input, weight_, bias_, running_mean_, running_var_, training, 0.1, 1e-5,
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
