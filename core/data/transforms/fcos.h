#pragma once
// The input of FCOS: torchvision's rule for sizes, to the pixel.

#include <cstdint>
#include <memory>
#include <utility>

#include "core/data/transforms/transform.h"

namespace denseshift::data {

inline constexpr std::int64_t kFcosShortSide = 800;

/// Height and width of a picture whose short side becomes `short_side` unless its long side would exceed `long_side`:
/// both are multiplied by one factor, computed in float32, and rounded down.
[[nodiscard]] std::pair<std::int64_t, std::int64_t> fcos_size(std::int64_t height, std::int64_t width,
                                                              std::int64_t short_side, std::int64_t long_side);

/// Mirrored half of the time in training, normalised, resized bilinearly without antialiasing to fcos_size(); boxes are
/// multiplied by new / old size per axis in float32. Batches are padded to multiples of 32. Files must be decoded at
/// full size: the rule counts their pixels.
[[nodiscard]] std::unique_ptr<Transform> make_fcos_transform(std::int64_t short_side, std::int64_t long_side);

}  // namespace denseshift::data
