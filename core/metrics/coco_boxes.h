#pragma once
// COCO's evaluation of detected boxes: average precision and recall over ten overlaps and four ranges of object size.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace denseshift::metrics {

/// An annotated object. Boxes are left, top, width, height in pixels of the original picture.
struct TruthBox {
  std::int64_t image = 0, category = 0;
  std::array<double, 4> xywh{};
  double area = 0;     ///< of the object's region; decides its size range
  bool crowd = false;  ///< detections on it count neither for nor against
};

/// A detected object.
struct Detection {
  std::int64_t image = 0, category = 0;
  std::array<double, 4> xywh{};
  double score = 0;
};

/// What detections are compared with. Ids are arbitrary and distinct; every box names a listed picture and category.
struct BoxTruth {
  std::vector<std::int64_t> images;
  std::vector<std::pair<std::int64_t, std::string>> categories;
  std::vector<TruthBox> boxes;
};

/// Numbers of one category, between 0 and 1, or -1 without a truth box that counts.
struct CategoryAp {
  std::int64_t id = 0;
  std::string name;
  double ap = -1;     ///< mean over the overlaps 0.50, 0.55, ..., 0.95
  double ap50 = -1;   ///< at overlap 0.50
  double ar100 = -1;  ///< largest recall with 100 detections per picture, mean over the overlaps
};

/// Names of CocoNumbers::numbers: COCO's own, with mAP for its AP.
inline constexpr std::array<const char*, 12> kCocoNames = {"mAP", "AP50", "AP75",  "AP_small", "AP_medium", "AP_large",
                                                           "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"};

/// The result of an evaluation, as fractions; -1 where nothing is defined.
struct CocoNumbers {
  std::array<double, 12> numbers{};    ///< in the order of COCO's own summary, kCocoNames
  std::vector<CategoryAp> categories;  ///< in the order of BoxTruth::categories
};

/// Evaluates with COCO's default parameters. Detections of one picture and category with equal scores keep their
/// order, which can decide the result. Those of categories that the truth does not have are left out, as in COCO's own
/// code; one in an unknown picture is an input error. Boxes that are not finite overlap nothing, and a score that is
/// not a number ranks last. Works on several threads; the result does not depend on how many.
[[nodiscard]] CocoNumbers evaluate_boxes(const BoxTruth& truth, const std::vector<Detection>& detections);

}  // namespace denseshift::metrics
