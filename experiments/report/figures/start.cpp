#include "experiments/report/figures/start.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/figures/dynamics.h"

namespace denseshift::experiments {
namespace {

plot::Panel make_panel(const std::string& name, const std::string& study, const StartTraces& start) {
  plot::Panel panel = trace_panel(start.traces, "w_sign", "w_1");
  panel.title = name;
  panel.equal_units = true;
  if (start.run && !panel.series.empty()) {
    panel.subtitle = fmt::format("{}; {}", start.run->title, start.traces.front().layer);
  } else {
    panel.empty_text = fmt::format("no run recorded yet: denseshift ablate {}", study);
  }
  return panel;
}

/// Largest magnitude on either axis.
double reach(const plot::Panel& panel) {
  double most = 0;
  for (const plot::Series& series : panel.series) {
    for (const plot::Sample& s : series.samples) most = std::max({most, std::abs(s.x), std::abs(s.y)});
  }
  return most;
}

}  // namespace

plot::Figure start_figure(const std::string& title, const std::string& study, const StartTraces& kaiming,
                          const StartTraces& lvr) {
  plot::Figure figure;
  figure.title = title;
  figure.panel_width = 380;
  figure.panel_height = 320;
  figure.panels = {make_panel("Kaiming initialisation", study, kaiming),
                   make_panel("low-variance (LVR) initialisation", study, lvr)};
  double most = std::max(reach(figure.panels[0]), reach(figure.panels[1]));
  if (most == 0) most = 1;
  for (plot::Panel& panel : figure.panels) {
    panel.x.range = plot::Range{-1.06 * most, 1.06 * most};
    panel.y.range = panel.x.range;
    panel.labels = {{{0.82 * most, 0.99 * most}, "+2"},
                    {{-0.82 * most, 0.99 * most}, "\u22122"},
                    {{0.82 * most, -0.99 * most}, "+1"},
                    {{-0.82 * most, -0.99 * most}, "\u22121"}};
  }
  figure.notes.push_back(
      "The signs of w_sign and w\u2081 select the weight, written in the corners. A weight changes where its trace "
      "crosses "
      "a "
      "threshold. Both panels have the same axes.");
  return figure;
}

}  // namespace denseshift::experiments
