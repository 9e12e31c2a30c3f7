#pragma once
// Convolutions with packed weights as candidates, and the same problem in plain forms.

#include <memory>
#include <vector>

#include "core/bench/matrix_cases.h"
#include "core/bench/resnet_layers.h"

namespace denseshift::bench {

/// A convolution over NHWC images with weights [outputs][kernel_height][kernel_width][channels].
struct ConvProblem {
  kernels::ConvShape shape;
  std::size_t outputs = 0;
  int bits = 2;
  std::vector<float> w;
  std::vector<std::int8_t> w8;   ///< the same; only 2 and 3 bits fit
  std::vector<float> x;          ///< batch * height * width * channels
  std::vector<std::uint8_t> x8;  ///< x quantized, zero point 128
  float x_scale = 1;
  kernels::PackedMatrix packed;

  [[nodiscard]] std::size_t pixels() const;  ///< of the output, over the batch
  [[nodiscard]] double macs() const;         ///< padding counted as work, as usual
  /// Exact sums at output pixel and channel: of x * w, and of (x8 - zero_point) * w8, with 0 in the padding.
  [[nodiscard]] double float_sum(std::size_t pixel, std::size_t output) const;
  [[nodiscard]] std::int64_t byte_sum(std::size_t pixel, std::size_t output, int zero_point) const;
};
[[nodiscard]] std::shared_ptr<const ConvProblem> make_conv_problem(const ConvLayer& layer, int bits);

/// Our candidates: w<bits>a8 and w<bits>a8+q. Throws a work error when a result is wrong.
[[nodiscard]] std::vector<WorkCase> conv_cases(const std::shared_ptr<const ConvProblem>& problem,
                                               const CaseOptions& options);

}  // namespace denseshift::bench
