#pragma once
// Rows of a study whose values are measured by `denseshift bench` instead of trained. Its runs have no configuration
// that a cell could name. Each run says in its environment, under `source`, where its values come from ("measured on
// CPU (ISA)", "modelled for CPU at CLOCK"), and the study shows the newest finished run of each source in rows of its
// own.

#include "experiments/report/study_result.h"

namespace denseshift::experiments {

/// Appends a label `Source` and the rows, source by source within each row of the study; one row without a source where
/// nothing was recorded. Notes say in a sentence for each source how its speed-ups compare with the paper's. `database`
/// may be null.
void fill_from_benchmarks(StudyResult& result, const Study& study, const results_db::Database* database,
                          CellValue which);

/// Whether the database holds a finished run that fills a cell.
[[nodiscard]] bool has_benchmarks(const Study& study, const results_db::Database& database);

}  // namespace denseshift::experiments
