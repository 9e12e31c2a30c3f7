#include "experiments/plot/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace denseshift::plot {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Length of the well-formed UTF-8 sequence at `i`, 0 when there is none that XML allows.
std::size_t sequence_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(text[k]); };
  const std::uint8_t first = byte(i);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || i + length > text.size()) return 0;
  std::uint32_t code = first & (0x7FU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0U) != 0x80) return 0;
    code = code << 6U | (byte(i + k) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool forbidden = (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF || code == 0xFFFE || code == 0xFFFF;
  return overlong || forbidden ? 0 : length;
}

/// Share of the font size that a character takes in a wide sans-serif font.
double character_width(unsigned char c) {
  constexpr std::string_view kNarrow = "iljtfrI.,:;|!'()[]/ -";
  constexpr std::string_view kWide = "mwMW@%";
  if (kNarrow.find(static_cast<char>(c)) != std::string_view::npos) return 0.40;
  if (kWide.find(static_cast<char>(c)) != std::string_view::npos) return 0.97;
  if (c >= 'A' && c <= 'Z') return 0.72;
  return 0.63;
}

/// A length in tenths of a pixel; far outside of every drawing it stays countable.
long long tenths(double value) {
  if (!std::isfinite(value)) return 0;
  return std::llround(std::clamp(value, -1e7, 1e7) * 10);
}

std::string tenths_text(long long value) {
  std::string text = value < 0 ? "-" : "";
  value = std::abs(value);
  if (value >= 10 || value % 10 == 0) text += fmt::format("{}", value / 10);
  if (value % 10 != 0) text += fmt::format(".{}", value % 10);
  return text;
}

std::string class_attribute(std::string_view classes) {
  return classes.empty() ? std::string() : fmt::format(" class=\"{}\"", classes);
}

}  // namespace

std::string short_number(double value, int decimals) {
  if (!std::isfinite(value)) return "0";
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string escape_xml(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text, i);
    switch (length == 1 ? text[i] : '\0') {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += length == 0 ? kReplacement : text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return result;
}

double text_width(std::string_view text, double font_size, bool bold) {
  double width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80) width += byte < 0x80 ? character_width(byte) : 0.75;
  }
  return width * font_size * (bold ? 1.1 : 1.0);
}

std::vector<std::string> wrap_text(const std::string& text, double width, double font_size) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t end = text.find(' ', begin);
    if (end == std::string::npos) end = text.size();
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    if (!line.empty() && text_width(line + " " + word, font_size) > width) {
      lines.push_back(line);
      line.clear();
    }
    line += line.empty() ? word : " " + word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

Svg::Svg(double width, double height, const std::string& label, Theme theme, const std::string& more_rules) {
  const std::string w = short_number(width);
  const std::string h = short_number(height);
  // A page lets the drawing shrink with its column; a file has the size it was drawn for.
  const std::string size = theme == Theme::page
                               ? fmt::format(" class=\"plot\" style=\"max-width:{}px\"", w)
                               : fmt::format(" xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\"", w, h);
  text_ = fmt::format("<svg{} viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", size, w, h, escape_xml(label));
  if (theme != Theme::page) text_ += "<style>\n" + style_rules(theme) + more_rules + "</style>\n";
  text_ += fmt::format("<rect width=\"{}\" height=\"{}\" class=\"ground\"/>\n", w, h);
}

void Svg::line(Point from, Point to, std::string_view classes) { path({from, to}, classes); }

void Svg::rectangle(Point corner, double width, double height, std::string_view classes, double radius) {
  const std::string round = radius > 0 ? fmt::format(" rx=\"{}\"", short_number(radius)) : std::string();
  text_ +=
      fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}{}/>\n", short_number(corner.x),
                  short_number(corner.y), short_number(width), short_number(height), round, class_attribute(classes));
}

void Svg::path(const std::vector<Point>& points, std::string_view classes, bool closed) {
  if (points.empty()) return;
  // Steps in tenths of a pixel from the point before: half as long as absolute places, and whole numbers do not drift.
  std::string data;
  long long x = 0;
  long long y = 0;
  for (const Point& point : points) {
    const long long next_x = tenths(point.x);
    const long long next_y = tenths(point.y);
    if (data.empty()) {
      data = "M" + tenths_text(next_x) + " " + tenths_text(next_y);
    } else if (next_x == x && next_y == y) {
      continue;
    } else if (next_y == y) {
      data += "h" + tenths_text(next_x - x);
    } else if (next_x == x) {
      data += "v" + tenths_text(next_y - y);
    } else {
      const std::string down = tenths_text(next_y - y);
      data += "l" + tenths_text(next_x - x) + (down.front() == '-' ? "" : " ") + down;
    }
    x = next_x;
    y = next_y;
  }
  text_ += fmt::format("<path d=\"{}{}\"{}/>\n", data, closed ? "Z" : "", class_attribute(classes));
}

