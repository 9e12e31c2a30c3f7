#pragma once
// Networks that give every pixel a class.

#include "core/nn/network.h"

namespace denseshift::nn {

struct SegmentationOutput {
  at::Tensor out;  ///< logits (N, classes, H, W) at the input's size
  at::Tensor aux;  ///< the auxiliary head's, same shape; undefined in evaluation and in networks without
};

class Segmenter : public Network {
 public:
  virtual SegmentationOutput forward(const at::Tensor& images) = 0;
  /// "out", in training also "aux".
  std::vector<quant::NamedTensor> outputs(const at::Tensor& images) override {
    SegmentationOutput output = forward(images);
    std::vector<quant::NamedTensor> result{{"out", output.out}};
    if (output.aux.defined()) result.push_back({"aux", output.aux});
    return result;
  }
};

}  // namespace denseshift::nn
