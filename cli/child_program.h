#pragma once
// A program that is started, watched and waited for, such as a training in a process of its own.

#include <functional>
#include <string>
#include <vector>

namespace denseshift::cli {

/// How the program ended.
struct ProgramEnd {
  bool exited = false;         ///< false: killed by a signal
  int status = 0;              ///< exit status, or the number of the signal
  bool asked_to_stop = false;  ///< `enough` said so
  bool interrupted = false;    ///< this process got SIGINT or SIGTERM meanwhile
  std::string output;          ///< its standard output
};

/// Runs `program` (a path; its first word is the same) with `arguments` and waits for its end. Standard error is
/// shared, standard input is empty. It is in a process group of its own: SIGINT and SIGTERM that reach this process are
/// passed on, each once, and it gets SIGTERM when this process dies. A few times a second `enough` is asked with its
/// process id; when it says yes, the program gets SIGINT, once. Throws a work error when the program cannot be started.
[[nodiscard]] ProgramEnd run_child_program(const std::string& program, const std::vector<std::string>& arguments,
                                           const std::function<bool(int pid)>& enough = {});

}  // namespace denseshift::cli
