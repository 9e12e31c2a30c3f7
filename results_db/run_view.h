#pragma once
// The flat view of runs that people filter and list: every column of `runs` with the status and duration as of now.

#include <string>
#include <vector>

#include "results_db/database.h"

namespace denseshift::results_db {

/// Makes the temporary view `run_list` on this connection: all columns of `runs`, where a run whose process is gone has
/// the status `killed` and a running one its duration so far, then `tags` (comma-separated), and the JSON texts
/// `config`, `environment` and `dataset_fingerprint`. On a read-only connection the name `runs` means this view, too.
void create_run_view(Database& database);

/// Columns of the view in order.
[[nodiscard]] std::vector<std::string> run_columns(const Database& database);

}  // namespace denseshift::results_db
