#pragma once
// Lists and rankings of runs.

#include <cstdint>
#include <string>
#include <vector>

#include "results_db/database.h"
#include "results_db/value.h"

namespace denseshift::results_db {

/// What to list. A column is one of run_columns() or the name of any recorded metric: NAME (split val), SPLIT/NAME,
/// each also as best_NAME.
struct ListOptions {
  std::vector<std::string> columns;  ///< empty: default_list_columns(), and mAP, mIoU, intent_accuracy if recorded
  std::string where;                 ///< SQL condition over run_columns(); empty: all runs
  std::string sort;                  ///< KEY, KEY:asc or KEY:desc; empty: newest first. Rows without a value come last.
  std::int64_t limit = 0;            ///< 0: all
};

/// id, status, arch, dataset, method, wbits, epochs, top1, best_top1, loss, duration, name.
[[nodiscard]] const std::vector<std::string>& default_list_columns();

/// Throws a usage error for unknown columns (with the nearest) and conditions that SQLite does not understand.
[[nodiscard]] ResultTable list_runs(Database& database, const ListOptions& options);

/// How many runs fulfil the condition.
[[nodiscard]] std::int64_t count_runs(Database& database, const std::string& where);

/// Ids of the runs that fulfil the condition, oldest first.
[[nodiscard]] std::vector<std::int64_t> select_runs(Database& database, const std::string& where);

/// What to rank.
struct BestOptions {
  std::string by;  ///< column or metric; losses, errors, times and sizes: smallest first, all else largest first
  std::vector<std::string> per;      ///< one ranking for each combination of these columns
  std::vector<std::string> columns;  ///< empty: id, per, by and the rest of default_list_columns()
  std::string where;
  std::int64_t limit = 1;  ///< runs per ranking; 0: all
};

/// Runs that have the value, in the order of `per`, best first. Ties: the older run first. Throws as list_runs().
[[nodiscard]] ResultTable best_runs(Database& database, const BestOptions& options);

}  // namespace denseshift::results_db
