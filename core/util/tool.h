#pragma once
// Short programs of others, such as sbatch, and what they say.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace denseshift {

/// What a program said and how it ended.
struct ToolResult {
  int status = 0;      ///< exit status; 128 + signal when a signal ended it
  std::string output;  ///< its standard output
  std::string errors;  ///< its standard error
};

/// Where the program is: `name` itself when it holds a slash, else its first place on PATH. nullopt: nowhere.
[[nodiscard]] std::optional<std::filesystem::path> find_tool(const std::string& name);

/// Runs words[0], found on PATH, to its end. Throws a work error when it cannot be started.
[[nodiscard]] ToolResult run_tool(const std::vector<std::string>& words);

}  // namespace denseshift
