#pragma once
// The contract between a layer and the method that quantizes its weight. One implementation per method; the trainer,
// the layers and the checkpoint know no method by name.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace denseshift::quant {

/// A tensor with the name it has inside its layer ("w_sign", "w_1", "weight").
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// What a method is told about one layer.
struct MethodOptions {
  std::string method = "fp32";
  std::int64_t wbits = 32;
  std::string init = "lvr";
  std::string gradient = "surrogate";
  std::string zero_convention = "paper";
  std::int64_t shift_bias = 0;
  std::string impl = "auto";
  std::map<std::string, std::string> extra;  ///< options only one method knows
};

/// Geometry of a convolution; a linear layer has none.
struct ConvGeometry {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
};

/// A layer's weights as small integers: weight = scale[channel] * value(code). What export and packing start from.
struct ExportedCodes {
  std::int64_t bits = 32;
  at::Tensor
      values;  ///< int16, the shape of the weight: the level in units of the scale (DenseShift: +-2^S, at most 128)
  at::Tensor scale;  ///< float, one element or one per output channel
};

/// One SGD step's numbers, as torch::optim::SGD has them.
struct SgdOptions {
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;
  double grad_scale = 1;
  bool nesterov = false;
};

/// A quantized weight that is itself the leaf of the autograd graph: the trained tensors live outside the graph, and
/// one pass expands the gradient of the weight, updates them and quantizes again (design: "(c)", the fast path on the
/// CPU).
class LeafUpdate {
 public:
  virtual ~LeafUpdate() = default;
  /// The leaf; its grad() is what backward() leaves behind.
  [[nodiscard]] virtual at::Tensor& leaf() = 0;
  /// Sum of squares of all gradients of the trained tensors, for clipping by norm.
  [[nodiscard]] virtual double gradient_square_sum() = 0;
  /// Consumes leaf().grad(). `momenta` holds one tensor per trained tensor, in the order of parameters(); empty without
  /// momentum. Throws a work error naming nothing when a trained tensor became NaN; the caller adds the layer's name.
  virtual void sgd_step(const SgdOptions& options, const std::vector<at::Tensor>& momenta) = 0;
};

/// State and arithmetic of one layer's weight.
class WeightQuantizer {
 public:
  virtual ~WeightQuantizer() = default;

  [[nodiscard]] virtual std::int64_t bits() const = 0;
  /// Levels in ascending order in units of the scale; empty for full precision.
  [[nodiscard]] virtual std::vector<double> levels() const = 0;

  /// Trained tensors. They are registered with the layer, so names must be stable: checkpoints use them.
  [[nodiscard]] virtual std::vector<NamedTensor> parameters() const = 0;
  /// State that is not trained by gradient (moving averages, masks).
  [[nodiscard]] virtual std::vector<NamedTensor> buffers() const { return {}; }
  /// Whether weight decay acts on the trained tensors (the run's switch decays references or not).
  [[nodiscard]] virtual bool parameters_are_references() const { return false; }

  /// Random start.
  virtual void initialize(at::Generator generator) = 0;
  /// Call after parameters or buffers were changed from outside (loaded, averaged): rebuilds what is derived from them.
  /// Throws an input error when a value cannot be quantized (NaN).
  virtual void state_changed() {}

  /// The quantized weight as an autograd function of parameters() (or the leaf of leaf_update()).
  [[nodiscard]] virtual at::Tensor quantize() = 0;
  /// conv2d(input, quantize()); methods that need two convolutions override it.
  [[nodiscard]] virtual at::Tensor convolve(const at::Tensor& input, const ConvGeometry& geometry);

  /// Moments of training. `epochs` is the planned total.
  virtual void on_step(std::int64_t /*step*/) {}
  virtual void on_epoch(std::int64_t /*epoch*/, std::int64_t /*epochs*/) {}
  virtual void on_stage(std::int64_t /*stage*/) {}
  /// Added to the loss; undefined means none.
  [[nodiscard]] virtual at::Tensor regularizer() { return {}; }

  /// One byte per weight that names its discrete state, for statistics; undefined for methods without one.
  [[nodiscard]] virtual at::Tensor codes() { return {}; }
  /// Gates of the byte codes (see core/kernels/densequant.h); 0 without.
  [[nodiscard]] virtual int code_gates() const { return 0; }
  /// Integer codes and scale; throws a usage error for full precision.
  [[nodiscard]] virtual ExportedCodes export_codes() = 0;

  /// The fast path, or null.
  [[nodiscard]] virtual LeafUpdate* leaf_update() { return nullptr; }
};

}  // namespace denseshift::quant
