#pragma once
// The parts of the page about runs: provenance and the data of the curves.

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/report/page/page.h"

namespace denseshift::experiments {

/// Runs behind the cells of a result, each once, in the order of the rows.
[[nodiscard]] std::vector<std::int64_t> runs_behind_cells(const StudyResult& result);

/// Runs behind cells, then the newest others, at most `most`.
[[nodiscard]] std::vector<std::int64_t> page_runs(const std::vector<StudyResult>& results,
                                                  const results_db::Database& database, std::size_t most);

/// `<details id="run-12">` with everything that identifies the run.
[[nodiscard]] std::string provenance_html(const results_db::Database& database, std::int64_t run);

/// {"runs": [{"id", "title", "curves": {"val/top1": [[epochs], [values]]}}]} for a script element: no "<" in it.
[[nodiscard]] std::string curves_data(const results_db::Database& database, const std::vector<std::int64_t>& runs,
                                      const PageOptions& options);

}  // namespace denseshift::experiments
