#pragma once
// Boxes as (left, top, right, bottom): overlap, the generalised-IoU loss, and non-maximum suppression.

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace denseshift::nn {

/// Left, top, right, bottom.
using Box = std::array<float, 4>;

/// Width times height, without a +1. May be negative or NaN for boxes that are none.
[[nodiscard]] inline float box_area(const Box& box) { return (box[2] - box[0]) * (box[3] - box[1]); }

/// Intersection over union. NaN when both boxes are empty, and for boxes that are none.
[[nodiscard]] inline float box_iou(const Box& a, const Box& b) {
  const float width = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]);
  const float height = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]);
  const float common = width > 0 && height > 0 ? width * height : 0;
  return common / (box_area(a) + box_area(b) - common);
}

/// The box within an image of that size.
[[nodiscard]] Box clip_box(const Box& box, std::int64_t height, std::int64_t width);

/// All four numbers are neither NaN nor infinite.
[[nodiscard]] bool is_finite(const Box& box);

/// Reads (n, 4) boxes of any device. Throws an input error that begins with `what` when a box has no area or a number
/// that is not finite: such boxes cannot be learnt.
[[nodiscard]] std::vector<Box> checked_boxes(const at::Tensor& boxes, const std::string& what);

/// Losses are computed in float at least, also under autocast.
[[nodiscard]] inline at::Tensor in_loss_precision(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

/// 1 - GIoU of each pair of rows, (n, 4) x (n, 4) -> (n): IoU - (hull - union) / hull, with 1e-7 added to both
/// denominators. A loss that still has a gradient for boxes that do not touch.
[[nodiscard]] at::Tensor giou_loss(const at::Tensor& predicted, const at::Tensor& wanted);

/// Distances (n, 4) to left, top, right, bottom in units of `sizes` (n), from `points` (n, 2) as x, y -> boxes (n, 4).
[[nodiscard]] at::Tensor decode_distances(const at::Tensor& points, const at::Tensor& sizes,
                                          const at::Tensor& distances);

/// A box that a detector proposes.
struct Candidate {
  Box box{};
  float score = 0;
  std::int64_t label = 0;
  std::int64_t order = 0;  ///< decides between equal scores: the smaller one first
};

/// Whether `a` comes before `b`: higher score, or the same score and the smaller order.
[[nodiscard]] inline bool better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.order < b.order;
}

/// Which overlap removes a box.
enum class NmsRule {
  above,    ///< IoU > threshold (torchvision)
  at_least  ///< unless IoU < threshold (SSD's reference)
};

/// Greedy non-maximum suppression within each label: boxes in the order of better(); one is dropped when it overlaps a
/// kept box of its label. Returns the first `keep` of all labels together, best first. Candidates whose score is NaN
/// or whose box is not finite are dropped.
[[nodiscard]] std::vector<Candidate> suppress(std::vector<Candidate> candidates, double threshold, NmsRule rule,
                                              std::size_t keep);

/// Sorts the best `count` to the front and drops the rest. Scores must not be NaN.
void keep_best(std::vector<Candidate>& candidates, std::size_t count);

}  // namespace denseshift::nn
