#pragma once
// Compilers and analysers as child processes.

#include <filesystem>
#include <string>
#include <vector>

namespace denseshift::bench {

/// A new folder below the system's temporary one, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What a program printed and the status that it ended with (128 + signal when killed).
struct ToolOutput {
  int status = 0;
  std::string out;
  std::string err;
};

/// Path of a program: `name` itself when it has a slash, else the first file of that name in PATH that can be run.
/// Empty when there is none.
[[nodiscard]] std::string find_tool(const std::string& name);

/// Runs the program words[0] (a path) to its end.
[[nodiscard]] ToolOutput run_tool(const std::vector<std::string>& words);

/// First line that `PROGRAM --version` prints which has a digit, such as "g++ (Debian 12.2.0-14) 12.2.0".
[[nodiscard]] std::string tool_version(const std::string& path);

/// First line of an error text, for messages of one line.
[[nodiscard]] std::string first_line(const std::string& text);

}  // namespace denseshift::bench
