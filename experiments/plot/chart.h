#pragma once
// Charts as data: panels side by side with series, bands, arrows and a legend below them that never covers data.
// draw() makes the SVG.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/plot/axes.h"
#include "experiments/plot/svg.h"

namespace denseshift::plot {

/// A value with the half length of its error bar (0: none). A value that is not finite interrupts the line.
struct Sample {
  double x = 0;
  double y = 0;
  double error = 0;
};

/// How a series looks. Filled marks stand for what was measured, hollow ones for values of others.
struct SeriesStyle {
  int colour = 0;  ///< class s0 .. s9; counted round
  Mark mark = Mark::none;
  bool line = true;
  bool dashed = false;
  bool wide = false;
  bool thin = false;
  bool hollow = false;
  double mark_size = 7;
  bool only_ends = false;  ///< a hollow mark at the first sample and a filled one at the last: a trace
};

/// Samples that belong together. Series of one name share an entry of the legend; an empty name has none.
struct Series {
  std::string name;
  SeriesStyle style;
  std::vector<Sample> samples;
};

/// A shaded rectangle behind the data, in units of the axes; unbounded sides are cut at the panel.
struct Region {
  Range x;
  Range y;
  int shade = 0;  ///< 0 .. 2
};

/// A line across the panel: a threshold, or a value to compare with.
struct Rule {
  bool vertical = false;
  double at = 0;
  std::string name;  ///< in the legend; may be empty
  int colour = -1;   ///< of a series; -1: grey and dotted
};

/// An arrow of a flow field, in units of the axes.
struct FlowArrow {
  Point from;
  Point to;
};

/// Words at a place of the panel, in units of the axes.
struct Label {
  Point at;
  std::string text;
};

/// A histogram drawn as steps upwards from a base line: one ridge. Heights are in units of the y axis.
struct Ridge {
  double base = 0;
  double low = 0;   ///< left edge of the first bin
  double high = 1;  ///< right edge of the last bin
  std::vector<double> heights;
  int colour = 0;
};

/// An axis; without a range it takes that of the data.
struct Axis {
  std::string title;  ///< with the unit: "top-1 accuracy (%)"
  std::optional<Range> range;
  std::vector<Tick> ticks;  ///< empty: 1-2-5
  bool whole = false;       ///< of the 1-2-5 ticks only those at whole numbers: for epochs and other counts
};

/// One coordinate system.
struct Panel {
  std::string title;
  std::string subtitle;
  Axis x;
  Axis y;
  bool equal_units = false;  ///< a unit is as long in x as in y; the shorter axis is widened
  std::vector<Region> regions;
  std::vector<FlowArrow> flow;
  std::vector<Ridge> ridges;
  std::vector<Rule> rules;
  std::vector<Series> series;
  std::vector<Label> labels;
  std::string empty_text;  ///< in the middle of a panel without data of its own
};

/// Panels in one row.
struct Figure {
  std::string title;
  std::vector<Panel> panels;
  std::vector<std::string> notes;  ///< sentences below the legend
  double panel_width = 330;        ///< pixels with axis texts
  double panel_height = 260;       ///< pixels between the axes
};

[[nodiscard]] std::string draw(const Figure& figure, Theme theme = Theme::light);

/// Each panel as a figure of its own, with its own legend; title and notes are left out. A page sets them side by side
/// or below each other as its width allows.
[[nodiscard]] std::vector<Figure> split_panels(const Figure& figure);

/// The look of series number `index`: ten colours times six marks before one repeats.
[[nodiscard]] SeriesStyle numbered_style(int index);

}  // namespace denseshift::plot
