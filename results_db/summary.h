#pragma once
// Last and best value of every metric, kept up to date as epochs arrive. All functions belong inside a transaction.

#include <cstdint>
#include <string>

#include "results_db/database.h"
#include "results_db/store.h"

namespace denseshift::results_db {

/// Extends the summary by one value of a new epoch. Returns false, without a change, when the epoch is not the newest:
/// only rebuild_summary() can tell then.
bool extend_summary(Database& database, std::int64_t run, std::int64_t epoch, const std::string& split,
                    const Metric& metric);

/// Rebuilds one line of the summary from all epochs; removes it when none is left. The first epoch wins a tie.
void rebuild_summary(Database& database, std::int64_t run, const std::string& split, const std::string& name);

/// Copies the summary into the columns of `runs` that lists show.
void refresh_run(Database& database, std::int64_t run);

}  // namespace denseshift::results_db
