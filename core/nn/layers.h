#pragma once
// Layers on top of torch::nn::Module and plain ATen calls. Convolution and linear layers hold a weight quantizer; full
// precision is one of its methods. (LibTorch's own layer classes cost 15-30 s of compile time in every file that uses
// them.)

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/quant/policy.h"
#include "core/quant/quantizer.h"

namespace denseshift::nn {

/// A layer with a quantizable weight. Registers the quantizer's parameters and buffers under their own names.
class QuantizedLayer : public torch::nn::Module {
 public:
  [[nodiscard]] quant::WeightQuantizer& quantizer() const { return *quantizer_; }
  [[nodiscard]] const quant::LayerSite& site() const { return site_; }
  [[nodiscard]] const quant::MethodOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<std::int64_t>& weight_shape() const { return shape_; }
  [[nodiscard]] std::int64_t weight_count() const;
  /// Multiply-accumulates for one sample in all calls since reset_macs(): a head that reads several maps is called for
  /// each of them.
  [[nodiscard]] std::int64_t macs() const { return macs_; }
  void reset_macs() { macs_ = 0; }
  /// Random start of weight and bias.
  virtual void initialize(at::Generator generator) { quantizer_->initialize(generator); }
  /// Tells the quantizer too: methods may pass training and evaluation differently.
  void train(bool on = true) override;
  /// Takes the layer out of the training: it acts as in evaluation and lets no gradient through, so everything in front
  /// of it must be frozen too.
  void freeze();
  [[nodiscard]] bool frozen() const { return frozen_; }

 protected:
  QuantizedLayer(quant::LayerSite site, std::vector<std::int64_t> shape, quant::LayerPolicy& policy);
  std::int64_t macs_ = 0;

 private:
  bool frozen_ = false;
  quant::LayerSite site_;
  std::vector<std::int64_t> shape_;
  quant::MethodOptions options_;
  std::unique_ptr<quant::WeightQuantizer> quantizer_;
};

/// Random start of a convolution, where a network's authors chose another one than the weight's method has.
struct ConvStart {
  enum class Weight {
    method,           ///< what the method does: Kaiming normal by fan out in full precision
    framework,        ///< uniform +-1/sqrt(fan_in): PyTorch's default
    kaiming_uniform,  ///< uniform +-sqrt(3/fan_in): PyTorch's kaiming_uniform_(a=1)
    xavier_uniform,   ///< uniform +-sqrt(6/(fan_in + fan_out))
    normal,           ///< of standard deviation `deviation`
  };
  Weight weight = Weight::method;
  double deviation = 0.01;
  std::optional<double> bias = {};  ///< a constant; none: uniform +-1/sqrt(fan_in)
};

/// 2-d convolution.
class Conv2d final : public QuantizedLayer {
 public:
  Conv2d(quant::LayerSite site, std::int64_t in, std::int64_t out, std::int64_t kernel, quant::ConvGeometry geometry,
         quant::LayerPolicy& policy, bool bias = false);
  at::Tensor forward(const at::Tensor& input);

  /// What initialize() draws. Methods that cannot start from a full-precision weight keep their own start of the weight
  /// (DenseShift: low variance or Kaiming), but take the bias.
  void set_start(ConvStart start) { start_ = start; }
  void initialize(at::Generator generator) override;

 private:
  void initialize_weight(at::Generator generator);

  quant::ConvGeometry geometry_;
  ConvStart start_;
  at::Tensor bias_;  ///< undefined: none
};

/// y = x W^T + b.
class Linear final : public QuantizedLayer {
 public:
  Linear(quant::LayerSite site, std::int64_t in, std::int64_t out, quant::LayerPolicy& policy);
  at::Tensor forward(const at::Tensor& input);
  void initialize(at::Generator generator) override;

 private:
  at::Tensor bias_;
};

/// Batch normalization over N, H, W; eps 1e-5, momentum 0.1. Frozen: an affine transform by the stored statistics also
/// in training, whose tensors are all buffers, with the same names.
class BatchNorm2d final : public torch::nn::Module {
 public:
  explicit BatchNorm2d(std::int64_t channels, bool frozen = false);
  /// The same from now on, but the affine transform stays a parameter, one that is not trained.
  void freeze();
  /// Throws a work error in training on one value per channel, which has no variance.
  at::Tensor forward(const at::Tensor& input);

 private:
  bool frozen_;
  at::Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
};

/// Every quantized (or full-precision) weight layer of the network, with its dotted name, in registration order.
[[nodiscard]] std::vector<std::pair<std::string, QuantizedLayer*>> weight_layers(torch::nn::Module& root);

/// Random start of the whole network. Each layer draws from a generator keyed by (seed, layer name), so layers that are
/// equal in two networks start equal whatever the other layers are.
void initialize(torch::nn::Module& root, std::uint64_t seed);

}  // namespace denseshift::nn
