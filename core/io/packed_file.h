#pragma once
// Packed DenseShift weights of a network in one file: safetensors with, for every layer L, a tensor "L.codes" (U8, rows
// x row_bytes, the neutral layout of core/kernels/packed) and a tensor "L.scale" (F32, rows). The metadata hold the
// bits and columns of each layer and a SHA-256 over all of it, so that a damaged file is noticed before it computes
// nonsense. The file is the same on every CPU; kernels repack it when they load it.

#include <filesystem>
#include <map>
#include <string>

#include "core/kernels/packed/packed.h"

namespace denseshift::io {

/// Writes the layers atomically. Throws std::invalid_argument for a matrix whose sizes do not fit each other, a work
/// error naming the path when the file cannot be written.
void write_packed(const std::filesystem::path& path, const std::map<std::string, kernels::PackedMatrix>& layers);

/// Reads and checks. Every violation (truncated, other format or version, sizes that do not fit, wrong checksum) is an
/// input error that names the file.
[[nodiscard]] std::map<std::string, kernels::PackedMatrix> read_packed(const std::filesystem::path& path);

}  // namespace denseshift::io
