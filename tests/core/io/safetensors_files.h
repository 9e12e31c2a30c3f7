#pragma once
// Safetensors files made by hand, for tests.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/io/safetensors.h"

namespace denseshift::io::testing {

/// Length, header text and data as they lie in a file.
inline std::string raw_file(const std::string& header, const std::string& data) {
  std::string content;
  for (int shift = 0; shift < 64; shift += 8) {
    content += static_cast<char>((static_cast<std::uint64_t>(header.size()) >> shift) & 0xFF);
  }
  return content + header + data;
}

/// Elements of a tensor of a file.
template <class T>
std::vector<T> values(const TensorView& view, std::size_t count) {
  std::vector<T> result(count);
  if (count > 0) std::memcpy(result.data(), view.data, count * sizeof(T));
  return result;
}

}  // namespace denseshift::io::testing
