#pragma once
// Whether two files hold the same tensors.

#include <string>
#include <vector>

#include "core/io/safetensors.h"

namespace denseshift::io {

/// Names of the tensors in which two files differ: by a byte, the shape, the type, or by being in one file alone.
[[nodiscard]] std::vector<std::string> differing_tensors(const SafetensorsFile& a, const SafetensorsFile& b);

}  // namespace denseshift::io
