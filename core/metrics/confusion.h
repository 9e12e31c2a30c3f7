#pragma once
// Segmentation metrics from a confusion matrix over all pixels of a set.

#include <cstdint>
#include <vector>

namespace denseshift::metrics {

/// What a confusion matrix says, as fractions; -1 where nothing is defined.
struct SegmentationNumbers {
  double miou = -1;              ///< mean intersection over union of the classes that occur
  std::int64_t averaged = 0;     ///< how many classes that are
  double global_correct = -1;    ///< share of pixels with the right class
  std::vector<double> iou;       ///< per class; -1 for one that neither truth nor prediction has
  std::vector<double> accuracy;  ///< per class: share of its pixels that were found; -1 without any
};

/// Counts pixels by true and predicted class. Not safe for several threads at once: give each its own and merge.
class Confusion {
 public:
  /// Up to 255 classes, numbered from 0. Pixels whose truth is `ignore_label` or no class do not count.
  explicit Confusion(std::int64_t classes, std::int64_t ignore_label = 255);

  /// Adds `count` pixels. Throws std::invalid_argument when a pixel that counts has a prediction that is no class.
  void add(const std::uint8_t* truth, const std::uint8_t* prediction, std::int64_t count);
  /// Adds what another matrix of as many classes has counted.
  void merge(const Confusion& other);

  [[nodiscard]] std::int64_t classes() const { return classes_; }
  [[nodiscard]] std::int64_t count(std::int64_t truth, std::int64_t prediction) const {
    return counts_[static_cast<std::size_t>(truth * classes_ + prediction)];
  }
  /// The whole matrix, a row for each true class.
  [[nodiscard]] const std::vector<std::int64_t>& counts() const { return counts_; }
  [[nodiscard]] SegmentationNumbers numbers() const;

 private:
  std::int64_t classes_;
  std::int64_t ignore_label_;
  std::vector<std::int64_t> counts_;
};

}  // namespace denseshift::metrics
