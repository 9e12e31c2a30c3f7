#pragma once
// SSD without its network (Liu et al. 2016, as NVIDIA's SSD300 v1.1 has it): default boxes, which of them learn which
// object, the multibox loss, and from the outputs of the heads to proposals. Boxes are in fractions of the image.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/nn/detection/boxes.h"
#include "core/nn/detection/detector.h"

namespace denseshift::nn {

/// A feature map with default boxes: squares of `scale` and of the geometric mean with `next_scale`, and for each ratio
/// a wide and a tall one.
struct SsdLevel {
  std::int64_t map = 0;   ///< cells on a side
  double step = 0;        ///< pixels from cell to cell
  double scale = 0;       ///< pixels
  double next_scale = 0;  ///< pixels
  std::vector<double> ratios;

  [[nodiscard]] std::int64_t boxes_per_cell() const { return 2 + 2 * static_cast<std::int64_t>(ratios.size()); }
};

/// The levels for square images of a size; 300 gives SSD300's. The backbone has an eighth of the size, three blocks
/// halve it and two take 2 off, and there are as many levels as that leaves, 4 to 6:
///   steps   8, 16, 32, 64; from the fifth on size / map
///   scales  six levels: 7, 15, 33, 51, 69, 87 and 105 % of the size (the last one only for the mean); fewer: 10, 22,
///           40, 60, 80, 100 %; in whole pixels
///   ratios  {2} on the first level and on maps of fewer than 4 cells, else {2, 3}
/// Throws a usage error for sizes below 64.
[[nodiscard]] std::vector<SsdLevel> ssd_levels(std::int64_t image_size);

/// All default boxes: levels in order, in a level by shape, then y, then x; the order of the heads' channels.
struct DefaultBoxes {
  std::vector<Box> centred;  ///< centre x, centre y, width, height, each within [0, 1]
  std::vector<Box> corners;  ///< the same as left, top, right, bottom, which may leave [0, 1]

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(centred.size()); }
};
[[nodiscard]] DefaultBoxes default_boxes(const std::vector<SsdLevel>& levels, std::int64_t image_size);

/// Index of the object that each default box learns, or -1. That is its best object (the first of equals) when their
/// IoU is above 0.5; each object's best default box (the first of equals) learns that object whatever the IoU, the
/// later object when two share it.
[[nodiscard]] std::vector<std::int64_t> match_default_boxes(const DefaultBoxes& defaults,
                                                            const std::vector<Box>& objects);

/// What the location head learns: 10 * shift of the centre / size, and 5 * ln of the ratio of sizes.
[[nodiscard]] Box encode_offsets(const Box& object, const Box& centred_default);
/// And back: left, top, right, bottom.
[[nodiscard]] Box decode_offsets(const Box& offsets, const Box& centred_default);

/// "bbox_regression" (smooth L1) and "classification" (cross-entropy with three mined negatives for each positive). Per
/// image each is a sum divided by the number of positives, 0 for images without; then the mean over the batch. `loc`:
/// (N, 4, boxes), `conf`: (N, 1 + classes, boxes) with background first, `objects`: per image, labels from 0. Negatives
/// are the boxes of the largest cross-entropy, that of positives taken as 0.
[[nodiscard]] std::vector<quant::NamedTensor> ssd_losses(const at::Tensor& loc, const at::Tensor& conf,
                                                         const DefaultBoxes& defaults,
                                                         const std::vector<CheckedTargets>& objects);

/// Proposals of each image before suppression: of each class those with a probability above the threshold, and of these
/// the best. Labels from 0; boxes are not clipped.
[[nodiscard]] std::vector<std::vector<Candidate>> ssd_proposals(const at::Tensor& loc, const at::Tensor& conf,
                                                                const DefaultBoxes& defaults,
                                                                const DetectionThresholds& thresholds);

}  // namespace denseshift::nn
