#pragma once
// 8-bit RGB pictures in memory and the last step to the network: crop, flip, normalise, split into planes.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace denseshift::data {

static_assert(std::endian::native == std::endian::little, "Pixel is read as bytes R, G, B, unused in memory order");

/// One pixel: red in the lowest byte, then green, blue and an unused byte. Four bytes keep every loop over pixels
/// aligned.
using Pixel = std::uint32_t;

[[nodiscard]] constexpr Pixel pack_pixel(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  return static_cast<Pixel>(red | (green << 8) | (blue << 16)) | 0xFF000000U;
}
/// Value of colour `channel` (0 red, 1 green, 2 blue).
[[nodiscard]] constexpr std::uint8_t channel_of(Pixel pixel, int channel) {
  return static_cast<std::uint8_t>(pixel >> (8 * channel));
}

/// A picture, rows from top to bottom without gaps. resize() keeps the storage, so a reused Image does not allocate.
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<Pixel> pixels;

  void resize(std::int64_t new_width, std::int64_t new_height) {
    width = new_width;
    height = new_height;
    pixels.resize(static_cast<std::size_t>(width * height));
  }
  [[nodiscard]] Pixel* row(std::int64_t y) { return pixels.data() + y * width; }
  [[nodiscard]] const Pixel* row(std::int64_t y) const { return pixels.data() + y * width; }
};

/// (value / 255 - mean) / deviation per colour, as one multiplication and one addition.
class Normalisation {
 public:
  Normalisation(std::array<double, 3> mean, std::array<double, 3> deviation);
  [[nodiscard]] float scale(int channel) const { return scale_[static_cast<std::size_t>(channel)]; }
  [[nodiscard]] float shift(int channel) const { return shift_[static_cast<std::size_t>(channel)]; }

 private:
  std::array<float, 3> scale_;
  std::array<float, 3> shift_;
};

/// Where a window of the network's size lies in a picture; it may hang over the edge, where black is used.
struct Window {
  std::int64_t x = 0;
  std::int64_t y = 0;
  bool flip = false;  ///< mirror left and right
};

/// Writes 3 x height x width normalised floats.
void write_planes(const Image& image, Window window, std::int64_t width, std::int64_t height,
                  const Normalisation& normalisation, float* out);

/// The same for a square window.
void write_planes(const Image& image, Window window, std::int64_t size, const Normalisation& normalisation, float* out);

/// The same for a picture stored as `channels` (1 or 3) planes of side x side bytes; one channel is written three
/// times.
void write_planes(const std::uint8_t* planes, int channels, std::int64_t side, Window window, std::int64_t size,
                  const Normalisation& normalisation, float* out);

/// Planes of side x side bytes as an Image; one channel becomes grey.
void planes_to_image(const std::uint8_t* planes, int channels, std::int64_t side, Image& out);

}  // namespace denseshift::data
