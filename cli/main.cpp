// Entry of the program: names a command and runs it.

#include <iostream>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/version.h"

int main(int argc, char** argv) {
  using namespace denseshift::cli;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return guarded([&] {
    if (!arguments.empty() && arguments.front() == "--version") {
      std::cout << version_text();
      return 0;
    }
    return dispatch("", "Trains, evaluates and records low-bit power-of-two (shift) networks.", commands(), arguments);
  });
}
