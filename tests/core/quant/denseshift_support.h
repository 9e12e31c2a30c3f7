#pragma once
// What the tests of DenseShift weights share: one weight under each implementation, its gradients laid open.

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/quant/denseshift_quantizer.h"

namespace denseshift::testing {

inline const std::vector<std::string>& implementations() {
  static const std::vector<std::string> names = {"leaf", "function", "reference"};
  return names;
}

inline quant::MethodOptions denseshift_options(std::int64_t bits, const std::string& impl) {
  quant::MethodOptions options;
  options.method = "denseshift";
  options.wbits = bits;
  options.impl = impl;
  return options;
}

/// Overwrites w_sign, w_1 .. w_T and rebuilds what follows from them.
inline void set_references(quant::WeightQuantizer& quantizer, const std::vector<at::Tensor>& values) {
  const at::NoGradGuard no_grad;
  std::size_t i = 0;
  for (const quant::NamedTensor& p : quantizer.parameters()) p.tensor.detach().copy_(values.at(i++));
  quantizer.state_changed();
}

/// Gradients of w_sign, w_1 .. w_T after backward(). A leaf keeps only the gradient of the weight; a step with learning
/// rate 0 writes what it expands into fresh momenta.
inline std::vector<at::Tensor> reference_gradients(quant::WeightQuantizer& quantizer) {
  std::vector<at::Tensor> gradients;
  quant::LeafUpdate* leaf = quantizer.leaf_update();
  for (const quant::NamedTensor& p : quantizer.parameters()) {
    gradients.push_back(leaf == nullptr ? p.tensor.grad() : at::zeros_like(p.tensor.detach()));
  }
  if (leaf != nullptr) {
    quant::SgdOptions options;
    options.momentum = 0.5;
    leaf->sgd_step(options, gradients);
  }
  return gradients;
}

/// Values in row-major order.
template <class T = float>
std::vector<T> values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(c10::CppTypeToScalarType<T>::value).contiguous();
  return {flat.data_ptr<T>(), flat.data_ptr<T>() + flat.numel()};
}

}  // namespace denseshift::testing
