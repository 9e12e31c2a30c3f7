#pragma once
// SVG as text: the few elements that charts need, escaped, with short numbers. Our own, because no C++ library in
// Debian writes SVG whose colours a page can change; the files are small and equal input gives equal bytes.

#include <string>
#include <string_view>
#include <vector>

#include "experiments/plot/palette.h"

namespace denseshift::plot {

/// Shapes of markers.
enum class Mark { none, circle, square, triangle, diamond, down, plus };

enum class Anchor { start, middle, end };

struct Point {
  double x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};

/// At most `decimals` digits after the point, without trailing zeros; never "-0".
[[nodiscard]] std::string short_number(double value, int decimals = 1);

/// Text for elements and attributes: & < > " ' as entities, bytes that are not UTF-8 and signs that XML forbids as
/// U+FFFD.
[[nodiscard]] std::string escape_xml(std::string_view text);

/// Width in pixels of a line of `text`, on the safe side for the common sans-serif fonts.
[[nodiscard]] double text_width(std::string_view text, double font_size = 11, bool bold = false);

/// Cuts text into lines no wider than `width` at blanks; a longer word gets a line of its own.
[[nodiscard]] std::vector<std::string> wrap_text(const std::string& text, double width, double font_size = 11);

/// A drawing under construction. Lengths are pixels, y downwards.
class Svg {
 public:
  /// `label` is what a screen reader says. A file of its own gets `more_rules` beside the palette's.
  Svg(double width, double height, const std::string& label, Theme theme, const std::string& more_rules = {});

  void line(Point from, Point to, std::string_view classes);
  void rectangle(Point corner, double width, double height, std::string_view classes, double radius = 0);
  /// Points that round to the same pixel tenth as the one before are left out.
  void path(const std::vector<Point>& points, std::string_view classes, bool closed = false);
  void mark(Mark shape, Point centre, double size, std::string_view classes);
  /// A line with a head at its end.
  void arrow(Point from, Point to, std::string_view classes);
  /// `turned`: read from bottom to top.
  void text(Point at, std::string_view content, std::string_view classes = {}, Anchor anchor = Anchor::start,
            bool turned = false);
  /// What follows is cut at this rectangle, until end_clip().
  void begin_clip(Point corner, double width, double height);
  void end_clip();
  void begin_group(std::string_view classes);
  void end_group();

  /// The whole document. Call once, at the end.
  [[nodiscard]] std::string finish();

 private:
  std::string text_;
};

}  // namespace denseshift::plot
