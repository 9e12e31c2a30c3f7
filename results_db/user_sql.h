#pragma once
// SQL that a user typed: one statement, reading only, with SQLite's own messages as errors.

#include <functional>
#include <string>
#include <vector>

#include "results_db/database.h"
#include "results_db/value.h"

namespace denseshift::results_db {

/// Runs one SELECT (or EXPLAIN, or a PRAGMA that only shows something) and visits its rows; `head` gets the column
/// names first, duplicates made distinct ("n", "n_2"). Throws a usage error in one line for anything SQLite does not
/// understand (with the nearest table or column), for more than one statement, and for anything that would change a
/// database or open another file. `what` starts the message: "query" or "--where".
void run_user_sql(Database& database, const std::string& sql, const std::string& what,
                  const std::function<void(const std::vector<std::string>& columns)>& head,
                  const std::function<void(Row&& row)>& row);

/// The same with all rows at once.
[[nodiscard]] ResultTable run_user_sql(Database& database, const std::string& sql, const std::string& what);

/// Throws a usage error unless `text` can stand between parentheses as one SQL expression: quotes closed, parentheses
/// balanced, no semicolon, comment or parameter outside quotes. `what` names the option.
void check_expression(const std::string& text, const std::string& what);

}  // namespace denseshift::results_db
