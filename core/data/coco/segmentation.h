#pragma once
// The region of an annotated object, held small.

#include <cstdint>
#include <vector>

#include "core/data/coco/masks.h"

namespace denseshift::data::coco {

/// The region of an object: nothing, polygons or run lengths. Held packed in one block (a point of two decimals, as
/// COCO has them, takes 8 bytes), because the training set has almost a million of them.
class Segmentation {
 public:
  enum class Kind : std::uint8_t { none, polygons, runs };
  Segmentation() = default;
  explicit Segmentation(const std::vector<std::vector<double>>& polygons);
  explicit Segmentation(const Rle& runs);

  [[nodiscard]] Kind kind() const { return kind_; }
  /// Each as x0, y0, x1, y1, ... in pixels; exactly the numbers of the file. Empty for other kinds.
  [[nodiscard]] std::vector<std::vector<double>> polygons() const;
  /// The run lengths, from either of the file's two forms. Empty for other kinds.
  [[nodiscard]] Rle runs() const;
  /// The pixels of the object in a picture of that size; no pixels for Kind::none. Throws an input error when
  /// run lengths belong to another size.
  [[nodiscard]] Rle mask(std::int64_t height, std::int64_t width) const;

 private:
  Kind kind_ = Kind::none;
  bool hundredths_ = false;  // numbers of polygons are 1/100, one word each; otherwise the two halves of a double
  std::vector<std::uint32_t> words_;
};

}  // namespace denseshift::data::coco
