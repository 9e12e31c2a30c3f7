#include "core/bench/model/tool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/util/error.h"
#include "core/util/start_program.h"

namespace denseshift::bench {
namespace {

namespace fs = std::filesystem;

/// A file for what a child prints.
class OutputFile {
 public:
  explicit OutputFile(fs::path path)
      : path_(std::move(path)), descriptor_(open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0) throw work_error(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() { close(descriptor_); }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  fs::path path_;
  int descriptor_;
};

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw work_error(fmt::format("waiting for a program failed: {}", std::strerror(errno)));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

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

std::string find_tool(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : std::string();
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    if (access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate)) return candidate;
  }
  return {};
}

ToolOutput run_tool(const std::vector<std::string>& words) {
  const TemporaryFolder folder;
  const OutputFile out(folder.path() / "out");
  const OutputFile err(folder.path() / "err");
  ToolOutput result;
  result.status = wait_for(start_program(words, out.descriptor(), err.descriptor()));
  result.out = out.text();
  result.err = err.text();
  return result;
}

std::string tool_version(const std::string& path) {
  const ToolOutput output = run_tool({path, "--version"});
  std::istringstream lines(output.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find_first_not_of(' ');
    if (line.find_first_of("0123456789") != std::string::npos) return line.substr(first);
  }
  throw input_error(fmt::format("{} does not tell its version", path));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace denseshift::bench
