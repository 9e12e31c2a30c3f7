#pragma once
// Colours of figures. A figure names classes (s0 .. s9, grid, ink ...), and what they look like is decided here: once
// as concrete colours for a file of its own, once as custom properties that the report's page sets for light and dark.

#include <string>

namespace denseshift::plot {

/// Who colours a figure.
enum class Theme {
  light,  ///< the figure itself, dark on white
  dark,   ///< the figure itself, light on black
  page,   ///< the page around it: the figure has classes only
};

/// Colours of series; those of colour-blind readers' studies (Okabe and Ito; Tol), darkened or lightened until they
/// stand out from the ground.
constexpr int kSeriesColours = 10;

/// CSS rules for the classes of a figure. Theme::page: below `svg.plot`, with var(--plot-...) as colours.
[[nodiscard]] std::string style_rules(Theme theme);

/// "--plot-ink:#1f2328;..." for the page's light and dark rules. `theme` is not Theme::page.
[[nodiscard]] std::string style_variables(Theme theme);

}  // namespace denseshift::plot
