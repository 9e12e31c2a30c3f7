#include "sweeps/worker_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/util/error.h"
#include "core/util/start_program.h"

namespace denseshift::sweeps {
WorkerProcess::WorkerProcess(const std::vector<std::string>& words, const std::filesystem::path& log) {
  constexpr mode_t kMode = 0644;
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (output < 0) throw work_error(log.string() + ": cannot be written: " + std::strerror(errno));
  try {
    pid_ = start_program(words, output, output);
  } catch (...) {
    close(output);
    throw;
  }
  close(output);
}

WorkerProcess::~WorkerProcess() {
  if (pid_ <= 0 || end_) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

void WorkerProcess::terminate() const {
  if (pid_ > 0 && !end_) kill(pid_, SIGTERM);
}

std::optional<ProcessEnd> WorkerProcess::poll() {
  if (end_) return end_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  constexpr int kSignalBase = 128;
  end_ = WIFEXITED(status) ? ProcessEnd{WEXITSTATUS(status), 0}
                           : ProcessEnd{kSignalBase + WTERMSIG(status), WTERMSIG(status)};
  return end_;
}

}  // namespace denseshift::sweeps
