#pragma once
// What segmenters are trained with (design/tasks 4.2).

#include <string>
#include <vector>

#include "core/nn/segmentation/segmenter.h"

namespace denseshift::nn {

/// Pixels of this label count nowhere.
inline constexpr std::int64_t kIgnoredPixel = 255;

/// "out": mean cross entropy over the labelled pixels of the batch; "aux", where there is one: half of the auxiliary
/// head's. The loss is their sum. `target` is (N, H, W) of bytes or int64, labels below the number of classes or
/// kIgnoredPixel. A batch without a labelled pixel has loss and gradient 0 (torchvision's loss is NaN then), so that a
/// crop that hit only ignored pixels does not end a run.
[[nodiscard]] std::vector<quant::NamedTensor> segmentation_losses(const SegmentationOutput& output,
                                                                  const at::Tensor& target);

/// Factor of the learning rate for a parameter by its dotted name: `auxiliary` in the auxiliary head, else 1.
[[nodiscard]] double segmentation_rate_factor(const std::string& parameter, double auxiliary = 10);

}  // namespace denseshift::nn
