#pragma once
// One child process whose output goes to a file, and which is told to stop when its parent ends in whatever way.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace denseshift::sweeps {

/// How a process ended.
struct ProcessEnd {
  int status = 0;  ///< exit status; 128 + signal when a signal ended it, as shells count
  int signal = 0;  ///< 0: none
};

/// A running program. It has a process group of its own, so that an interruption typed at the terminal reaches only the
/// parent, which decides.
class WorkerProcess {
 public:
  /// Starts `words[0]` with the other words. Standard output and error are written to `log`, standard input is empty.
  /// Throws a work error when no process can be started.
  WorkerProcess(const std::vector<std::string>& words, const std::filesystem::path& log);
  /// Kills the process if it still runs.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// Asks to stop: SIGTERM.
  void terminate() const;
  /// The end, once it has come; never waits.
  [[nodiscard]] std::optional<ProcessEnd> poll();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<ProcessEnd> end_;
};

}  // namespace denseshift::sweeps
