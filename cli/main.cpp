// Entry of the program: names a command and runs it.

#include <iostream>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/version.h"
#include "core/util/error.h"

namespace {

int run(const std::vector<std::string>& arguments) {
  using namespace denseshift::cli;
  if (!arguments.empty() && arguments.front() == "--version") {
    std::cout << version_text();
    return 0;
  }
  return dispatch("", "Trains, evaluates and records low-bit power-of-two (shift) networks.", commands(), arguments);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return denseshift::cli::guarded([&] {
    const int status = run(arguments);
    if (!std::cout.flush())
      throw denseshift::work_error("the result could not be written to standard output", "is the disk full?");
    return status;
  });
}
