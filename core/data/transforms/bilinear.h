#pragma once
// Bilinear resizing without antialiasing: what torch.nn.functional.interpolate does (align_corners false).

#include <cstdint>

#include "core/data/image/image.h"

namespace denseshift::data {

/// Writes 3 x height x width normalised floats: `image`, mirrored left and right if asked, then resized. Every output
/// is interpolated between the four source pixels around it, whatever the ratio of the sizes, which is in / out per
/// axis.
void write_bilinear(const Image& image, bool mirror, std::int64_t width, std::int64_t height,
                    const Normalisation& normalisation, float* out);

}  // namespace denseshift::data
