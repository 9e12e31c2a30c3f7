#pragma once
// The folder of one run, held by one process at a time.

#include <filesystem>
#include <string>

namespace denseshift::experiments {

/// Creates or opens the folder and locks it while the object lives.
class RunDirectory {
 public:
  enum class Use { fresh, resume };
  /// Throws a usage error when `fresh` and the folder already holds a run, or when another process works in it; a work
  /// error when it cannot be made.
  RunDirectory(std::filesystem::path path, Use use);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  /// Absolute path.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path checkpoint(const std::string& kind) const { return path_ / (kind + ".json"); }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace denseshift::experiments
