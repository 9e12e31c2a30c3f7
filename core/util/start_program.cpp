#include "core/util/start_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/util/error.h"

namespace denseshift {
namespace {

constexpr int kCannotRun = 127;

/// Everything after fork(): only calls that are safe there.
[[noreturn]] void become(char* const* words, int output, int errors, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kCannotRun);  // the parent died before the line above
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(nothing, STDIN_FILENO);
  if (output >= 0) dup2(output, STDOUT_FILENO);
  if (errors >= 0) dup2(errors, STDERR_FILENO);
  execv(words[0], words);
  _exit(kCannotRun);
}

}  // namespace

pid_t start_program(const std::vector<std::string>& words, int output, int errors,
                    const std::function<void()>& prepare) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw work_error(fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (child == 0) {
    if (prepare) prepare();
    become(pointers.data(), output, errors, parent);
  }
  return child;
}

}  // namespace denseshift
