#include "core/data/image/image.h"

#include <algorithm>

namespace denseshift::data {
namespace {

/// One row of `size` floats from a row of `width` values; value(x) yields the byte at column x of the picture.
template <class Value>
void write_row(Value value, std::int64_t width, Window window, std::int64_t size, float scale, float shift,
               float* out) {
  const std::int64_t first = std::clamp<std::int64_t>(-window.x, 0, size);
  const std::int64_t last = std::clamp<std::int64_t>(width - window.x, first, size);
  std::fill(out, out + first, shift);
  for (std::int64_t i = first; i < last; ++i) out[i] = static_cast<float>(value(i + window.x)) * scale + shift;
  std::fill(out + last, out + size, shift);
  // A separate reversal of a row in cache keeps the conversion loop free of backward stores.
  if (window.flip) std::reverse(out, out + size);
}

}  // namespace

Normalisation::Normalisation(std::array<double, 3> mean, std::array<double, 3> deviation) {
  for (std::size_t c = 0; c < 3; ++c) {
    scale_[c] = static_cast<float>(1.0 / (255.0 * deviation[c]));
    shift_[c] = static_cast<float>(-mean[c] / deviation[c]);
  }
}

void write_planes(const Image& image, Window window, std::int64_t width, std::int64_t height,
                  const Normalisation& normalisation, float* out) {
  for (int c = 0; c < 3; ++c) {
    const float scale = normalisation.scale(c);
    const float shift = normalisation.shift(c);
    for (std::int64_t i = 0; i < height; ++i, out += width) {
      const std::int64_t y = i + window.y;
      if (y < 0 || y >= image.height) {
        std::fill(out, out + width, shift);
        continue;
      }
      const Pixel* row = image.row(y);
      // Signed integers convert to float in one instruction.
      const auto value = [row, c](std::int64_t x) { return static_cast<std::int32_t>((row[x] >> (8 * c)) & 255U); };
      write_row(value, image.width, window, width, scale, shift, out);
    }
  }
}

void write_planes(const Image& image, Window window, std::int64_t size, const Normalisation& normalisation,
                  float* out) {
  write_planes(image, window, size, size, normalisation, out);
}

void write_planes(const std::uint8_t* planes, int channels, std::int64_t side, Window window, std::int64_t size,
                  const Normalisation& normalisation, float* out) {
  for (int c = 0; c < 3; ++c) {
    const std::uint8_t* plane = planes + (channels == 1 ? 0 : c * side * side);
    const float scale = normalisation.scale(c);
    const float shift = normalisation.shift(c);
    for (std::int64_t i = 0; i < size; ++i, out += size) {
      const std::int64_t y = i + window.y;
      if (y < 0 || y >= side) {
        std::fill(out, out + size, shift);
        continue;
      }
      const std::uint8_t* row = plane + y * side;
      write_row([row](std::int64_t x) { return row[x]; }, side, window, size, scale, shift, out);
    }
  }
}

void planes_to_image(const std::uint8_t* planes, int channels, std::int64_t side, Image& out) {
  out.resize(side, side);
  const std::int64_t area = side * side;
  const std::uint8_t* green = planes + (channels == 1 ? 0 : area);
  const std::uint8_t* blue = planes + (channels == 1 ? 0 : 2 * area);
  for (std::int64_t i = 0; i < area; ++i) {
    out.pixels[static_cast<std::size_t>(i)] = pack_pixel(planes[i], green[i], blue[i]);
  }
}

}  // namespace denseshift::data
