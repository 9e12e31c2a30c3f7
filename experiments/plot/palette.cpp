#include "experiments/plot/palette.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace denseshift::plot {
namespace {

struct Colour {
  const char* name;
  const char* light;
  const char* dark;
};

constexpr std::array<Colour, 18> kColours{{
    {"ground", "#ffffff", "#15181d"},
    {"ink", "#1f2328", "#e4e7eb"},
    {"muted", "#59626d", "#9aa5b1"},
    {"grid", "#e3e6ea", "#2c323a"},
    {"region0", "#f3f4f6", "#1b1f26"},
    {"region1", "#dfe9f4", "#1f2c3b"},
    {"region2", "#c7dcf0", "#243b54"},
    {"axis", "#7a838e", "#6d7885"},
    {"s0", "#0072b2", "#4fb3f0"},
    {"s1", "#d55e00", "#ff8a4c"},
    {"s2", "#008a63", "#2fcb9a"},
    {"s3", "#b5568c", "#e79bc5"},
    {"s4", "#c98500", "#f2bd4b"},
    {"s5", "#3399cc", "#a3dbff"},
    {"s6", "#4d4d4d", "#c4c8cc"},
    {"s7", "#882255", "#e5789f"},
    {"s8", "#7a7a1f", "#cdcd6a"},
    {"s9", "#332288", "#a99bff"},
}};

std::string value_of(const std::string& name, Theme theme) {
  if (theme == Theme::page) return "var(--plot-" + name + ")";
  for (const Colour& colour : kColours) {
    if (colour.name == name) return theme == Theme::light ? colour.light : colour.dark;
  }
  throw std::logic_error("no colour " + name);
}

struct StyleRule {
  const char* selector;
  const char* declarations;  ///< {NAME} stands for a colour
};

// One letter for what a figure draws by the hundred. A series' colour is `color`; the marks take it from there.
constexpr std::array<StyleRule, 21> kRules{{
    {".ground", "fill:@ground"},
    {".grid", "fill:none;stroke:@grid;stroke-width:1"},
    {".axis", "fill:none;stroke:@axis;stroke-width:1"},
    {".rule", "fill:none;stroke:@muted;stroke-width:1.2;stroke-dasharray:2 3"},
    {"text", "font-family:'DejaVu Sans',Verdana,sans-serif;font-size:11px;fill:@ink"},
    {".title", "font-size:15px;font-weight:bold"},
    {".panel", "font-size:12px;font-weight:bold"},
    {".muted", "fill:@muted"},
    {".area0", "fill:@region0"},
    {".area1", "fill:@region1"},
    {".area2", "fill:@region2"},
    {".pill", "fill:@ground;fill-opacity:.85"},
    {".flow", "fill:none;stroke:@muted;stroke-width:1.2"},
    {".l", "fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round"},
    {".w", "stroke-width:2.8"},
    {".n", "stroke-width:.9;stroke-opacity:.75"},
    {".d", "stroke-dasharray:5 3"},
    {".m", "fill:currentColor;stroke:@ground;stroke-width:.8"},
    {".h", "fill:@ground;stroke:currentColor;stroke-width:1.5"},
    {".e", "fill:none;stroke:currentColor;stroke-width:1.1"},
    {".b", "fill:currentColor;fill-opacity:.35;stroke:currentColor;stroke-width:1"},
}};

std::string with_colours(const std::string& declarations, Theme theme) {
  std::string result;
  for (std::size_t i = 0; i < declarations.size(); ++i) {
    if (declarations[i] != '@') {
      result += declarations[i];
      continue;
    }
    const std::size_t end = declarations.find(';', i);
    const std::string name = declarations.substr(i + 1, end == std::string::npos ? end : end - i - 1);
    result += value_of(name, theme);
    i += name.size();
  }
  return result;
}

}  // namespace

std::string style_rules(Theme theme) {
  const std::string scope = theme == Theme::page ? "svg.plot " : "";
  std::string css;
  for (const StyleRule& rule : kRules) {
    css += fmt::format("{}{}{{{}}}\n", scope, rule.selector, with_colours(rule.declarations, theme));
  }
  for (int i = 0; i < kSeriesColours; ++i) {
    css += fmt::format("{}.s{}{{color:{}}}\n", scope, i, value_of(fmt::format("s{}", i), theme));
  }
  return css;
}

std::string style_variables(Theme theme) {
  std::string css;
  for (const Colour& colour : kColours) {
    css += fmt::format("--plot-{}:{};", colour.name, theme == Theme::light ? colour.light : colour.dark);
  }
  return css;
}

}  // namespace denseshift::plot
