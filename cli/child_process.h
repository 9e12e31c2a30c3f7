#pragma once
// Work whose crash must not take the program along, such as loading a library that may be broken.

#include <functional>
#include <string>

namespace denseshift::cli {

/// How a child ended and what it wrote to its standard output.
struct ChildResult {
  bool finished = false;  ///< false: killed by a signal or by the time-out
  int status = 0;         ///< exit status, or the number of the signal
  std::string output;
  std::string errors;  ///< first line of its standard error
};

/// Runs `body` in a forked child and collects its output; kills it after `seconds`.
/// REQUIRES: this process has a single thread. Throws a work error when no child can be made.
[[nodiscard]] ChildResult run_in_child(const std::function<int()>& body, double seconds);

}  // namespace denseshift::cli
