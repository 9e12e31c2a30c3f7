#include "results_db/run_files.h"

#include <algorithm>
#include <filesystem>

#include "core/util/error.h"

namespace denseshift::results_db {
namespace {

namespace fs = std::filesystem;

bool inside(const fs::path& path, const fs::path& directory) {
  const auto [end, unused] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return end == directory.end() && path != directory;
}

void check(const std::error_code& code, const fs::path& path) {
  if (code) throw work_error("cannot remove " + path.string() + ": " + code.message(), "the run's record was kept");
}

}  // namespace

RemovedFiles remove_run_files(const RunRecord& run, const std::vector<Artifact>& artifacts) {
  RemovedFiles removed;
  std::error_code code;
  if (run.run_dir.empty()) return removed;
  const fs::path directory = fs::weakly_canonical(run.run_dir, code);
  if (code || !fs::is_directory(directory, code)) return removed;
  if (directory.filename() == std::to_string(run.id)) {
    const auto entries = fs::recursive_directory_iterator(directory, code);
    for (const auto& entry : entries) removed.files += entry.is_directory() ? 0 : 1;
    fs::remove_all(directory, code);
    check(code, directory);
    return removed;
  }
  for (const Artifact& artifact : artifacts) {
    // Relative paths are relative to the run's directory.
    const fs::path path = fs::weakly_canonical(directory / artifact.path, code);
    if (code || !inside(path, directory) || !fs::is_regular_file(path, code)) continue;
    removed.files += fs::remove(path, code) ? 1 : 0;
    check(code, path);
  }
  if (fs::is_empty(directory, code)) {
    fs::remove(directory, code);
    check(code, directory);
  } else {
    removed.kept = directory.string();
  }
  return removed;
}

}  // namespace denseshift::results_db
