#pragma once
// Figure 4: how weights move. (a) the phase plane of S_2, which needs no run; (b) histograms of the continuous weights
// of a 3-bit sign-shift quantizer over training; (c) weights of a 3-bit DenseShift run in the re-parameterised space.

#include "experiments/plot/chart.h"
#include "experiments/report/figures/trace_data.h"

namespace denseshift::experiments {

/// S_0 = 0, S_t = H(w_t) (S_{t-1} + 1) over the plane of two gates, with the direction in which the straight-through
/// estimator moves the gates when a larger S lowers the loss: dS_2/dw_2 = H(w_1) + 1, dS_2/dw_1 = H(w_2).
[[nodiscard]] plot::Panel phase_plane_panel();

/// A ridge for each epoch, at most 12 of them, evenly chosen. `thresholds` are marked.
[[nodiscard]] plot::Panel histogram_panel(const std::vector<WeightHistogram>& histograms,
                                          const std::vector<double>& thresholds, std::size_t ridges = 12);

/// Where a trained tensor of a method crosses from one level to the next, as far as that does not depend on the layer:
/// 0 for the references of the sign-scale methods, 2^(k - 1/2) for rounding in the log domain, k + 1/2 for trained
/// shifts. Empty where it is not known.
[[nodiscard]] std::vector<double> level_thresholds(const std::string& method, const std::string& tensor,
                                                   std::int64_t wbits);

/// Traces in the plane of two trained tensors with marks at their starts and ends; at most `most` traces, evenly
/// chosen.
[[nodiscard]] plot::Panel trace_panel(const std::vector<WeightTrace>& traces, const std::string& x,
                                      const std::string& y, std::size_t most = 24);

/// The three panels. A run that is missing leaves its panel empty, with the command that fills it.
[[nodiscard]] plot::Figure dynamics_figure(const std::string& title, const std::string& study,
                                           const std::optional<TracedRun>& histogram_run,
                                           const std::vector<WeightHistogram>& histograms,
                                           const std::optional<TracedRun>& trace_run,
                                           const std::vector<WeightTrace>& traces);

}  // namespace denseshift::experiments
