#pragma once
// The safetensors format: 8 bytes of little-endian header length, a JSON header, raw tensor data. Our checkpoints use
// it because Python reads it and the part of denseshift without LibTorch can too.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace denseshift::io {

/// A tensor to be written: memory belongs to the caller. `dtype` is the format's own name: F64 F32 F16 BF16 I64 I32 I16
/// I8 U8 BOOL.
struct TensorView {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
};

/// Bytes per element, or 0 for a name the format does not have.
[[nodiscard]] std::size_t dtype_size(const std::string& dtype);

/// Writes the file atomically and returns its SHA-256. The data section starts at a multiple of 64 bytes and holds the
/// tensors without gaps (the format forbids them), those with larger elements first, so every tensor is aligned to its
/// element. Throws std::invalid_argument for an unknown dtype, a negative or too large shape, two tensors of one name
/// or the name
/// "__metadata__"; a work error naming the path when the file cannot be written (the old file stays as it was).
std::string write_safetensors(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                              const std::map<std::string, std::string>& metadata);

/// A file read into memory and checked: header size, JSON, dtypes, shapes, offsets inside the file, sizes equal to
/// shape x dtype, no overlap, no gap, no duplicate names. Every violation is an input error that names the file.
/// The data of a foreign file need not be aligned to its element: copy it with memcpy. Views point into this object.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  [[nodiscard]] const std::map<std::string, TensorView>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  /// Throws an input error naming the file when the tensor is missing.
  [[nodiscard]] const TensorView& at(const std::string& name) const;

 private:
  std::filesystem::path path_;
  std::string content_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace denseshift::io
