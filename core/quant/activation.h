#pragma once
// Quantized activations: what stands in the place of a ReLU in front of a quantized layer, and the table of the
// methods that `--activation` may name.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/quant/quantizer.h"
#include "core/util/registry.h"

namespace denseshift::quant {

/// What a method is told about one place.
struct ActivationOptions {
  std::string method = "pact";
  std::int64_t bits = 8;
  std::int64_t channels = 0;         ///< of the input; needed by hwgq
  bool signed_input = false;         ///< pact: inputs may be negative and are clipped to [-alpha, alpha]
  double alpha = 10;                 ///< pact: start of the clipping level
  std::string ema = "debiased";      ///< lq-nets: moving average of the basis, debiased or plain
  std::vector<double> centres = {};  ///< hwgq: positive levels in ascending order; empty: the method's own
  /// The quantization function alone, without what belongs in front of it in a network: hwgq's batch norm, and the ReLU
  /// that lq-nets takes the place of.
  bool bare = false;
  bool reference = false;  ///< tensor operations on the CPU, too
};

/// State and arithmetic of one place.
class ActivationQuantizer {
 public:
  virtual ~ActivationQuantizer() = default;

  [[nodiscard]] virtual std::int64_t bits() const = 0;
  /// One line for people: "pact, 8 bits, alpha 9.87".
  [[nodiscard]] virtual std::string description() const = 0;
  /// Trained tensors; weight decay treats them like any other. Names are stable: checkpoints use them.
  [[nodiscard]] virtual std::vector<NamedTensor> parameters() const { return {}; }
  /// State that is not trained by gradient.
  [[nodiscard]] virtual std::vector<NamedTensor> buffers() const { return {}; }
  /// Levels of the present state, ascending.
  [[nodiscard]] virtual std::vector<double> levels() const = 0;

  /// The quantized activation as an autograd function of x and parameters(), of x's type. Half-precision inputs are
  /// quantized as floats.
  [[nodiscard]] at::Tensor forward(const at::Tensor& x);

  /// In evaluation forward() changes no state.
  void set_training(bool training) { training_ = training; }
  [[nodiscard]] bool training() const { return training_; }

 protected:
  /// `x` is float or double.
  [[nodiscard]] virtual at::Tensor quantize(const at::Tensor& x) = 0;

 private:
  bool training_ = true;
};

/// What the program knows about a method without making a quantizer.
struct ActivationMethod {
  std::vector<std::int64_t> bits;
  std::string levels;   ///< for people
  std::string trained;  ///< names of trained tensors, or how the levels are found
  std::string notes;    ///< what is our own reading
  std::function<std::unique_ptr<ActivationQuantizer>(const ActivationOptions& options)> make;
};

/// All methods. To add one: its file, and one line in activation.cpp.
[[nodiscard]] const Registry<ActivationMethod>& activation_methods();

/// Throws a usage error "abits: ..." unless the method has these bits, and for unknown names.
void check_activation_bits(const std::string& method, std::int64_t bits);

/// Checks name and bits and makes the quantizer.
[[nodiscard]] std::unique_ptr<ActivationQuantizer> make_activation(const ActivationOptions& options);

/// PACT: clipping at a trained level (Choi et al. 2018).
[[nodiscard]] ActivationMethod pact_method();
/// HWGQ: fixed levels for a half-wave Gaussian (Cai et al. 2017).
[[nodiscard]] ActivationMethod hwgq_activation(bool uniform);
/// LQ-Nets: a learned basis (Zhang et al. 2018).
[[nodiscard]] ActivationMethod lq_nets_activation();

}  // namespace denseshift::quant
