#pragma once
// From the saved object to named, contiguous tensors.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "core/io/torch_container.h"

namespace denseshift::io {

/// The tensors of an object. Views point into the storages or into `copies`.
struct TorchTensors {
  std::map<std::string, TensorView> tensors;
  std::vector<std::unique_ptr<std::byte[]>> copies;
  std::vector<std::string> skipped;       ///< "name (kind)"
  std::vector<std::string> dictionaries;  ///< keys of the outermost dictionaries
};

/// Flattens the saved dictionary. Takes at most `most_bytes` of memory; more (views that repeat their elements,
/// dictionaries that hold each other) is an input error, as are tensors outside their storage and repeated names.
/// Errors begin with `where`.
[[nodiscard]] TorchTensors flatten_torch(const TorchContent& content, std::uint64_t most_bytes,
                                         const std::string& where);

}  // namespace denseshift::io
