#include "core/util/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "core/util/error.h"

namespace denseshift {
namespace {

Error write_failure(const std::filesystem::path& path, int code) {
  const std::string hint = code == ENOSPC                    ? "free some space or choose another directory"
                           : code == EACCES || code == EROFS ? "choose a directory that you may write to"
                                                             : "";
  return work_error("cannot write " + path.string() + ": " + std::strerror(code), hint);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  static std::atomic<unsigned> count = 0;  // one process may have two files for one path under construction
  temporary_ = path_;
  temporary_ += ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw write_failure(path_, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ::ssize_t done = ::write(descriptor_, bytes, size);
    if (done < 0) {
      if (errno == EINTR) continue;
      throw write_failure(path_, errno);
    }
    bytes += done;
    size -= static_cast<std::size_t>(done);
  }
}

void AtomicFile::commit(bool durable) {
  if (durable && ::fsync(descriptor_) != 0) throw write_failure(path_, errno);
  ::close(std::exchange(descriptor_, -1));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary_.c_str());
    throw write_failure(path_, code);
  }
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content.data(), content.size());
  file.commit();
}

std::string read_file(const std::filesystem::path& path, std::size_t limit) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) throw input_error(path.string() + " is a directory, not a file");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw input_error("cannot read " + path.string() + ": " + std::strerror(errno));
  const auto size = static_cast<std::size_t>(file.tellg());
  if (size > limit) throw input_error(path.string() + " is too large (" + std::to_string(size) + " bytes)");
  std::string content(size, '\0');
  file.seekg(0);
  file.read(content.data(), static_cast<std::streamsize>(size));
  if (static_cast<std::size_t>(file.gcount()) != size) throw input_error("cannot read " + path.string());
  return content;
}

}  // namespace denseshift
