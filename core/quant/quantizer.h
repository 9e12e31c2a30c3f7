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

/// A place in a network that holds a weight.
struct LayerSite {
  enum class Kind { convolution, linear };
  std::string name;  ///< "layer1.0.conv2"
  Kind kind = Kind::convolution;
  bool first = false;             ///< the first convolution of the network
  bool shortcut = false;          ///< the projection of a residual block
  bool classifier = false;        ///< the last layer
  bool normalized = true;         ///< a norm follows, so a constant factor of the weight does not matter
  std::string part = "backbone";  ///< "backbone", "fpn" or "head"
  bool prediction = false;        ///< a last convolution of a detector or segmenter: its outputs are scores or offsets
  bool extra = false;             ///< SSD's additional blocks, which are part "head"
  std::int64_t fan_in = 0;
};

/// Geometry of a convolution; a linear layer has none.
struct ConvGeometry {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
};

/// A layer's weights as small integers with their scales. Two forms of the same values:
///   weight[o, ...] = codebook[o or 0][codes[o, ...]]                        (every method)
///   weight[o, ...] = scale[o or 0] * integers[codes[o, ...]]   exactly      (methods whose levels are multiples)
/// What export, conversion and packing start from.
struct ExportedCodes {
  std::int64_t bits = 32;
  at::Tensor codes;                    ///< uint8, the shape of the weight: index of the level, ascending
  at::Tensor codebook;                 ///< float (1 or output channels, levels)
  std::vector<std::int64_t> integers;  ///< one per level; empty when the levels are no multiples of a scale
  at::Tensor scale;                    ///< float, one element or one per output channel; undefined without integers
};

/// The weights that the codes stand for, as float of the shape of the codes.
[[nodiscard]] at::Tensor unpack(const ExportedCodes& exported);

/// How weight decay treats a trained tensor.
enum class Decay {
  normal,
  reference,  ///< threshold variables of discrete weights: the run's switch decides
  never,      ///< the method's authors exempt it
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
  /// How weight decay treats the tensor of that name.
  [[nodiscard]] virtual Decay decay(const std::string& /*name*/) const { return Decay::normal; }

  /// Random start.
  virtual void initialize(at::Generator generator) = 0;
  /// Starts from a full-precision weight of the same shape. False when the method has no such start.
  [[nodiscard]] virtual bool start_from(const at::Tensor& /*weight*/) { return false; }
  /// Call after parameters or buffers were changed from outside (loaded, averaged): rebuilds what is derived from them.
  /// Throws an input error when a value cannot be quantized (NaN).
  virtual void state_changed() {}

  /// The quantized weight as an autograd function of parameters() (or the leaf of leaf_update()).
  [[nodiscard]] virtual at::Tensor quantize() = 0;
  /// conv2d(input, quantize()); methods that need two convolutions or other inputs override it.
  [[nodiscard]] virtual at::Tensor convolve(const at::Tensor& input, const ConvGeometry& geometry);
  /// linear(input, quantize(), bias).
  [[nodiscard]] virtual at::Tensor apply_linear(const at::Tensor& input, const at::Tensor& bias);

  /// Whether the network trains or is evaluated. In evaluation quantize() changes no state and gives the weights that
  /// export_codes() stands for.
  void set_training(bool training) { training_ = training; }
  [[nodiscard]] bool training() const { return training_; }

  /// Called after each update with the number of updates done.
  virtual void on_step(std::int64_t /*step*/) {}
  /// Called before each epoch, also when a run resumes within it: it may only set what follows from its arguments.
  virtual void on_epoch(std::int64_t /*epoch*/, std::int64_t /*epochs*/) {}
  /// Trainings in a row that the method consists of; each restarts the learning rate.
  [[nodiscard]] virtual std::int64_t stages() const { return 1; }
  /// Called once at the start of each stage, not on resume: what it changes is state and belongs into buffers().
  virtual void on_stage(std::int64_t /*stage*/) {}

  /// Methods that solve for their start on real inputs: between begin and end, convolve() looks at its input for as
  /// long as wants_samples() says so; end_calibration() solves with what was seen.
  [[nodiscard]] virtual bool calibrates() const { return false; }
  virtual void begin_calibration() {}
  [[nodiscard]] virtual bool wants_samples() const { return false; }
  virtual void end_calibration() {}

  /// Added to the loss; undefined means none.
  [[nodiscard]] virtual at::Tensor regularizer() { return {}; }

  /// One byte per weight that names its discrete state, for statistics; undefined for methods without one.
  [[nodiscard]] virtual at::Tensor codes() { return {}; }
  /// Gates of the byte codes (see core/kernels/densequant.h); 0 without.
  [[nodiscard]] virtual int code_gates() const { return 0; }
  /// Integer codes and scale; throws a usage error for full precision.
  [[nodiscard]] virtual ExportedCodes export_codes() = 0;

  /// What a user should know about the present state ("w_n is negative"), or empty. Asked after each epoch.
  [[nodiscard]] virtual std::string remark() { return {}; }

  /// The fast path, or null.
  [[nodiscard]] virtual LeafUpdate* leaf_update() { return nullptr; }

 private:
  bool training_ = true;
};

}  // namespace denseshift::quant
