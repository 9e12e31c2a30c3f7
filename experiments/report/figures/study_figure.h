#pragma once
// From a study's result to its figure.

#include <string>
#include <vector>

#include "experiments/plot/chart.h"
#include "experiments/report/study_result.h"
#include "results_db/database.h"

namespace denseshift::experiments {

/// Names that a study's `figure` may have: accuracy-bits, dynamics, start.
[[nodiscard]] const std::vector<std::string>& figure_names();

/// The figure of a study at one scale. Traces and histograms come from the runs behind the result's cells. `database`
/// may be null. Throws a usage error for a study without a figure and for an unknown name of one.
[[nodiscard]] plot::Figure study_figure(const StudyResult& result, const results_db::Database* database);

}  // namespace denseshift::experiments
