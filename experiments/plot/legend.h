#pragma once
// The legend of a figure: which entries there are, and where they go below the panels.

#include <string>
#include <vector>

#include "experiments/plot/chart.h"

namespace denseshift::plot {

/// One entry.
struct LegendEntry {
  std::string name;
  SeriesStyle style;
  bool rule = false;  ///< a line only
  bool dotted = false;
};

/// Entries of all panels in the order of first appearance, each name once.
[[nodiscard]] std::vector<LegendEntry> legend_entries(const std::vector<Panel>& panels);

/// Lines that the entries take in `width` pixels.
class LegendLayout {
 public:
  LegendLayout(std::vector<LegendEntry> entries, double width);

  [[nodiscard]] double height() const;
  void draw(Svg& svg, Point corner) const;

 private:
  std::vector<LegendEntry> entries_;
  double cell_width_ = 0;
  std::size_t columns_ = 1;
};

}  // namespace denseshift::plot
