#include "core/bench/model/tool.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "core/util/error.h"

namespace denseshift::bench {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "denseshift-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw work_error(fmt::format("cannot make a temporary folder {}: {}", pattern, std::strerror(errno)));
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string tool_version(const std::string& path) {
  const ToolResult output = run_tool({path, "--version"});
  std::istringstream lines(output.output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find_first_not_of(' ');
    if (line.find_first_of("0123456789") != std::string::npos) return line.substr(first);
  }
  throw input_error(fmt::format("{} does not tell its version", path));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace denseshift::bench
