#pragma once
// Figure 1: accuracy against weight bits.

#include "experiments/plot/chart.h"
#include "experiments/report/study_result.h"

namespace denseshift::experiments {

/// Two panels with axes of their own, measured on the left with filled marks and error bars over seeds, the paper's
/// values on the right with hollow ones: other data, so not to be read against each other. A method keeps its colour
/// and mark in both. Rows need the labels `method` and `wbits`; 16 bits and more are drawn as a line across.
[[nodiscard]] plot::Figure accuracy_bits_figure(const StudyResult& result);

}  // namespace denseshift::experiments
