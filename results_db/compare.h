#pragma once
// What differs between two runs.

#include <cstdint>
#include <string>
#include <vector>

#include "results_db/database.h"
#include "results_db/value.h"

namespace denseshift::results_db {

/// One key whose values differ; NULL where a run does not have it.
struct Difference {
  std::string section;  ///< "run", "config", "environment", "dataset", "model" or "metrics"
  std::string key;      ///< nested keys joined by dots; metrics as SPLIT/NAME and SPLIT/best_NAME
  Value a;
  Value b;
};

/// Differences in the order of the sections above. Throws a usage error for unknown runs.
[[nodiscard]] std::vector<Difference> compare_runs(const Database& database, std::int64_t a, std::int64_t b);

}  // namespace denseshift::results_db
