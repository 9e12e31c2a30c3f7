#pragma once
// Tensors between a network and safetensors files.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "core/quant/quantizer.h"

namespace denseshift::io {

/// All parameters and buffers of the network with their dotted names, in registration order. The tensors are the live
/// ones.
[[nodiscard]] std::vector<quant::NamedTensor> state_of(torch::nn::Module& model);

/// Rebuilds what quantizers derive from their state. Throws a work error naming the layer when a weight cannot be
/// quantized.
void state_changed(torch::nn::Module& model);

/// A copy of a tensor of a file. Throws std::invalid_argument for a type that tensors do not have.
[[nodiscard]] at::Tensor to_tensor(const TensorView& view);

/// Writes tensors (made contiguous, on the CPU) atomically; returns the file's SHA-256.
std::string save_tensors(const std::filesystem::path& path, const std::vector<quant::NamedTensor>& tensors,
                         const std::map<std::string, std::string>& metadata);

/// Copies "PREFIXname" of the file into every live tensor, strictly: names, shapes and types must agree. Throws an
/// input error that names the first missing tensor or the first difference. Tensors of the file under the prefix that
/// nobody asked for are an error too.
void load_tensors(const SafetensorsFile& file, const std::string& file_name, const std::string& prefix,
                  const std::vector<quant::NamedTensor>& live);

}  // namespace denseshift::io
