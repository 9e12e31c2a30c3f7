#pragma once
// Figure 5: weights of a 2-bit network in the plane of sign and gate, from two initialisations.

#include "experiments/plot/chart.h"
#include "experiments/report/figures/trace_data.h"

namespace denseshift::experiments {

/// A run and its traces; without a run the panel stays empty, with the command that fills it.
struct StartTraces {
  std::optional<TracedRun> run;
  std::vector<WeightTrace> traces;
};

/// Left Kaiming, right LVR, with equal axes: the same range in both and in x and y.
[[nodiscard]] plot::Figure start_figure(const std::string& title, const std::string& study, const StartTraces& kaiming,
                                        const StartTraces& lvr);

}  // namespace denseshift::experiments
