#pragma once
// What working with compilers and analysers takes besides core/util/tool.h.

#include <filesystem>
#include <string>

#include "core/util/tool.h"

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

/// First line that `PROGRAM --version` prints which has a digit, such as "g++ (Debian 12.2.0-14) 12.2.0".
[[nodiscard]] std::string tool_version(const std::string& path);

/// First line of an error text, for messages of one line.
[[nodiscard]] std::string first_line(const std::string& text);

}  // namespace denseshift::bench
