#pragma once
// Which part of a photograph becomes network input.

#include <cstdint>

#include "core/data/image/decode.h"
#include "core/data/image/resize.h"
#include "core/util/rng.h"

namespace denseshift::data {

/// RandomResizedCrop: up to ten draws of an area fraction in U(0.08, 1) and an aspect ratio log-uniform in [3/4, 4/3]
/// until the rectangle fits, at a uniform position; otherwise the largest centred rectangle of permitted ratio.
[[nodiscard]] Region random_resized_crop(std::int64_t width, std::int64_t height, RandomStream& random);

/// Evaluation: the short side is scaled to `size` * 256 / 224 (rounded), the long side in proportion (truncated), and
/// the middle `size` x `size` is taken. The result says how to resize the whole picture and which part of it to
/// compute.
[[nodiscard]] Target centre_crop(std::int64_t width, std::int64_t height, std::int64_t size);

/// The pixels of a width x height picture that resizing it to `target` reads.
[[nodiscard]] Region region_behind(std::int64_t width, std::int64_t height, const Target& target);

}  // namespace denseshift::data
