#include "core/data/image/draw.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace denseshift::data {
namespace {

constexpr std::int64_t kGlyphWidth = 5, kGlyphHeight = 7;
constexpr std::int64_t kAdvance = kGlyphWidth + 1;

/// A character as 7 rows of 5 pixels, the highest of 35 bits in the upper left corner.
struct Glyph {
  char character;
  std::uint64_t rows;
};
constexpr Glyph kFont[] = {
    {' ', 0x000000000},  {'!', 0x108421004}, {'#', 0x295F57D4A}, {'%', 0x672222273}, {'&', 0x32544564D},
    {'\'', 0x108800000}, {'(', 0x088842082}, {')', 0x208210888}, {'*', 0x02AEFBAA0}, {'+', 0x0084F9080},
    {',', 0x000003088},  {'-', 0x0000F8000}, {'.', 0x00000018C}, {'/', 0x042222210}, {'0', 0x3A33AE62E},
    {'1', 0x11842108E},  {'2', 0x3A213221F}, {'3', 0x78217043E}, {'4', 0x08CA97C42}, {'5', 0x7E1E0862E},
    {'6', 0x3A10F462E},  {'7', 0x7C2221084}, {'8', 0x3A317462E}, {'9', 0x3A317842E}, {':', 0x018C03180},
    {';', 0x018C03088},  {'<', 0x088882082}, {'=', 0x001F07C00}, {'>', 0x208208888}, {'?', 0x3A2111004},
    {'A', 0x3A31FC631},  {'B', 0x7A31F463E}, {'C', 0x3A308422E}, {'D', 0x7A318C63E}, {'E', 0x7E10F421F},
    {'F', 0x7E10F4210},  {'G', 0x3A30BC62F}, {'H', 0x4631FC631}, {'I', 0x38842108E}, {'J', 0x1C4210A4C},
    {'K', 0x4654C5251},  {'L', 0x42108421F}, {'M', 0x4775AC631}, {'N', 0x473AACE71}, {'O', 0x3A318C62E},
    {'P', 0x7A31F4210},  {'Q', 0x3A318D64D}, {'R', 0x7A31F5251}, {'S', 0x3E107043E}, {'T', 0x7C8421084},
    {'U', 0x46318C62E},  {'V', 0x46318C544}, {'W', 0x4631AD771}, {'X', 0x462A22A31}, {'Y', 0x462A21084},
    {'Z', 0x7C222221F},  {'_', 0x00000001F}};

std::uint64_t glyph_of(char character) {
  if (character >= 'a' && character <= 'z') character = static_cast<char>(character - 'a' + 'A');
  std::uint64_t unknown = 0;
  for (const Glyph& glyph : kFont) {
    if (glyph.character == character) return glyph.rows;
    if (glyph.character == '?') unknown = glyph.rows;
  }
  return unknown;
}

/// Fills columns x0 .. x1 - 1 of rows y0 .. y1 - 1 as far as they are in the picture.
void fill(Image& image, std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1, Pixel colour) {
  x0 = std::clamp<std::int64_t>(x0, 0, image.width);
  x1 = std::clamp<std::int64_t>(x1, x0, image.width);
  for (std::int64_t y = std::max<std::int64_t>(y0, 0); y < std::min(y1, image.height); ++y) {
    std::fill(image.row(y) + x0, image.row(y) + x1, colour);
  }
}

/// Nearest whole pixel, with hopeless numbers moved to just outside of the picture.
std::int64_t pixel_of(double value, std::int64_t side) {
  if (std::isnan(value)) return -1;
  return static_cast<std::int64_t>(std::lround(std::clamp(value, -1.0, static_cast<double>(side) + 1.0)));
}

bool is_light(Pixel colour) {
  return 299 * channel_of(colour, 0) + 587 * channel_of(colour, 1) + 114 * channel_of(colour, 2) > 128 * 1000;
}

}  // namespace

Pixel class_colour(std::int64_t index) {
  // 255 labels have a colour, and the first is black.
  return voc_colour(static_cast<std::uint8_t>(1 + std::abs(index % 254)));
}

void draw_box(Image& image, const std::array<double, 4>& box, Pixel colour, std::int64_t thickness) {
  const std::int64_t x0 = pixel_of(box[0], image.width), y0 = pixel_of(box[1], image.height);
  const std::int64_t x1 = std::max(pixel_of(box[2], image.width), x0 + 1);
  const std::int64_t y1 = std::max(pixel_of(box[3], image.height), y0 + 1);
  const std::int64_t t = std::min({thickness, x1 - x0, y1 - y0});
  fill(image, x0, y0, x1, y0 + t, colour);
  fill(image, x0, y1 - t, x1, y1, colour);
  fill(image, x0, y0, x0 + t, y1, colour);
  fill(image, x1 - t, y0, x1, y1, colour);
}

TextSize text_size(std::string_view text, std::int64_t scale) {
  return {(kAdvance * static_cast<std::int64_t>(text.size()) + 1) * scale, (kGlyphHeight + 2) * scale};
}

void draw_text(Image& image, std::int64_t x, std::int64_t y, std::string_view text, Pixel colour, Pixel background,
               std::int64_t scale) {
  if (scale < 1) throw std::invalid_argument("text is drawn at scale 1 or more");
  const TextSize size = text_size(text, scale);
  fill(image, x, y, x + size.width, y + size.height, background);
  x += scale;
  for (const char character : text) {
    const std::uint64_t rows = glyph_of(character);
    for (std::int64_t bit = 0; bit < kGlyphWidth * kGlyphHeight; ++bit) {
      if ((rows >> (kGlyphWidth * kGlyphHeight - 1 - bit) & 1) == 0) continue;
      const std::int64_t px = x + bit % kGlyphWidth * scale, py = y + (1 + bit / kGlyphWidth) * scale;
      fill(image, px, py, px + scale, py + scale, colour);
    }
    x += kAdvance * scale;
  }
}

void draw_captioned_box(Image& image, const std::array<double, 4>& box, std::string_view caption, Pixel colour,
                        std::int64_t scale) {
  draw_box(image, box, colour, 2 * scale);
  if (caption.empty()) return;
  const TextSize size = text_size(caption, scale);
  const std::int64_t left = pixel_of(box[0], image.width), top = pixel_of(box[1], image.height);
  const std::int64_t x = std::max<std::int64_t>(std::min(left, image.width - size.width), 0);
  const std::int64_t y =
      top >= size.height ? top - size.height : std::max<std::int64_t>(std::min(top, image.height - size.height), 0);
  draw_text(image, x, y, caption, is_light(colour) ? pack_pixel(0, 0, 0) : pack_pixel(255, 255, 255), colour, scale);
}

void blend_labels(Image& image, const LabelMap& map, double opacity, std::int64_t clear) {
  if (map.width != image.width || map.height != image.height) {
    throw std::invalid_argument("picture and labels differ in size");
  }
  const double weight = std::clamp(opacity, 0.0, 1.0);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    if (map.labels[i] == clear) continue;
    const Pixel colour = voc_colour(map.labels[i]);
    std::array<std::uint8_t, 3> mixed{};
    for (int c = 0; c < 3; ++c) {
      const double value = (1 - weight) * channel_of(image.pixels[i], c) + weight * channel_of(colour, c);
      mixed[static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(std::lround(value));
    }
    image.pixels[i] = pack_pixel(mixed[0], mixed[1], mixed[2]);
  }
}

}  // namespace denseshift::data
