#include "core/metrics/confusion.h"

#include <cstddef>
#include <stdexcept>

namespace denseshift::metrics {
namespace {

double fraction(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? -1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Confusion::Confusion(std::int64_t classes, std::int64_t ignore_label) : classes_(classes), ignore_label_(ignore_label) {
  if (classes < 1 || classes > 255) throw std::invalid_argument("a confusion matrix has 1 to 255 classes");
  counts_.resize(static_cast<std::size_t>(classes * classes));
}

void Confusion::add(const std::uint8_t* truth, const std::uint8_t* prediction, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = truth[i], column = prediction[i];
    if (row >= classes_ || row == ignore_label_) continue;
    if (column >= classes_) throw std::invalid_argument("a predicted label is no class");
    ++counts_[static_cast<std::size_t>(row * classes_ + column)];
  }
}

void Confusion::merge(const Confusion& other) {
  if (other.classes_ != classes_) throw std::invalid_argument("confusion matrices differ in classes");
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

SegmentationNumbers Confusion::numbers() const {
  SegmentationNumbers result;
  std::int64_t right = 0, all = 0;
  double sum = 0;
  for (std::int64_t c = 0; c < classes_; ++c) {
    std::int64_t in_truth = 0, in_prediction = 0;
    for (std::int64_t k = 0; k < classes_; ++k) {
      in_truth += count(c, k);
      in_prediction += count(k, c);
    }
    right += count(c, c);
    all += in_truth;
    const double iou = fraction(count(c, c), in_truth + in_prediction - count(c, c));
    result.iou.push_back(iou);
    result.accuracy.push_back(fraction(count(c, c), in_truth));
    if (iou < 0) continue;
    sum += iou;
    ++result.averaged;
  }
  if (result.averaged > 0) result.miou = sum / static_cast<double>(result.averaged);
  result.global_correct = fraction(right, all);
  return result;
}

}  // namespace denseshift::metrics
