#pragma once
// Takes the runs of another results database into this one.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "results_db/database.h"

namespace denseshift::results_db {

/// What a merge did.
struct MergeReport {
  std::vector<std::pair<std::int64_t, std::int64_t>> added;  ///< id in the other database, id here
  std::int64_t present = 0;                                  ///< runs that were here already (same uid)
  std::vector<std::int64_t> running;  ///< ids, in the other database, of runs left out because they still run
};

/// Copies every run of `other` whose uid is not here, with all that belongs to it, in one transaction. A run keeps its
/// id unless that is taken; parents follow. The other file is only read. Throws an input error when it is not a results
/// database or newer than this program, and a usage error when both are the same file. With `only`, no runs but those
/// of these ids in the other database.
MergeReport merge(Database& database, const std::filesystem::path& other,
                  const std::optional<std::vector<std::int64_t>>& only = std::nullopt);

}  // namespace denseshift::results_db
