#include "core/data/transforms/colour_jitter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace denseshift::data {
namespace {

/// Three planes of the same length.
struct Planes {
  float* red;
  float* green;
  float* blue;
  std::int64_t count;
};

float clipped(float value) { return std::min(std::max(value, 0.0F), 255.0F); }

float grey(float red, float green, float blue) { return 0.299F * red + 0.587F * green + 0.114F * blue; }

void change_brightness(const Planes& planes, float factor) {
  for (float* plane : {planes.red, planes.green, planes.blue}) {
    for (std::int64_t i = 0; i < planes.count; ++i) plane[i] = clipped(plane[i] * factor);
  }
}

void change_contrast(const Planes& planes, float factor) {
  double sum = 0;
  for (std::int64_t i = 0; i < planes.count; ++i) {
    sum += static_cast<double>(grey(planes.red[i], planes.green[i], planes.blue[i]));
  }
  const auto mean = static_cast<float>(sum / static_cast<double>(std::max<std::int64_t>(planes.count, 1)));
  for (float* plane : {planes.red, planes.green, planes.blue}) {
    for (std::int64_t i = 0; i < planes.count; ++i) plane[i] = clipped(mean + factor * (plane[i] - mean));
  }
}

void change_saturation(const Planes& planes, float factor) {
  for (std::int64_t i = 0; i < planes.count; ++i) {
    const float own = grey(planes.red[i], planes.green[i], planes.blue[i]);
    planes.red[i] = clipped(own + factor * (planes.red[i] - own));
    planes.green[i] = clipped(own + factor * (planes.green[i] - own));
    planes.blue[i] = clipped(own + factor * (planes.blue[i] - own));
  }
}

/// Value of one colour on the hexagon of hues. `hue` in sixths of a turn, in [0, 6); offset 5 gives red, 3 green, 1
/// blue.
float on_hexagon(float hue, float offset, float largest, float spread) {
  float k = hue + offset;
  k -= k >= 6.0F ? 6.0F : 0.0F;
  const float dip = std::min(std::max(std::min(k, 4.0F - k), 0.0F), 1.0F);
  return largest - spread * dip;
}

/// Turning the hue keeps the largest and the smallest of the three colours, so HSV itself is never formed.
void turn_hue(const Planes& planes, float turns) {
  const float sixths = 6.0F * (turns - std::floor(turns));
  for (std::int64_t i = 0; i < planes.count; ++i) {
    const float red = planes.red[i];
    const float green = planes.green[i];
    const float blue = planes.blue[i];
    const float largest = std::max(std::max(red, green), blue);
    const float spread = largest - std::min(std::min(red, green), blue);
    const float inverse = spread > 0.0F ? 1.0F / spread : 0.0F;
    const float from_red = (green - blue) * inverse;
    const float from_green = 2.0F + (blue - red) * inverse;
    const float from_blue = 4.0F + (red - green) * inverse;
    float hue = largest == red ? from_red : (largest == green ? from_green : from_blue);
    hue += sixths;
    hue -= hue >= 6.0F ? 6.0F : 0.0F;
    hue += hue < 0.0F ? 6.0F : 0.0F;
    planes.red[i] = on_hexagon(hue, 5.0F, largest, spread);
    planes.green[i] = on_hexagon(hue, 3.0F, largest, spread);
    planes.blue[i] = on_hexagon(hue, 1.0F, largest, spread);
  }
}

}  // namespace

ColourJitter draw_colour_jitter(RandomStream& random) {
  ColourJitter jitter;
  for (std::size_t i = 3; i > 0; --i) std::swap(jitter.order[i], jitter.order[random.below(i + 1)]);
  jitter.brightness = static_cast<float>(random.uniform(0.875, 1.125));
  jitter.contrast = static_cast<float>(random.uniform(0.5, 1.5));
  jitter.saturation = static_cast<float>(random.uniform(0.5, 1.5));
  jitter.hue = static_cast<float>(random.uniform(-0.05, 0.05));
  return jitter;
}

void apply_colour_jitter(const ColourJitter& jitter, std::int64_t count, float* planes) {
  const Planes view{planes, planes + count, planes + 2 * count, count};
  for (const int step : jitter.order) {
    switch (step) {
      case 0:
        change_brightness(view, jitter.brightness);
        break;
      case 1:
        change_contrast(view, jitter.contrast);
        break;
      case 2:
        change_saturation(view, jitter.saturation);
        break;
      default:
        turn_hue(view, jitter.hue);
    }
  }
}

}  // namespace denseshift::data
