#pragma once
// The input of DeepLabV3: torchvision's reference recipe for segmentation.

#include <cstdint>
#include <memory>
#include <utility>

#include "core/data/transforms/transform.h"

namespace denseshift::data {

inline constexpr std::int64_t kDeepLabCrop = 480;

/// Short side in evaluation for a training crop: 520 for 480, in proportion (rounded down) for others.
[[nodiscard]] std::int64_t deeplab_base(std::int64_t crop);

/// Height and width of a picture whose short side becomes `short_side`; the long side is rounded down.
[[nodiscard]] std::pair<std::int64_t, std::int64_t> short_side_size(std::int64_t height, std::int64_t width,
                                                                    std::int64_t short_side);

/// Training: the short side becomes an integer uniform in [base / 2, 2 base] (picture bilinear with antialiasing, map
/// nearest), mirrored half of the time, padded at the right and bottom to the crop if smaller (black, map ignored), cut
/// to crop x crop at a uniform position. Evaluation: the short side becomes the base, nothing is cut.
[[nodiscard]] std::unique_ptr<Transform> make_deeplab_transform(std::int64_t crop);

}  // namespace denseshift::data
