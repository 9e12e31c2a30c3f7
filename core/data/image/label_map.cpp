#include "core/data/image/label_map.h"

#include <png.h>

#include <array>
#include <cstddef>
#include <stdexcept>

#include "core/util/error.h"

namespace denseshift::data {

Pixel voc_colour(std::uint8_t label) {
  // Bit k of the label goes to colour k mod 3, the lowest bits to the highest places.
  std::array<unsigned, 3> colour{};
  for (unsigned k = 0; k < 8; ++k) colour[k % 3] |= (label >> k & 1U) << (7 - k / 3);
  return pack_pixel(static_cast<std::uint8_t>(colour[0]), static_cast<std::uint8_t>(colour[1]),
                    static_cast<std::uint8_t>(colour[2]));
}

std::string encode_label_png(const LabelMap& map) {
  if (map.labels.size() != static_cast<std::size_t>(map.width * map.height)) {
    throw std::invalid_argument("a label map does not fill its size");
  }
  constexpr unsigned kColours = 256;
  std::array<std::uint8_t, std::size_t{3} * kColours> palette{};
  for (unsigned label = 0; label < kColours; ++label) {
    for (unsigned c = 0; c < 3; ++c) {
      palette[3 * label + c] = channel_of(voc_colour(static_cast<std::uint8_t>(label)), static_cast<int>(c));
    }
  }
  png_image description{};
  description.version = PNG_IMAGE_VERSION;
  description.width = static_cast<png_uint_32>(map.width);
  description.height = static_cast<png_uint_32>(map.height);
  description.format = PNG_FORMAT_RGB_COLORMAP;
  description.colormap_entries = kColours;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(description);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&description, bytes.data(), &size, 0, map.labels.data(), 0, palette.data()) == 0) {
    throw work_error(std::string("cannot encode PNG: ") + description.message);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace denseshift::data
