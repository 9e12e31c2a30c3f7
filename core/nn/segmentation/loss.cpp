#include "core/nn/segmentation/loss.h"

#include <ATen/ATen.h>

namespace denseshift::nn {
namespace {

constexpr double kAuxWeight = 0.5;

at::Tensor pixel_mean(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor wide = logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
  const at::Tensor sum = at::cross_entropy_loss(wide, labels, {}, at::Reduction::Sum, kIgnoredPixel);
  return sum / labels.ne(kIgnoredPixel).sum().clamp_min(1);
}

}  // namespace

std::vector<quant::NamedTensor> segmentation_losses(const SegmentationOutput& output, const at::Tensor& target) {
  const at::Tensor labels = target.to(at::kLong);
  std::vector<quant::NamedTensor> losses{{"out", pixel_mean(output.out, labels)}};
  if (output.aux.defined()) losses.push_back({"aux", kAuxWeight * pixel_mean(output.aux, labels)});
  return losses;
}

double segmentation_rate_factor(const std::string& parameter, double auxiliary) {
  return parameter.rfind("aux_classifier.", 0) == 0 ? auxiliary : 1;
}

}  // namespace denseshift::nn
