#include "experiments/plot/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "experiments/plot/svg.h"

namespace denseshift::plot {
namespace {

constexpr double kMapEdge = 12;
constexpr double kCellGap = 5;  // between names and cells
constexpr double kLabelLine = 15;
constexpr double kMapTitle = 20;
constexpr double kUsualSide = 640;      // of the whole grid
constexpr double kLegibleCell = 14;     // smallest for names and counts
constexpr std::size_t kMostNamed = 80;  // classes
constexpr int kLevels = 8;
constexpr int kLightOnDark = 5;  // first level with light counts

struct Layout {
  bool named = true;
  double cell = 0;
  double side = 0;     // of the grid
  double names = 0;    // room for the longest name
  double heading = 0;  // room for "true" and "predicted"
};

Layout layout_of(const HeatMap& map) {
  const std::size_t count = map.names.size();
  Layout layout;
  layout.named = count <= kMostNamed;
  layout.cell = kUsualSide / static_cast<double>(count);
  if (layout.named) {
    layout.cell = std::clamp(layout.cell, kLegibleCell, 36.0);
    for (const std::int64_t n : map.counts) {
      layout.cell = std::max(layout.cell, text_width(std::to_string(n)) + 4);
    }
    for (const std::string& name : map.names) layout.names = std::max(layout.names, text_width(name) + kCellGap);
  }
  layout.heading = kLabelLine + kCellGap;
  layout.side = layout.cell * static_cast<double>(count);
  return layout;
}

/// 0 for none of the row, kLevels for all of it.
int level_of(std::int64_t count, std::int64_t row) {
  if (count <= 0) return 0;
  return std::max(1, static_cast<int>(std::lround(kLevels * static_cast<double>(count) / static_cast<double>(row))));
}

/// Opacity by level. For files of their own: a page would need them among its own rules.
std::string level_rules() {
  std::string rules = ".q{fill:currentColor}\n";
  for (int level = 1; level <= kLevels; ++level) {
    rules += fmt::format(".q{}{{fill-opacity:{}}}\n", level, short_number(static_cast<double>(level) / kLevels, 2));
  }
  return rules;
}

void draw_cells(Svg& svg, const HeatMap& map, const Layout& layout, Point corner) {
  const std::size_t count = map.names.size();
  for (std::size_t truth = 0; truth < count; ++truth) {
    std::int64_t row = 0;
    for (std::size_t predicted = 0; predicted < count; ++predicted) row += map.counts[truth * count + predicted];
    for (std::size_t predicted = 0; predicted < count; ++predicted) {
      const std::int64_t n = map.counts[truth * count + predicted];
      const int level = level_of(n, row);
      if (level == 0) continue;
      const Point at{corner.x + static_cast<double>(predicted) * layout.cell,
                     corner.y + static_cast<double>(truth) * layout.cell};
      svg.rectangle(at, layout.cell, layout.cell, fmt::format("q q{} {}", level, truth == predicted ? "s0" : "s1"));
      if (!layout.named) continue;
      svg.text({at.x + layout.cell / 2, at.y + layout.cell / 2 + 4}, std::to_string(n),
               level >= kLightOnDark ? "ground" : "", Anchor::middle);
    }
  }
}

/// Frame, lines between the classes, names.
void draw_frame(Svg& svg, const HeatMap& map, const Layout& layout, Point corner) {
  const double right = corner.x + layout.side;
  const double bottom = corner.y + layout.side;
  if (layout.named) {
    for (std::size_t i = 0; i < map.names.size(); ++i) {
      const double offset = static_cast<double>(i) * layout.cell;
      if (i > 0) {
        svg.line({corner.x, corner.y + offset}, {right, corner.y + offset}, "grid");
        svg.line({corner.x + offset, corner.y}, {corner.x + offset, bottom}, "grid");
      }
      const double middle = offset + layout.cell / 2 + 4;
      svg.text({corner.x - kCellGap, corner.y + middle}, map.names[i], "", Anchor::end);
      svg.text({corner.x + middle, bottom + kCellGap}, map.names[i], "", Anchor::end, true);
    }
  }
  svg.path({corner, {right, corner.y}, {right, bottom}, {corner.x, bottom}}, "axis", true);
  svg.text({kMapEdge + 11, corner.y + layout.side / 2}, "true", "muted", Anchor::middle, true);
  svg.text({corner.x + layout.side / 2, bottom + layout.names + layout.heading - kCellGap}, "predicted", "muted",
           Anchor::middle);
}

}  // namespace

std::string draw(const HeatMap& map, Theme theme) {
  if (map.names.empty() || map.counts.size() != map.names.size() * map.names.size()) {
    throw std::logic_error("a heat map needs a count for every pair of classes");
  }
  const Layout layout = layout_of(map);
  const Point corner{kMapEdge + layout.heading + layout.names,
                     kMapEdge + (map.title.empty() ? 0 : kMapTitle + kCellGap)};
  double width = corner.x + layout.side + kMapEdge;
  width = std::max(width, 2 * kMapEdge + text_width(map.title, 15, true));
  std::vector<std::string> notes;
  for (const std::string& note : map.notes) {
    for (std::string& line : wrap_text(note, width - 2 * kMapEdge)) notes.push_back(std::move(line));
  }
  const double below = corner.y + layout.side + layout.names + layout.heading + kCellGap;
  Svg svg(width, below + static_cast<double>(notes.size()) * kLabelLine + kMapEdge, map.title, theme, level_rules());
  if (!map.title.empty()) svg.text({kMapEdge, kMapEdge + 13}, map.title, "title");
  draw_cells(svg, map, layout, corner);
  draw_frame(svg, map, layout, corner);
  double y = below;
  for (const std::string& line : notes) svg.text({kMapEdge, y += kLabelLine}, line, "muted");
  return svg.finish();
}

}  // namespace denseshift::plot
