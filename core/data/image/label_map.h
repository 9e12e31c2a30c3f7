#pragma once
// Maps of class labels, one byte a pixel, and the palette PNG that PASCAL VOC stores them in.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/data/image/image.h"

namespace denseshift::data {

/// A label for every pixel, rows from top to bottom without gaps.
struct LabelMap {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> labels{};
};

/// VOC's colour of a label: black for 0, different ones for all others, near white for 255.
[[nodiscard]] Pixel voc_colour(std::uint8_t label);

/// An 8-bit palette PNG whose pixel values are the labels, with VOC's colours.
[[nodiscard]] std::string encode_label_png(const LabelMap& map);

/// The labels of a PNG file: the palette indices of a palette image, the values of a grey one, at 8 bits or fewer.
/// Throws an input error that names the file when it is broken, too large, no PNG or of another kind.
[[nodiscard]] LabelMap read_label_png(const std::filesystem::path& path);

}  // namespace denseshift::data
