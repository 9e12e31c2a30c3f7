#include "experiments/plot/panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace denseshift::plot {
namespace {

constexpr double kLine = 15;

/// Units of the axes to pixels.
struct Place {
  Range x;
  Range y;
  Point corner;
  double width;
  double height;

  [[nodiscard]] double px(double value) const { return corner.x + (value - x.low) / (x.high - x.low) * width; }
  [[nodiscard]] double py(double value) const { return corner.y + (y.high - value) / (y.high - y.low) * height; }
  [[nodiscard]] Point operator()(Point p) const { return {px(p.x), py(p.y)}; }
};

std::string series_class(int colour) { return fmt::format("s{}", colour % kSeriesColours); }

Range data_range(const Panel& panel, bool horizontal) {
  std::vector<double> values;
  for (const Series& series : panel.series) {
    for (const Sample& s : series.samples) {
      if (!std::isfinite(s.x) || !std::isfinite(s.y)) continue;
      values.push_back(horizontal ? s.x : s.y - s.error);
      values.push_back(horizontal ? s.x : s.y + s.error);
    }
  }
  for (const Ridge& ridge : panel.ridges) {
    values.push_back(horizontal ? ridge.low : ridge.base);
    double top = 0;
    for (const double height : ridge.heights) top = std::max(top, height);
    values.push_back(horizontal ? ridge.high : ridge.base + top);
  }
  for (const Rule& rule : panel.rules) {
    if (rule.vertical == horizontal) values.push_back(rule.at);
  }
  return range_of(values);
}

void widen(Range& range, double width) {
  const double more = (width - (range.high - range.low)) / 2;
  range.low -= more;
  range.high += more;
}

void draw_grid(Svg& svg, const PanelLayout& layout, const Place& place) {
  const double bottom = place.corner.y + place.height;
  const double right = place.corner.x + place.width;
  for (const Tick& tick : layout.x_ticks) {
    svg.line({place.px(tick.value), place.corner.y}, {place.px(tick.value), bottom}, "grid");
    svg.text({place.px(tick.value), bottom + 14}, tick.text, "muted", Anchor::middle);
  }
  for (const Tick& tick : layout.y_ticks) {
    svg.line({place.corner.x, place.py(tick.value)}, {right, place.py(tick.value)}, "grid");
    svg.text({place.corner.x - 6, place.py(tick.value) + 4}, tick.text, "muted", Anchor::end);
  }
}

void draw_region(Svg& svg, const Region& region, const Place& place) {
  const double left = place.px(std::max(region.x.low, place.x.low));
  const double right = place.px(std::min(region.x.high, place.x.high));
  const double top = place.py(std::min(region.y.high, place.y.high));
  const double bottom = place.py(std::max(region.y.low, place.y.low));
  if (right <= left || bottom <= top) return;
  svg.rectangle({left, top}, right - left, bottom - top, fmt::format("area{}", std::clamp(region.shade, 0, 2)));
}

void draw_ridge(Svg& svg, const Ridge& ridge, const Place& place) {
  if (ridge.heights.empty()) return;
  std::vector<Point> outline{place({ridge.low, ridge.base})};
  const double bin = (ridge.high - ridge.low) / static_cast<double>(ridge.heights.size());
  for (std::size_t i = 0; i < ridge.heights.size(); ++i) {
    const double left = ridge.low + bin * static_cast<double>(i);
    outline.push_back(place({left, ridge.base + ridge.heights[i]}));
    outline.push_back(place({left + bin, ridge.base + ridge.heights[i]}));
  }
  outline.push_back(place({ridge.high, ridge.base}));
  svg.path(outline, "ground", true);
  svg.path(outline, series_class(ridge.colour) + " b", true);
}

void draw_rule(Svg& svg, const Rule& rule, const Place& place) {
  const Point from =
      rule.vertical ? Point{place.px(rule.at), place.corner.y} : Point{place.corner.x, place.py(rule.at)};
  const Point to =
      rule.vertical ? Point{from.x, place.corner.y + place.height} : Point{place.corner.x + place.width, from.y};
  svg.line(from, to, rule.colour < 0 ? "rule" : series_class(rule.colour) + " l d");
}

void draw_lines(Svg& svg, const Series& series, const Place& place) {
  const std::string classes = std::string("l") + (series.style.dashed ? " d" : "") + (series.style.wide ? " w" : "") +
                              (series.style.thin ? " n" : "");
  std::vector<Point> piece;
  for (const Sample& s : series.samples) {
    if (std::isfinite(s.x) && std::isfinite(s.y)) {
      piece.push_back(place({s.x, s.y}));
      continue;
    }
    if (piece.size() > 1) svg.path(piece, classes);
    piece.clear();
  }
  if (piece.size() > 1) svg.path(piece, classes);
}

void draw_error(Svg& svg, const Sample& s, const Place& place) {
  const double x = place.px(s.x);
  const double low = place.py(s.y - s.error);
  const double high = place.py(s.y + s.error);
  svg.line({x, low}, {x, high}, "e");
  svg.line({x - 3, low}, {x + 3, low}, "e");
  svg.line({x - 3, high}, {x + 3, high}, "e");
}

void draw_marks(Svg& svg, const Series& series, const Place& place) {
  const SeriesStyle& style = series.style;
  if (style.only_ends) {
    if (series.samples.empty()) return;
    const Sample& first = series.samples.front();
    const Sample& last = series.samples.back();
    svg.mark(Mark::circle, place({last.x, last.y}), style.mark_size, "m");
    svg.mark(Mark::circle, place({first.x, first.y}), style.mark_size, "h");
    return;
  }
  for (const Sample& s : series.samples) {
    if (!std::isfinite(s.x) || !std::isfinite(s.y)) continue;
    if (s.error > 0) draw_error(svg, s, place);
    svg.mark(style.mark, place({s.x, s.y}), style.mark_size, style.hollow ? "h" : "m");
  }
}

void draw_label(Svg& svg, Point at, const std::string& text) {
  const double width = text_width(text, 12, true) + 10;
  svg.rectangle({at.x - width / 2, at.y - 9}, width, 18, "pill", 4);
  svg.text({at.x, at.y + 4}, text, "panel", Anchor::middle);
}

void draw_empty(Svg& svg, const Panel& panel, Point corner, double width, double height) {
  const auto lines = wrap_text(panel.empty_text, width - 20);
  const double high = static_cast<double>(lines.size()) * kLine;
  double widest = 0;
  for (const std::string& line : lines) widest = std::max(widest, text_width(line));
  double y = corner.y + height / 2 - high / 2;
  svg.rectangle({corner.x + width / 2 - widest / 2 - 8, y - 4}, widest + 16, high + 12, "pill", 4);
  for (const std::string& line : lines) {
    y += kLine;
    svg.text({corner.x + width / 2, y}, line, "muted", Anchor::middle);
  }
}

void draw_frame(Svg& svg, const Panel& panel, const PanelLayout& layout, Point corner, double width, double height) {
  svg.path({corner, {corner.x, corner.y + height}, {corner.x + width, corner.y + height}}, "axis");
  double y = corner.y - layout.margins.top + 12;
  const double left = corner.x - layout.margins.left + 4;
  const double outer = layout.margins.left + width + layout.margins.right - 8;
  for (const std::string& line : wrap_text(panel.title, outer / 1.12, 12)) {
    svg.text({left, y}, line, "panel");
    y += kLine;
  }
  for (const std::string& line : wrap_text(panel.subtitle, outer)) {
    svg.text({left, y}, line, "muted");
    y += kLine;
  }
  svg.text({corner.x + width / 2, corner.y + height + 31}, panel.x.title, {}, Anchor::middle);
  svg.text({corner.x - layout.margins.left + 12, corner.y + height / 2}, panel.y.title, {}, Anchor::middle, true);
}

void keep_whole(std::vector<Tick>& ticks) {
  std::erase_if(ticks, [](const Tick& tick) { return tick.value != std::round(tick.value); });
  for (Tick& tick : ticks) tick.text = fmt::format("{:.0f}", tick.value);
}

}  // namespace

