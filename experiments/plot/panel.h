#pragma once
// One panel of a figure: its frame and its data.

#include "experiments/plot/chart.h"

namespace denseshift::plot {

/// Room around the plotting area of a panel.
struct PanelMargins {
  double left = 0;
  double right = 0;
  double top = 0;
  double bottom = 0;
};

/// Ranges and ticks of a panel for a plotting area of this size.
struct PanelLayout {
  Range x;
  Range y;
  std::vector<Tick> x_ticks;
  std::vector<Tick> y_ticks;
  PanelMargins margins;
};

/// `outer_width` is the panel's with its margins, `height` the plotting area's.
[[nodiscard]] PanelLayout layout_panel(const Panel& panel, double outer_width, double height);

/// `corner` is the upper left of the plotting area, whose size is `width` x `height`.
void draw_panel(Svg& svg, const Panel& panel, const PanelLayout& layout, Point corner, double width, double height);

}  // namespace denseshift::plot
