#pragma once
// Boxes with captions and coloured regions on pictures, for people to look at.

#include <array>
#include <cstdint>
#include <string_view>

#include "core/data/image/image.h"
#include "core/data/image/label_map.h"

namespace denseshift::data {

/// A colour for class `index` that stands out from its neighbours'.
[[nodiscard]] Pixel class_colour(std::int64_t index);

/// Draws the frame of a box (left, top, right, bottom in pixels; may hang over) `thickness` pixels wide, inwards.
void draw_box(Image& image, const std::array<double, 4>& box, Pixel colour, std::int64_t thickness = 2);

/// Writes one line of text with its upper left corner at (x, y) on a background; pixels of the font are `scale` wide.
/// ASCII letters come as capitals, characters without a glyph as '?'. Parts outside the picture are cut.
void draw_text(Image& image, std::int64_t x, std::int64_t y, std::string_view text, Pixel colour, Pixel background,
               std::int64_t scale = 1);

/// Size of what draw_text() fills.
struct TextSize {
  std::int64_t width = 0, height = 0;
};
[[nodiscard]] TextSize text_size(std::string_view text, std::int64_t scale = 1);

/// A box with a caption above it, or inside it where there is no room, moved to lie in the picture as far as it fits.
void draw_captioned_box(Image& image, const std::array<double, 4>& box, std::string_view caption, Pixel colour,
                        std::int64_t scale = 1);

/// Mixes VOC's colours of the labels into a picture of the same size with weight `opacity` (0 to 1). Pixels labelled
/// `clear` keep theirs; -1 colours all.
void blend_labels(Image& image, const LabelMap& map, double opacity = 0.5, std::int64_t clear = -1);

}  // namespace denseshift::data
