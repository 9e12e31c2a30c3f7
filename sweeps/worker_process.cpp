#include "sweeps/worker_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/util/error.h"

namespace denseshift::sweeps {
namespace {

/// Everything after fork(): only calls that are safe there.
[[noreturn]] void become(char* const* words, int log, int null, pid_t parent) {
  constexpr int kCannotRun = 127;
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kCannotRun);  // the parent died before the line above
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(words[0], words);
  _exit(kCannotRun);
}

}  // namespace

WorkerProcess::WorkerProcess(const std::vector<std::string>& words, const std::filesystem::path& log) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  constexpr mode_t kMode = 0644;
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (output < 0) throw work_error(log.string() + ": cannot be written: " + std::strerror(errno));
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(pointers.data(), output, null, parent);
  const int problem = errno;
  close(output);
  if (null >= 0) close(null);
  if (pid_ < 0) throw work_error(std::string("cannot start a process: ") + std::strerror(problem));
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
