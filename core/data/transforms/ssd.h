#pragma once
// The input of SSD300 v1.1.

#include <cstdint>
#include <memory>
#include <vector>

#include "core/data/image/decode.h"
#include "core/data/transforms/transform.h"

namespace denseshift::data {

inline constexpr std::int64_t kSsdSide = 300;

/// The part of a picture that a training sample shows. Draws one of seven options: all of it, a part that every box
/// overlaps with an IoU above 0.1, 0.3, 0.5, 0.7 or 0.9, or any part. A part has width and height U(0.3, 1) of the
/// picture's and width / height (as such fractions) in [0.5, 2]; its corners are rounded down to pixels. The centre of
/// at least one box must lie in it. What fails draws the option anew.
[[nodiscard]] Region draw_iou_crop(std::int64_t width, std::int64_t height, const std::vector<ObjectTarget>& objects,
                                   RandomStream& random);

/// Boxes whose centre lies in the crop, cut at it and moved to its pixels.
[[nodiscard]] std::vector<ObjectTarget> crop_objects(const std::vector<ObjectTarget>& objects, const Region& crop);

/// Training: draw_iou_crop(), antialiased resizing to side x side (aspect not kept), mirroring half of the time, colour
/// jitter. Evaluation: resizing alone.
[[nodiscard]] std::unique_ptr<Transform> make_ssd_transform(std::int64_t side);

/// Resizing to side x side alone, mirrored half of the time in training.
[[nodiscard]] std::unique_ptr<Transform> make_square_transform(std::int64_t side);

}  // namespace denseshift::data
