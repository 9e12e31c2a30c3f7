#pragma once
// Files that belong to a run.

#include <cstdint>
#include <string>

#include "results_db/query.h"

namespace denseshift::results_db {

/// What was removed and what was left.
struct RemovedFiles {
  std::uintmax_t files = 0;
  std::string kept;  ///< directory that stays because it holds files that the run did not record; empty: none
};

/// Removes the run's recorded artifacts inside its directory. A directory that carries the run's id as its name was
/// made for the run alone and goes with all its content; any other goes only when it is empty afterwards. Missing files
/// are no error. Throws a work error naming the path that cannot be removed.
RemovedFiles remove_run_files(const RunRecord& run, const std::vector<Artifact>& artifacts);

}  // namespace denseshift::results_db
