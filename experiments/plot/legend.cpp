#include "experiments/plot/legend.h"

#include <fmt/format.h>

#include <algorithm>

namespace denseshift::plot {
namespace {

constexpr double kLineHeight = 17;
constexpr double kSample = 26;  ///< the piece of line before the name
constexpr double kGap = 16;

void draw_sample(Svg& svg, const LegendEntry& entry, Point at) {
  const Point end{at.x + kSample, at.y};
  const Point middle{at.x + kSample / 2, at.y};
  if (entry.dotted) {
    svg.line(at, end, "rule");
    return;
  }
  svg.begin_group(fmt::format("s{}", entry.style.colour % kSeriesColours));
  if (entry.style.line || entry.rule) {
    svg.line(at, end,
             std::string("l") + (entry.style.dashed || entry.rule ? " d" : "") + (entry.style.wide ? " w" : ""));
  }
  if (entry.style.only_ends) {
    svg.mark(Mark::circle, at, entry.style.mark_size, "h");
    svg.mark(Mark::circle, end, entry.style.mark_size, "m");
  } else if (!entry.rule) {
    svg.mark(entry.style.mark, middle, entry.style.mark_size, entry.style.hollow ? "h" : "m");
  }
  svg.end_group();
}

}  // namespace

std::vector<LegendEntry> legend_entries(const std::vector<Panel>& panels) {
  std::vector<LegendEntry> entries;
  const auto add = [&](LegendEntry entry) {
    const bool known = std::ranges::any_of(entries, [&](const LegendEntry& e) { return e.name == entry.name; });
    if (!entry.name.empty() && !known) entries.push_back(std::move(entry));
  };
  for (const Panel& panel : panels) {
    for (const Series& series : panel.series) add({series.name, series.style});
  }
  for (const Panel& panel : panels) {
    for (const Rule& rule : panel.rules) {
      SeriesStyle style;
      style.colour = std::max(rule.colour, 0);
      add({rule.name, style, true, rule.colour < 0});
    }
  }
  return entries;
}

LegendLayout::LegendLayout(std::vector<LegendEntry> entries, double width) : entries_(std::move(entries)) {
  for (const LegendEntry& entry : entries_) {
    cell_width_ = std::max(cell_width_, kSample + 8 + text_width(entry.name) + kGap);
  }
  if (cell_width_ > 0) columns_ = std::max<std::size_t>(1, static_cast<std::size_t>(width / cell_width_));
  columns_ = std::min(columns_, std::max<std::size_t>(1, entries_.size()));
}

double LegendLayout::height() const {
  const std::size_t lines = (entries_.size() + columns_ - 1) / columns_;
  return static_cast<double>(lines) * kLineHeight;
}

void LegendLayout::draw(Svg& svg, Point corner) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Point at{corner.x + static_cast<double>(i % columns_) * cell_width_,
                   corner.y + static_cast<double>(i / columns_) * kLineHeight + kLineHeight / 2};
    draw_sample(svg, entries_[i], {at.x + 4, at.y});
    svg.text({at.x + kSample + 12, at.y + 4}, entries_[i].name);
  }
}

}  // namespace denseshift::plot
