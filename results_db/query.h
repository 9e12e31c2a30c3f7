#pragma once
// Reading side of the results database: find a run, read everything about it.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "results_db/database.h"
#include "results_db/store.h"
#include "results_db/value.h"

namespace denseshift::results_db {

/// Id of the run that `reference` names: an id, `last` (the newest), a name, or the beginning of exactly one run's name
/// or uid (at least 4 characters of a uid). Throws a usage error when there is none or when it may mean several.
[[nodiscard]] std::int64_t resolve_run(const Database& database, const std::string& reference);

/// The newest finished run of a recipe (a configuration without its seed) with this seed; 0 when there is none.
[[nodiscard]] std::int64_t find_recipe_run(const Database& database, const std::string& recipe_hash,
                                           std::uint64_t seed);

/// Everything in a run's row.
struct RunRecord {
  std::int64_t id = 0;
  std::string uid;
  std::string status;  ///< running, finished, failed, interrupted or killed, as of now
  std::string message;
  std::string command;
  std::string name;
  std::string task;
  std::string run_dir;
  std::string config_hash;
  std::int64_t parent = 0;
  nlohmann::ordered_json config;
  nlohmann::ordered_json environment;
  nlohmann::ordered_json dataset;  ///< fingerprint
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, Value>> columns;  ///< all columns of `runs` in order

  /// Value of a column; NULL when there is no such column.
  [[nodiscard]] Value column(const std::string& name) const;
};

/// Throws a usage error when there is no such run.
[[nodiscard]] RunRecord load_run(const Database& database, std::int64_t run);

/// A value of one epoch; empty when it was not a number.
struct MetricRow {
  std::int64_t epoch = 0;
  std::string split;
  std::string name;
  std::optional<double> value;
};

/// Metrics by epoch, split and name; an empty `split` or `name` means all.
[[nodiscard]] std::vector<MetricRow> load_metrics(const Database& database, std::int64_t run,
                                                  const std::string& split = {}, const std::string& name = {});

/// Last and best value of a metric.
struct SummaryRow {
  std::string split;
  std::string name;
  std::int64_t last_epoch = 0;
  std::optional<double> last;
  std::optional<std::int64_t> best_epoch;
  std::optional<double> best;
};

[[nodiscard]] std::vector<SummaryRow> load_summary(const Database& database, std::int64_t run);

/// Artifacts by kind and path.
[[nodiscard]] std::vector<Artifact> load_artifacts(const Database& database, std::int64_t run);

/// Artifacts without the checkpoints that a later one of their kind replaced; those files are gone.
[[nodiscard]] std::vector<Artifact> load_current_artifacts(const Database& database, std::int64_t run);

/// Weight statistics of the last epoch that has any, and that epoch (-1: none).
[[nodiscard]] std::pair<std::int64_t, std::vector<WeightStat>> load_last_weight_stats(const Database& database,
                                                                                      std::int64_t run);

/// Tags with the number of runs that have them, by name.
[[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> load_tags(const Database& database);

/// Rows of a fixed SQL text with the run's id as its only parameter.
[[nodiscard]] ResultTable read_table(const Database& database, const std::string& sql, std::int64_t run);

}  // namespace denseshift::results_db
