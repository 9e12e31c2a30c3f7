#pragma once
// Runs the real program and keeps what it said.

#include <map>
#include <string>
#include <vector>

namespace denseshift::testing {

struct ProgramResult {
  int status = -1;  ///< exit status; 128 + signal when it was killed
  bool timed_out = false;
  std::string out;
  std::string err;
};

struct ProgramOptions {
  std::map<std::string, std::string> environment = {};  ///< set on top of this process's own; an empty value unsets
  std::string directory = {};                           ///< working directory; empty: this process's own
  double timeout_seconds = 60;                          ///< then it is killed
};

/// Starts the denseshift program of this build with `arguments` and waits for its end. DENSESHIFT_DB, DENSESHIFT_DATA
/// and NO_COLOR are unset unless given, so that a developer's shell does not change what is tested.
ProgramResult run_program(const std::vector<std::string>& arguments, const ProgramOptions& options = {});

/// The same for any program; `arguments[0]` is its path.
ProgramResult run_command(const std::vector<std::string>& arguments, const ProgramOptions& options = {});

/// A folder that is removed with everything in it at the end of the scope.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file below the folder and returns its path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

}  // namespace denseshift::testing
