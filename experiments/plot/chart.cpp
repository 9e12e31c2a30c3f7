#include "experiments/plot/chart.h"

#include <algorithm>
#include <array>

#include "experiments/plot/legend.h"
#include "experiments/plot/panel.h"

namespace denseshift::plot {
namespace {

constexpr double kEdge = 12;
constexpr double kNoteLine = 15;
constexpr double kTitleLine = 20;
constexpr double kTitleGap = 8;

/// What a screen reader says: the title, or the panels' titles.
std::string spoken(const Figure& figure) {
  if (!figure.title.empty()) return figure.title;
  std::string text;
  for (const Panel& panel : figure.panels) text += (text.empty() ? "" : "; ") + panel.title;
  return text;
}

std::vector<std::string> wrapped_notes(const Figure& figure, double width) {
  std::vector<std::string> lines;
  for (const std::string& note : figure.notes) {
    for (std::string& line : wrap_text(note, width)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::string draw(const Figure& figure, Theme theme) {
  const auto count = static_cast<double>(figure.panels.size());
  const double inner = count * figure.panel_width + (count - 1) * kEdge;
  std::vector<PanelLayout> layouts;
  PanelMargins most;  // the plotting areas of a row begin and end at the same heights
  for (const Panel& panel : figure.panels) {
    layouts.push_back(layout_panel(panel, figure.panel_width, figure.panel_height));
    most.top = std::max(most.top, layouts.back().margins.top);
    most.bottom = std::max(most.bottom, layouts.back().margins.bottom);
  }
  const LegendLayout legend(legend_entries(figure.panels), inner);
  const auto notes = wrapped_notes(figure, inner);
  const auto titles = wrap_text(figure.title, inner / 1.12, 15);
  const double title_height = titles.empty() ? 0 : static_cast<double>(titles.size()) * kTitleLine + kTitleGap;
  const double panel_bottom = kEdge + title_height + most.top + figure.panel_height + most.bottom;
  const double legend_bottom = panel_bottom + legend.height() + (legend.height() > 0 ? 6 : 0);
  const double height = legend_bottom + static_cast<double>(notes.size()) * kNoteLine + kEdge;

  Svg svg(inner + 2 * kEdge, height, spoken(figure), theme);
  double y = kEdge;
  for (const std::string& line : titles) {
    svg.text({kEdge + 4, y + 13}, line, "title");
    y += kTitleLine;
  }
  if (!titles.empty()) y += kTitleGap;
  double x = kEdge;
  for (std::size_t i = 0; i < figure.panels.size(); ++i) {
    const PanelMargins& margins = layouts[i].margins;
    draw_panel(svg, figure.panels[i], layouts[i], {x + margins.left, y + most.top},
               figure.panel_width - margins.left - margins.right, figure.panel_height);
    x += figure.panel_width + kEdge;
  }
  legend.draw(svg, {kEdge, panel_bottom});
  y = legend_bottom;
  for (const std::string& line : notes) {
    svg.text({kEdge + 4, y + 11}, line, "muted");
    y += kNoteLine;
  }
  return svg.finish();
}

std::vector<Figure> split_panels(const Figure& figure) {
  std::vector<Figure> result;
  for (const Panel& panel : figure.panels) {
    Figure single;
    single.panels = {panel};
    single.panel_width = figure.panel_width;
    single.panel_height = figure.panel_height;
    result.push_back(std::move(single));
  }
  return result;
}

SeriesStyle numbered_style(int index) {
  constexpr std::array<Mark, 6> kMarks{Mark::circle,  Mark::square, Mark::triangle,
                                       Mark::diamond, Mark::down,   Mark::plus};
  SeriesStyle style;
  style.colour = index % kSeriesColours;
  // The marks shift by one in each round of the colours, so that no pair comes back before the 60th series.
  style.mark = kMarks[static_cast<std::size_t>(index % kSeriesColours + index / kSeriesColours) % kMarks.size()];
  return style;
}

}  // namespace denseshift::plot
