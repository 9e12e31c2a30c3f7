#include "core/quant/quantizer.h"

#include <ATen/ATen.h>

namespace denseshift::quant {

at::Tensor WeightQuantizer::convolve(const at::Tensor& input, const ConvGeometry& g) {
  return at::conv2d(input, quantize(), {}, g.stride, g.padding, g.dilation, g.groups);
}

}  // namespace denseshift::quant
