#pragma once
// Files that appear whole or not at all: written to a temporary name in the same directory, synced, renamed.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace denseshift {

/// A file under construction. Destroying it before commit() removes the temporary file.
class AtomicFile {
 public:
  /// Throws a work error that names the path when the directory cannot be written.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws a work error naming path and reason (for example a full disk); the old file stays as it was.
  void write(const void* data, std::size_t size);
  /// Syncs and renames over `path`. After this the new content is what a reader sees. Without `durable` it is not
  /// synced: for files whose readers detect that a crash of the system left them incomplete.
  void commit(bool durable = true);

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Writes `content` to `path` atomically.
void write_file(const std::filesystem::path& path, std::string_view content);

/// Reads a whole file of at most `limit` bytes. Throws an input error naming the path when it is missing, unreadable or
/// larger.
[[nodiscard]] std::string read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 32);

}  // namespace denseshift
