#include "core/quant/quantizer.h"

#include <ATen/ATen.h>

namespace denseshift::quant {

at::Tensor WeightQuantizer::convolve(const at::Tensor& input, const ConvGeometry& g) {
  return at::conv2d(input, quantize(), {}, g.stride, g.padding, g.dilation, g.groups);
}

at::Tensor WeightQuantizer::apply_linear(const at::Tensor& input, const at::Tensor& bias) {
  return at::linear(input, quantize(), bias);
}

at::Tensor unpack(const ExportedCodes& exported) {
  const std::int64_t rows = exported.codebook.size(0);
  const at::Tensor index = exported.codes.to(at::kLong).contiguous().reshape({rows, -1});
  return exported.codebook.gather(1, index).reshape(exported.codes.sizes());
}

}  // namespace denseshift::quant
