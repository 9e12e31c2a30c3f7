#pragma once
// ReLUs that may be quantized: the layer, and what decides whether there is one.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/nn/model.h"
#include "core/quant/activation.h"

namespace denseshift::nn {

/// A quantizer in the place of a ReLU. Registers the quantizer's parameters and buffers under their own names.
class Activation final : public torch::nn::Module {
 public:
  /// `readers`: the quantized layers whose input this is.
  Activation(std::unique_ptr<quant::ActivationQuantizer> quantizer, std::string method,
             std::vector<std::string> readers);
  at::Tensor forward(const at::Tensor& input) { return quantizer_->forward(input); }
  /// Tells the quantizer, too.
  void train(bool on = true) override;

  [[nodiscard]] quant::ActivationQuantizer& quantizer() const { return *quantizer_; }
  [[nodiscard]] const std::string& method() const { return method_; }
  [[nodiscard]] const std::vector<std::string>& readers() const { return readers_; }

 private:
  std::unique_ptr<quant::ActivationQuantizer> quantizer_;
  std::string method_;
  std::vector<std::string> readers_;
};

/// The quantizer of a ReLU with `channels` outputs that the layers `readers` take as their input, or null where it
/// stays a ReLU: in a network with floating-point activations, and where no reader is quantized. The placement is ours
/// (design/methods 17): the input of each quantized layer, one quantizer per ReLU.
[[nodiscard]] std::shared_ptr<Activation> make_activation(const ModelOptions& options, std::int64_t channels,
                                                          const std::vector<quant::LayerSite>& readers);

/// Applies it, or ReLU in place when it is null.
[[nodiscard]] at::Tensor activate(const std::shared_ptr<Activation>& activation, at::Tensor x);

/// Every quantized activation of the network with its dotted name, in registration order.
[[nodiscard]] std::vector<std::pair<std::string, Activation*>> activation_layers(torch::nn::Module& root);

}  // namespace denseshift::nn
