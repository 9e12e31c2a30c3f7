#pragma once
// Starting another program as a child that does not outlive its parent's interest in it.

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace denseshift {

/// Starts the program `words[0]` (a path) with the other words as its arguments and returns its process id, which the
/// caller waits for. It has a process group of its own, so that an interruption typed at the terminal reaches only the
/// parent; it gets SIGTERM when the parent dies in whatever way. Standard input is empty; standard output and error go
/// to the descriptors, of which a negative one leaves it shared. `prepare` runs in the child and may only do what is
/// safe after fork(). A program that cannot be run ends with status 127. Throws a work error when there can be no
/// further process.
[[nodiscard]] pid_t start_program(const std::vector<std::string>& words, int output, int errors,
                                  const std::function<void()>& prepare = {});

}  // namespace denseshift
