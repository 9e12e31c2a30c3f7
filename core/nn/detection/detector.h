#pragma once
// Networks that find objects, behind one interface.

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/nn/detection/boxes.h"
#include "core/nn/network.h"

namespace denseshift::nn {

/// The objects of one image.
struct ImageTargets {
  at::Tensor boxes;   ///< (n, 4) float: left, top, right, bottom in pixels of the network input
  at::Tensor labels;  ///< (n) int64: class index of the data set, from 0
};

/// What a detector found in one image, best first. Same pixels and labels as in ImageTargets; float and int64 on the
/// CPU.
struct FoundBoxes {
  at::Tensor boxes, scores, labels;
};

/// Height and width of an image before padding.
using ImageSize = std::array<std::int64_t, 2>;

/// What is kept of all that a detector proposes.
struct DetectionThresholds {
  double score = 0;             ///< proposals with this score or less are dropped
  double nms_iou = 0;           ///< overlap from which the worse of two boxes of a class is dropped
  std::int64_t candidates = 0;  ///< kept before suppression: FCOS per level, SSD per class
  std::int64_t kept = 0;        ///< kept per image
};

/// A network that maps images (N, 3, H, W), normalised and padded at the bottom and right, to boxes.
class Detector : public Network {
 public:
  /// Named losses, scalars; the total is their sum. One target and one size for each image. Throws an input error for a
  /// box without area and a label that is no class.
  virtual std::vector<quant::NamedTensor> losses(const at::Tensor& images, const std::vector<ImageTargets>& targets,
                                                 const std::vector<ImageSize>& sizes) = 0;
  /// The objects in each image; without gradients.
  virtual std::vector<FoundBoxes> detect(const at::Tensor& images, const std::vector<ImageSize>& sizes) = 0;

  [[nodiscard]] const DetectionThresholds& thresholds() const { return thresholds_; }
  void set_thresholds(const DetectionThresholds& thresholds) { thresholds_ = thresholds; }

 protected:
  explicit Detector(const DetectionThresholds& thresholds) : thresholds_(thresholds) {}

 private:
  DetectionThresholds thresholds_;
};

/// The boxes and labels of one image, read and checked. Throws an input error for a box without area and for a label
/// that is not in [0, classes).
struct CheckedTargets {
  std::vector<Box> boxes;
  std::vector<std::int64_t> labels;
};
[[nodiscard]] std::vector<CheckedTargets> check_targets(const at::Tensor& images,
                                                        const std::vector<ImageTargets>& targets,
                                                        const std::vector<ImageSize>& sizes, std::int64_t classes);

/// As tensors.
[[nodiscard]] FoundBoxes found_boxes(const std::vector<Candidate>& candidates);

/// Tensors of a detection checkpoint under the names that our networks have: pyramids saved by older releases of
/// torchvision have "inner_blocks.0.weight" where newer ones have "inner_blocks.0.0.weight" (likewise layer_blocks and
/// biases).
[[nodiscard]] std::map<std::string, at::Tensor> normalise_detection_names(std::map<std::string, at::Tensor> tensors);

}  // namespace denseshift::nn