void Svg::mark(Mark shape, Point c, double size, std::string_view classes) {
  const double r = size / 2;
  switch (shape) {
    case Mark::none:
      break;
    case Mark::circle:
      text_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>\n", short_number(c.x), short_number(c.y),
                           short_number(r), class_attribute(classes));
      break;
    case Mark::square:
      rectangle({c.x - r * 0.9, c.y - r * 0.9}, 1.8 * r, 1.8 * r, classes);
      break;
    case Mark::triangle:
      path({{c.x, c.y - r * 1.15}, {c.x + r * 1.1, c.y + r * 0.8}, {c.x - r * 1.1, c.y + r * 0.8}}, classes, true);
      break;
    case Mark::down:
      path({{c.x, c.y + r * 1.15}, {c.x + r * 1.1, c.y - r * 0.8}, {c.x - r * 1.1, c.y - r * 0.8}}, classes, true);
      break;
    case Mark::diamond:
      path({{c.x, c.y - r * 1.25}, {c.x + r * 1.25, c.y}, {c.x, c.y + r * 1.25}, {c.x - r * 1.25, c.y}}, classes, true);
      break;
    case Mark::plus: {
      const double a = r * 1.15;
      const double b = r * 0.42;
      path({{c.x - b, c.y - a},
            {c.x + b, c.y - a},
            {c.x + b, c.y - b},
            {c.x + a, c.y - b},
            {c.x + a, c.y + b},
            {c.x + b, c.y + b},
            {c.x + b, c.y + a},
            {c.x - b, c.y + a},
            {c.x - b, c.y + b},
            {c.x - a, c.y + b},
            {c.x - a, c.y - b},
            {c.x - b, c.y - b}},
           classes, true);
      break;
    }
  }
}

void Svg::arrow(Point from, Point to, std::string_view classes) {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double length = std::hypot(dx, dy);
  if (length <= 0) return;
  const double head = std::min(4.5, length / 2);
  const double ux = dx / length;
  const double uy = dy / length;
  const Point left{to.x - head * (ux + uy * 0.6), to.y - head * (uy - ux * 0.6)};
  const Point right{to.x - head * (ux - uy * 0.6), to.y - head * (uy + ux * 0.6)};
  text_ += fmt::format("<path d=\"M{} {}L{} {}M{} {}L{} {}L{} {}\"{}/>\n", short_number(from.x), short_number(from.y),
                       short_number(to.x), short_number(to.y), short_number(left.x), short_number(left.y),
                       short_number(to.x), short_number(to.y), short_number(right.x), short_number(right.y),
                       class_attribute(classes));
}

void Svg::text(Point at, std::string_view content, std::string_view classes, Anchor anchor, bool turned) {
  const char* side = anchor == Anchor::middle ? " text-anchor=\"middle\""
                     : anchor == Anchor::end  ? " text-anchor=\"end\""
                                              : "";
  const std::string x = short_number(at.x);
  const std::string y = short_number(at.y);
  const std::string turn = turned ? fmt::format(" transform=\"rotate(-90 {} {})\"", x, y) : std::string();
  text_ += fmt::format("<text x=\"{}\" y=\"{}\"{}{}{}>{}</text>\n", x, y, side, turn, class_attribute(classes),
                       escape_xml(content));
}

void Svg::begin_clip(Point corner, double width, double height) {
  // A nested drawing cuts at its edge and needs no id, which would have to be unique in a page of many figures.
  const std::string x = short_number(corner.x);
  const std::string y = short_number(corner.y);
  const std::string w = short_number(width);
  const std::string h = short_number(height);
  text_ +=
      fmt::format("<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" viewBox=\"{0} {1} {2} {3}\">\n", x, y, w, h);
}

void Svg::end_clip() { text_ += "</svg>\n"; }

void Svg::begin_group(std::string_view classes) { text_ += fmt::format("<g class=\"{}\">\n", classes); }

void Svg::end_group() { text_ += "</g>\n"; }

std::string Svg::finish() { return std::move(text_) + "</svg>\n"; }

}  // namespace denseshift::plot
