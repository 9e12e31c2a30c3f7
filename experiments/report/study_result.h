#pragma once
// A study's table with what the database holds for it: the model that every format of `report` renders.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/studies/study.h"
#include "results_db/database.h"

namespace denseshift::experiments {

/// One run behind a cell.
struct CellRun {
  std::int64_t run = 0;
  std::uint64_t seed = 0;
  double value = 0;
};

/// A cell of a report. A measured value comes from recorded runs or is not there.
struct CellResult {
  std::vector<CellRun> runs;          ///< the newest finished run of each seed
  std::optional<double> mean;         ///< over `runs`
  std::optional<double> spread;       ///< sample standard deviation; needs two runs
  std::optional<double> paper;        ///< the paper's value
  std::optional<double> difference;   ///< mean - paper
  int wanted = 0;                     ///< seeds that the scale asks for; 0: a cell without runs of its own
  bool not_built = false;             ///< the study's task cannot be trained yet
  std::vector<std::string> commands;  ///< what fills it: one command line per missing seed
};

/// A row as it is printed.
struct RowResult {
  std::string id;
  std::vector<std::string> labels;  ///< in the order of StudyResult::labels
  std::vector<CellResult> cells;    ///< in the order of StudyResult::columns
};

/// A column's heading.
struct ColumnHead {
  std::string id;
  std::string title;
  std::string unit;
  int decimals = 2;
};

/// A study at one scale.
struct StudyResult {
  std::string study;
  std::string title;
  std::string source;      ///< of the paper's values
  std::string paper_data;  ///< what the paper measured on
  std::string task;
  std::string figure;          ///< empty for tables
  std::string benchmark = {};  ///< command that fills it with measurements; empty: trainings fill it
  std::string scale;
  std::string recipe;                                       ///< the recipe's line for people
  std::string dataset;                                      ///< what our values were measured on
  std::vector<std::string> notes;                           ///< sentences below the table
  std::vector<std::pair<std::string, std::string>> labels;  ///< (id, title)
  std::vector<ColumnHead> columns;
  std::vector<RowResult> rows;
  bool selected = false;    ///< last values are those of an epoch that another metric selected
  std::int64_t filled = 0;  ///< cells with a value, of
  std::int64_t total = 0;   ///< cells that runs can fill
};

/// Which of a run's values counts.
enum class CellValue { last, best };

/// A metric's value in a run; nothing when it has none. The last value is that of the epoch which `selected_by` chose,
/// where it is given.
[[nodiscard]] std::optional<double> run_value(const results_db::Database& database, std::int64_t run,
                                              const MetricReference& metric, CellValue which);
/// Mean, spread and difference from the cell's runs and the paper's value.
void summarise(CellResult& cell);

/// Options of evaluate_study().
struct EvaluateOptions {
  int seeds = 0;  ///< wanted; 0: the scale's
  CellValue value = CellValue::last;
};

/// Fills a study's table at one scale. `database` may be null: every cell is then empty.
[[nodiscard]] StudyResult evaluate_study(const Study& study, const StudyScale& scale,
                                         const results_db::Database* database, const EvaluateOptions& options = {});

/// Scales of the study for which the database holds a finished run, smallest first.
[[nodiscard]] std::vector<std::string> scales_with_runs(const Study& study, const results_db::Database& database);

}  // namespace denseshift::experiments
