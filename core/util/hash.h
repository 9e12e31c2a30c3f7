#pragma once
// SHA-256 of memory and files (OpenSSL).

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace denseshift {

/// Incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* data, std::size_t size);
  /// Lower-case hexadecimal digest; the object may not be used afterwards.
  [[nodiscard]] std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// Digest of a memory block.
[[nodiscard]] std::string sha256(const void* data, std::size_t size);
/// Digest of a file. Throws an input error naming the path when it cannot be read.
[[nodiscard]] std::string sha256_file(const std::filesystem::path& path);

}  // namespace denseshift
