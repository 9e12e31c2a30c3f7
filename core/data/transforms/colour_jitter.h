#pragma once
// Random changes of brightness, contrast, saturation and hue.

#include <array>
#include <cstdint>

#include "core/util/rng.h"

namespace denseshift::data {

/// The strengths of one jitter, and the order in which they are applied.
struct ColourJitter {
  float brightness = 1;                  ///< factor of all values
  float contrast = 1;                    ///< factor of the distance to the picture's mean grey
  float saturation = 1;                  ///< factor of the distance to the pixel's own grey
  float hue = 0;                         ///< turns of the colour circle
  std::array<int, 4> order{0, 1, 2, 3};  ///< a permutation; 0 brightness, 1 contrast, 2 saturation, 3 hue
};

/// Draws SSD's strengths: brightness U(0.875, 1.125), contrast and saturation U(0.5, 1.5), hue U(-0.05, 0.05), any
/// order.
[[nodiscard]] ColourJitter draw_colour_jitter(RandomStream& random);

/// Changes 3 planes of `count` values from 0 to 255; after every step values are cut to that range. Grey is
/// 0.299 red + 0.587 green + 0.114 blue; hue is that of HSV.
void apply_colour_jitter(const ColourJitter& jitter, std::int64_t count, float* planes);

}  // namespace denseshift::data