PanelLayout layout_panel(const Panel& panel, double outer_width, double height) {
  PanelLayout layout;
  layout.x = panel.x.range.value_or(data_range(panel, true));
  layout.y = panel.y.range.value_or(data_range(panel, false));
  PanelMargins& margins = layout.margins;
  margins.right = 14;
  margins.bottom = panel.x.title.empty() ? 22 : 38;
  const double heading = outer_width - 8;
  const std::size_t lines =
      wrap_text(panel.title, heading / 1.12, 12).size() + wrap_text(panel.subtitle, heading).size();
  margins.top = 8 + static_cast<double>(lines) * kLine;

  const auto set_y_ticks = [&] {
    const int most = std::clamp(static_cast<int>(height / 36), 2, 9);
    layout.y_ticks = panel.y.ticks.empty() ? ticks(layout.y, most) : panel.y.ticks;
    double widest = 0;
    for (const Tick& tick : layout.y_ticks) widest = std::max(widest, text_width(tick.text));
    margins.left = widest + 10 + (panel.y.title.empty() ? 0 : 18);
  };
  set_y_ticks();
  if (panel.equal_units) {
    const double width = outer_width - margins.left - margins.right;
    const double unit = std::max((layout.x.high - layout.x.low) / width, (layout.y.high - layout.y.low) / height);
    widen(layout.x, unit * width);
    widen(layout.y, unit * height);
    set_y_ticks();
  }
  const double width = outer_width - margins.left - margins.right;
  layout.x_ticks = panel.x.ticks.empty() ? ticks_that_fit(layout.x, width) : panel.x.ticks;
  if (panel.x.whole) keep_whole(layout.x_ticks);
  return layout;
}

void draw_panel(Svg& svg, const Panel& panel, const PanelLayout& layout, Point corner, double width, double height) {
  const Place place{layout.x, layout.y, corner, width, height};
  for (const Region& region : panel.regions) draw_region(svg, region, place);
  draw_grid(svg, layout, place);
  svg.begin_clip(corner, width, height);
  for (const Ridge& ridge : panel.ridges) draw_ridge(svg, ridge, place);
  for (const Rule& rule : panel.rules) draw_rule(svg, rule, place);
  if (!panel.flow.empty()) {
    svg.begin_group("flow");
    for (const FlowArrow& arrow : panel.flow) svg.arrow(place(arrow.from), place(arrow.to), {});
    svg.end_group();
  }
  // Lines first, so that no line covers a mark.
  for (const Series& series : panel.series) {
    if (!series.style.line) continue;
    svg.begin_group(series_class(series.style.colour));
    draw_lines(svg, series, place);
    svg.end_group();
  }
  for (const Series& series : panel.series) {
    svg.begin_group(series_class(series.style.colour));
    draw_marks(svg, series, place);
    svg.end_group();
  }
  svg.end_clip();
  for (const Label& label : panel.labels) draw_label(svg, place(label.at), label.text);
  if (!panel.empty_text.empty()) draw_empty(svg, panel, corner, width, height);
  draw_frame(svg, panel, layout, corner, width, height);
}

}  // namespace denseshift::plot
