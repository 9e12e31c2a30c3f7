#pragma once
// Whether a run that was done again came out the same.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results_db/compare.h"
#include "results_db/database.h"

namespace denseshift::results_db {

/// One metric of two runs over the epochs that both have.
struct MetricAgreement {
  std::string split;
  std::string name;
  std::int64_t compared = 0;         ///< epochs in which both runs have it
  std::int64_t missing = 0;          ///< epochs in which only one of them has it
  std::int64_t differing = 0;        ///< compared epochs whose values are not the same to the bit
  std::int64_t first_differing = 0;  ///< epoch; 0 when none differs
  /// Largest |original - repeated|, infinite when one of them is no finite number, and its epoch.
  double largest_difference = 0;
  std::int64_t largest_at = 0;
  /// Values of the last compared epoch and best ones over the compared epochs; empty when not a number.
  std::optional<double> last_original, last_repeated, best_original, best_repeated;

  [[nodiscard]] bool agrees() const { return differing == 0 && missing == 0; }
};

/// Comparison of a run with its repetition.
struct Reproduction {
  std::int64_t original = 0;
  std::int64_t repeated = 0;
  std::int64_t original_epochs = 0;  ///< last epoch with metrics
  std::int64_t repeated_epochs = 0;
  std::vector<MetricAgreement> metrics;    ///< by split and name, without those that measure time
  std::vector<std::string> not_compared;   ///< metrics that measure time, as SPLIT/NAME
  std::int64_t weight_rows = 0;            ///< rows of weight statistics (epoch and layer) that both runs have
  std::int64_t differing_weight_rows = 0;  ///< those that are not the same
  std::vector<Difference> configuration;   ///< keys that decide the result
  std::vector<Difference> environment;
  std::vector<Difference> dataset;  ///< fingerprint

  /// Last epoch that both runs have.
  [[nodiscard]] std::int64_t epochs() const { return std::min(original_epochs, repeated_epochs); }
  /// Whether every metric and weight statistic of the compared epochs is the same to the bit, and there is one at all.
  [[nodiscard]] bool agrees() const;
};

/// Last epoch with metrics; 0 when there is none.
[[nodiscard]] std::int64_t last_epoch(const Database& database, std::int64_t run);

/// Number of metrics that a run has for an epoch.
[[nodiscard]] std::int64_t metric_count(const Database& database, std::int64_t run, std::int64_t epoch);

/// The run of this process that is newer than run `after`; 0 when there is none yet.
[[nodiscard]] std::int64_t run_of_process(const Database& database, std::int64_t pid, std::int64_t after);

/// Compares the epochs that both runs have. `ignored_keys` are configuration keys that do not decide the result. Throws
/// a usage error for unknown runs.
[[nodiscard]] Reproduction compare_reproduction(const Database& database, std::int64_t original, std::int64_t repeated,
                                                const std::vector<std::string>& ignored_keys);

}  // namespace denseshift::results_db
