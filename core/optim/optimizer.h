#pragma once
// Optimisers over a network whose weights may be autograd leaves of their own (quant::LeafUpdate).

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/quant/quantizer.h"

namespace denseshift::optim {

/// A trained tensor and what the optimiser does to it.
struct Parameter {
  std::string name;  ///< dotted name in the network
  at::Tensor tensor;
  double weight_decay = 0;
  double lr_scale = 1;  ///< multiplies the learning rate
};

/// A weight that updates itself in one pass, with the trained tensors behind it.
struct LeafWeight {
  std::string name;  ///< of the layer
  quant::LeafUpdate* leaf = nullptr;
  std::vector<Parameter> references;
};

/// Everything that is trained in a network, in registration order.
struct ParameterSet {
  std::vector<Parameter> ordinary;
  std::vector<LeafWeight> leaves;
};

/// What differs between the tensors of a network besides their methods.
struct ParameterRules {
  bool decay_norms = true;  ///< off: biases and other tensors of one dimension are not decayed
  std::function<double(const std::string& name)> lr_scale;  ///< factor of the learning rate; empty: 1
};

/// Collects the trained tensors; frozen layers and tensors that need no gradient are left out. `decay_references` off
/// exempts tensors that are references of discrete weights (sign and gates) from weight decay; everything else is
/// decayed, as the authors do (design/methods 3.5).
[[nodiscard]] ParameterSet collect_parameters(torch::nn::Module& model, double weight_decay, bool decay_references,
                                              const ParameterRules& rules = {});

/// Which optimiser, with torch's names and meanings.
struct OptimizerOptions {
  std::string optimizer = "sgd";
  double momentum = 0.9;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// An optimiser. State tensors exist from the start, so a checkpoint always has the same names.
class Optimizer {
 public:
  explicit Optimizer(ParameterSet parameters) : parameters_(std::move(parameters)) {}
  virtual ~Optimizer() = default;

  /// Updates everything with the gradients that backward() left, each multiplied by `grad_scale` first. Parameters
  /// without a gradient are left alone. Throws a work error naming the layer when a reference weight became NaN.
  virtual void step(double lr, double grad_scale) = 0;
  /// State as "KIND.PARAMETER" (for example "momentum.layer1.0.conv1.w_sign"), to be saved and loaded in place.
  [[nodiscard]] virtual std::vector<quant::NamedTensor> state() const = 0;

  /// Drops all gradients (not zero-filling them saves two passes over memory).
  void zero_grad();
  /// Euclidean norm over the gradients of all trained tensors, references included.
  [[nodiscard]] double gradient_norm();

 protected:
  ParameterSet parameters_;
};

/// Makes sgd or adamw. Throws a usage error for other names, and for leaves with an optimiser that cannot update them.
[[nodiscard]] std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, ParameterSet parameters);

}  // namespace denseshift::optim
