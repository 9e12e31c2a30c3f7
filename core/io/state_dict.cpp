#include "core/io/state_dict.h"

#include <ATen/ATen.h>

#include <cstring>
#include <set>

#include "core/nn/layers.h"
#include "core/util/error.h"

namespace denseshift::io {
namespace {

const std::vector<std::pair<at::ScalarType, const char*>>& dtypes() {
  static const std::vector<std::pair<at::ScalarType, const char*>> table = {
      {at::kDouble, "F64"}, {at::kFloat, "F32"}, {at::kHalf, "F16"}, {at::kBFloat16, "BF16"}, {at::kLong, "I64"},
      {at::kInt, "I32"},    {at::kShort, "I16"}, {at::kChar, "I8"},  {at::kByte, "U8"},       {at::kBool, "BOOL"}};
  return table;
}

const char* dtype_name(at::ScalarType type) {
  for (const auto& [scalar, name] : dtypes()) {
    if (scalar == type) return name;
  }
  throw std::logic_error("tensor type without a name in safetensors");
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace

std::vector<quant::NamedTensor> state_of(torch::nn::Module& model) {
  std::vector<quant::NamedTensor> state;
  for (const auto& item : model.named_parameters()) state.push_back({item.key(), item.value()});
  for (const auto& item : model.named_buffers()) state.push_back({item.key(), item.value()});
  return state;
}

void state_changed(torch::nn::Module& model) {
  for (const auto& [name, layer] : nn::weight_layers(model)) {
    try {
      layer->quantizer().state_changed();
    } catch (const Error& error) {
      throw work_error(name + ": " + error.what());
    }
  }
}

at::Tensor to_tensor(const TensorView& view) {
  for (const auto& [scalar, name] : dtypes()) {
    if (view.dtype != name) continue;
    at::Tensor tensor = at::empty(view.shape, scalar);
    const std::size_t bytes = static_cast<std::size_t>(tensor.numel()) * tensor.element_size();
    if (bytes > 0) std::memcpy(tensor.data_ptr(), view.data, bytes);
    return tensor;
  }
  throw std::invalid_argument("unexpected type " + view.dtype);
}

std::string save_tensors(const std::filesystem::path& path, const std::vector<quant::NamedTensor>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::vector<at::Tensor> host;  // keeps the memory that the views point to
  std::vector<TensorView> views;
  for (const quant::NamedTensor& item : tensors) {
    host.push_back(item.tensor.detach().to(at::kCPU).contiguous());
    views.push_back(
        {item.name, dtype_name(host.back().scalar_type()), host.back().sizes().vec(), host.back().data_ptr()});
  }
  return write_safetensors(path, views, metadata);
}

void load_tensors(const SafetensorsFile& file, const std::string& file_name, const std::string& prefix,
                  const std::vector<quant::NamedTensor>& live) {
  const at::NoGradGuard no_grad;
  std::set<std::string> wanted;
  for (const quant::NamedTensor& item : live) {
    const std::string name = prefix + item.name;
    wanted.insert(name);
    const auto found = file.tensors().find(name);
    if (found == file.tensors().end()) throw input_error(file_name + ": tensor " + name + " is missing");
    const TensorView& view = found->second;
    const std::vector<std::int64_t> shape = item.tensor.sizes().vec();
    if (view.shape != shape) {
      throw input_error(file_name + ": tensor " + name + " has shape " + shape_text(view.shape) + ", expected " +
                        shape_text(shape));
    }
    if (view.dtype != dtype_name(item.tensor.scalar_type())) {
      throw input_error(file_name + ": tensor " + name + " has type " + view.dtype + ", expected " +
                        dtype_name(item.tensor.scalar_type()));
    }
    item.tensor.detach().copy_(to_tensor(view));
  }
  for (const auto& [name, view] : file.tensors()) {
    if (name.compare(0, prefix.size(), prefix) == 0 && wanted.count(name) == 0) {
      throw input_error(file_name + ": unexpected tensor " + name);
    }
  }
}

}  // namespace denseshift::io
