#include "core/io/compare_tensors.h"

#include <cstring>

namespace denseshift::io {
namespace {

bool same(const TensorView& a, const TensorView& b) {
  if (a.dtype != b.dtype || a.shape != b.shape) return false;
  std::size_t bytes = dtype_size(a.dtype);
  for (const std::int64_t size : a.shape) bytes *= static_cast<std::size_t>(size);
  return bytes == 0 || std::memcmp(a.data, b.data, bytes) == 0;
}

}  // namespace

std::vector<std::string> differing_tensors(const SafetensorsFile& a, const SafetensorsFile& b) {
  std::vector<std::string> names;
  for (const auto& [name, view] : a.tensors()) {
    const auto other = b.tensors().find(name);
    if (other == b.tensors().end() || !same(view, other->second)) names.push_back(name);
  }
  for (const auto& [name, view] : b.tensors()) {
    if (a.tensors().count(name) == 0) names.push_back(name);
  }
  return names;
}

}  // namespace denseshift::io
