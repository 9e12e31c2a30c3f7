#pragma once
// From a study and a scale to configurations.

#include "experiments/config/train_config.h"
#include "experiments/studies/study.h"

namespace denseshift::experiments {

/// One run that a study wants. Cells with the same configuration share a run.
struct StudyCell {
  std::string row;
  std::string column;  ///< the first column that shows it
  std::uint64_t seed = 1;
  TrainConfig config;
  std::string config_hash;
  std::string recipe_hash;  ///< the configuration without its seed
  std::string depends_on;   ///< config_hash of the run it starts from; empty: none
  /// What the study reads from the run: one without these does not fill the cell.
  std::vector<MetricReference> metrics;
  bool traces = false;  ///< the study reads weight traces, too
};

/// Configuration of the cell (row, column) for one seed: recipe, scale, row, column, then what the scale sets for the
/// row and the column; `replace` last. `"pretrained": "@ROW"` becomes `recipe:HASH`, the run of that row with the same
/// seed. Throws a usage error naming study, row and column for a bad configuration.
[[nodiscard]] StudyCell study_cell(const Study& study, const StudyScale& scale, const StudyRow& row,
                                   const StudyColumn& column, std::uint64_t seed);

/// All runs of a study, each configuration once, runs that others start from before them. Empty for tasks that are not
/// built. `seeds` 0 takes the scale's number.
[[nodiscard]] std::vector<StudyCell> study_cells(const Study& study, const StudyScale& scale, int seeds = 0);

/// Options of `denseshift train` that give this configuration: every key that differs from its default.
[[nodiscard]] std::vector<std::string> train_arguments(const TrainConfig& config);

}  // namespace denseshift::experiments
