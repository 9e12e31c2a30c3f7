#include "cli/child_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include "core/util/error.h"
#include "core/util/start_program.h"

namespace denseshift::cli {
namespace {

constexpr int kTickMilliseconds = 200;

volatile std::sig_atomic_t pending_signal = 0;

void remember(int signal) { pending_signal = signal; }

/// Catches SIGINT and SIGTERM while it lives.
class CaughtSignals {
 public:
  CaughtSignals() {
    pending_signal = 0;
    struct sigaction action {};
    action.sa_handler = remember;
    sigaction(SIGINT, &action, &old_[0]);
    sigaction(SIGTERM, &action, &old_[1]);
  }
  ~CaughtSignals() { restore(); }
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;

  void restore() const {
    sigaction(SIGINT, &old_[0], nullptr);
    sigaction(SIGTERM, &old_[1], nullptr);
  }
  /// The signal since the last call; 0 for none.
  static int take() {
    const int signal = pending_signal;
    pending_signal = 0;
    return signal;
  }

 private:
  std::array<struct sigaction, 2> old_{};
};

}  // namespace

ProgramEnd run_child_program(const std::string& program, const std::vector<std::string>& arguments,
                             const std::function<bool(int pid)>& enough) {
  if (access(program.c_str(), X_OK) != 0)
    throw work_error(fmt::format("cannot run {}: {}", program, std::strerror(errno)));
  std::cout.flush();
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw work_error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  const CaughtSignals signals;
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  pid_t child = -1;
  try {
    child = start_program(words, ends[1], -1, [&signals] { signals.restore(); });
  } catch (...) {
    close(ends[0]);
    close(ends[1]);
    throw;
  }
  close(ends[1]);

  ProgramEnd end;
  std::array<char, 4096> buffer;
  for (pollfd pipe{ends[0], POLLIN, 0};;) {
    const int ready = poll(&pipe, 1, kTickMilliseconds);
    if (const int signal = CaughtSignals::take(); signal != 0) {
      end.interrupted = true;
      kill(child, signal);
    }
    if (ready > 0) {
      const ssize_t count = read(ends[0], buffer.data(), buffer.size());
      if (count == 0 || (count < 0 && errno != EINTR)) break;
      if (count > 0) end.output.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (enough && !end.asked_to_stop && !end.interrupted && enough(child)) {
      end.asked_to_stop = true;
      kill(child, SIGINT);
    }
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    if (const int signal = CaughtSignals::take(); signal != 0) kill(child, signal);
  }
  end.exited = WIFEXITED(status);
  end.status = end.exited ? WEXITSTATUS(status) : WTERMSIG(status);
  return end;
}

}  // namespace denseshift::cli
