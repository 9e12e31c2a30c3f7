#include "experiments/run/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/util/error.h"

namespace denseshift::experiments {

RunDirectory::RunDirectory(std::filesystem::path path, Use use)
    : path_(std::filesystem::absolute(path).lexically_normal()) {
  std::error_code code;
  std::filesystem::create_directories(path_, code);
  if (code)
    throw work_error("cannot make the run's folder " + path_.string() + ": " + code.message(),
                     "choose another with --run-dir");
  const std::filesystem::path lock = path_ / "run.lock";
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) {
    throw work_error("cannot write in the run's folder " + path_.string() + ": " + std::strerror(errno),
                     "choose another with --run-dir");
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw usage_error("another process is working in " + path_.string(), "choose another folder with --run-dir");
  }
  if (use == Use::fresh &&
      (std::filesystem::exists(path_ / "last.json") || std::filesystem::exists(path_ / "config.json"))) {
    ::close(lock_);
    throw usage_error(path_.string() + " already holds a run",
                      "choose another folder with --run-dir, or continue that run with --resume");
  }
}

RunDirectory::~RunDirectory() { ::close(lock_); }

}  // namespace denseshift::experiments
