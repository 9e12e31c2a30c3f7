#pragma once
// Boxes as COCO's annotations and results have them, and COCO's evaluation of detections.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace denseshift::metrics {

/// An annotated object.
struct TruthBox {
  std::int64_t image = 0;
  std::int64_t category = 0;
  std::array<double, 4> xywh{};  ///< left, top, width, height in pixels of the original picture
  double area = 0;               ///< of the mask; decides whether the object is small, medium or large
  bool crowd = false;
};

/// A detected object.
struct Detection {
  std::int64_t image = 0;
  std::int64_t category = 0;
  std::array<double, 4> xywh{};
  double score = 0;
};

/// What detections are compared with.
struct BoxTruth {
  std::vector<std::int64_t> images;
  std::vector<std::pair<std::int64_t, std::string>> categories;  ///< id and name
  std::vector<TruthBox> boxes;
};

}  // namespace denseshift::metrics
