#include "results_db/migrations.h"

#include <cstddef>

#include "results_db/statement.h"

namespace denseshift::results_db {

void migrate(Database& database) {
  const int latest = latest_schema_version();
  if (database.schema_version() == latest) return;
  in_transaction(database, [&] {
    const int found = database.schema_version();  // again, under the lock
    if (found > latest) {
      throw input_error(database.path().string() + " was just migrated to a newer schema by another process",
                        "update denseshift, or choose another file with --db");
    }
    if (found == 0) database.execute("PRAGMA application_id=" + std::to_string(kApplicationId));
    for (int version = found; version < latest; ++version) {
      database.execute(migrations()[static_cast<std::size_t>(version)].sql);
    }
    database.execute("PRAGMA user_version=" + std::to_string(latest));
  });
}

}  // namespace denseshift::results_db
