#pragma once
// A table of counts as coloured cells: which class was taken for which.

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/plot/palette.h"

namespace denseshift::plot {

/// Counts by true class (rows) and predicted class (columns).
struct HeatMap {
  std::string title;
  std::vector<std::string> names;    ///< of the classes
  std::vector<std::int64_t> counts;  ///< names x names
  std::vector<std::string> notes;    ///< lines below the map
};

/// The map as SVG. A cell is the darker the larger its share of its row; cells on the diagonal have another colour than
/// the others. Names and counts are left out where there are too many classes for them to be read. REQUIRES: a name or
/// more, as many counts as names squared, and not Theme::page.
[[nodiscard]] std::string draw(const HeatMap& map, Theme theme);

}  // namespace denseshift::plot
