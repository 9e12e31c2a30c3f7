#pragma once
// The table of architectures: networks of every task.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/nn/network.h"
#include "core/quant/policy.h"
#include "core/util/registry.h"

namespace denseshift::nn {

/// A network that maps images (N, channels, H, W) to logits (N, classes).
class Classifier : public Network {
 public:
  virtual at::Tensor forward(const at::Tensor& images) = 0;
  std::vector<quant::NamedTensor> outputs(const at::Tensor& images) override { return {{"logits", forward(images)}}; }
};

/// What a network is built from besides its architecture.
struct ModelOptions {
  quant::LayerPolicy& policy;  ///< chooses each layer's method
  std::int64_t classes = 1000;
  std::int64_t width = 1;              ///< multiplies the channels of every stage
  std::int64_t abits = 32;             ///< of activations; 32: floating point
  std::string activation = "pact";     ///< of activation_methods(); for abits below 32
  bool reference_activations = false;  ///< quantize activations by tensor operations also on the CPU
  std::int64_t channels = 3;           ///< of the input
  std::int64_t image_size = 0;         ///< side of the input where the network depends on it; 0: the architecture's
  std::vector<std::int64_t> category_ids = {};  ///< detection: the annotations' id of each class
  std::int64_t fpn_channels = 256;              ///< FCOS
  std::int64_t head_convs = 4;                  ///< FCOS: convolutions of each tower
  bool aux = true;                              ///< DeepLabV3: the auxiliary head
  bool freeze_norm = false;  ///< the backbone's batch norms keep their affine transform and statistics
};

/// An architecture: builds the network. Weights are uninitialised.
struct Architecture {
  std::int64_t image_size = 224;  ///< side of the input it was made for
  std::function<std::shared_ptr<Network>(const ModelOptions& options)> make;
  std::string task = "classification";
  std::string transform = "square";  ///< how pictures become its input, see data::DatasetOptions
};

/// All architectures. To add one: its file, and one line in model.cpp.
[[nodiscard]] const Registry<Architecture>& architectures();

/// Builds and checks that every rule of the policy named a layer, and that activations are quantized somewhere when
/// abits asks for it.
[[nodiscard]] std::shared_ptr<Network> make_model(const std::string& arch, const ModelOptions& options);
/// A classifier. Throws a usage error for an architecture of another task.
[[nodiscard]] std::shared_ptr<Classifier> make_classifier(const std::string& arch, const ModelOptions& options);
/// The same for width 1 and floating-point activations.
[[nodiscard]] std::shared_ptr<Classifier> make_classifier(const std::string& arch, std::int64_t classes,
                                                          quant::LayerPolicy& policy);

/// One line of a model's description.
struct LayerFacts {
  std::string name;
  std::string method;
  std::int64_t wbits = 32;
  std::int64_t shift_bias = 0;
  std::vector<std::int64_t> shape;
  std::int64_t weights = 0;
  std::int64_t macs = 0;
  double bytes = 0;  ///< weights * wbits / 8
};

/// A quantizer of activations, in the place of a ReLU.
struct ActivationFacts {
  std::string name;
  std::string method;
  std::int64_t bits = 32;
  std::vector<std::string> readers;  ///< the quantized layers whose input it is
};

/// A model's size. Bytes count weights at their bits and everything else (batch norm, biases) as 32-bit floats.
struct ModelFacts {
  std::vector<LayerFacts> layers;
  std::vector<ActivationFacts> activations;
  std::int64_t parameters = 0;  ///< as the full-precision network has them, reference tensors counted once
  std::int64_t quantized_weights = 0;
  std::int64_t trained_values = 0;  ///< what the optimiser updates: all reference tensors counted
  std::int64_t macs = 0;
  std::int64_t bytes = 0;
  std::int64_t bytes_fp32 = 0;
};

/// Size of a network's input.
struct InputSize {
  std::int64_t channels = 3;
  std::int64_t height = 224;
  std::int64_t width = 224;
};

/// Runs one zero image through the network to count multiply-accumulates.
[[nodiscard]] ModelFacts describe(Network& model, const InputSize& input);
/// The same for a square RGB image.
[[nodiscard]] ModelFacts describe(Network& model, std::int64_t image_size);

}  // namespace denseshift::nn
