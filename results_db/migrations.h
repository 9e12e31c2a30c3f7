#pragma once
// The schema as a list of steps. The number of steps applied is the file's PRAGMA user_version.

#include <vector>

#include "results_db/database.h"

namespace denseshift::results_db {

/// One step: the name of its file under results_db/schema and its SQL.
struct Migration {
  const char* name;
  const char* sql;
};

/// All steps in order; step i leads from schema version i to i + 1. Steps are never changed once released.
[[nodiscard]] const std::vector<Migration>& migrations();

/// PRAGMA application_id of a results database: the letters "DSDB".
inline constexpr int kApplicationId = 0x44534442;

/// Brings the schema to the latest version in one transaction; does nothing when it is already there.
/// Throws an input error when another process migrated it to a version newer than this program knows.
void migrate(Database& database);

}  // namespace denseshift::results_db
