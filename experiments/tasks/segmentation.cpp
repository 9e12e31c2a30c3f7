// Segmentation: pixel-wise cross entropy, mIoU and global correct (design/tasks 4.2, 4.4).

#include <ATen/ATen.h>

#include "core/metrics/confusion.h"
#include "core/nn/segmentation/loss.h"
#include "core/nn/segmentation/segmenter.h"
#include "core/torch_compat.h"
#include "core/util/error.h"
#include "experiments/tasks/task.h"

namespace denseshift::experiments {
namespace {

class Segmentation final : public Task {
 public:
  explicit Segmentation(const TaskContext& context)
      : network_(dynamic_cast<nn::Segmenter&>(context.network)),
        class_names_(context.dataset.info().class_names),
        confusion_(context.dataset.info().classes),
        bf16_(context.config.amp == "bf16"),
        device_(context.device) {}

  [[nodiscard]] std::string primary() const override { return "mIoU"; }

  at::Tensor loss(const DeviceBatch& batch, Score& score) override {
    const nn::SegmentationOutput output = run(batch);
    at::Tensor total;
    for (const quant::NamedTensor& part : nn::segmentation_losses(output, masks(batch))) {
      total = total.defined() ? total + part.tensor : part.tensor;
    }
    score.samples += batch.images.size(0);
    score.add_loss(total.item<double>(), batch.images.size(0));
    return total;
  }

  void begin_evaluation(data::Split) override {
    confusion_ = metrics::Confusion(confusion_.classes());
    predictions.maps.clear();
  }

  void evaluate(const DeviceBatch& batch, Score& score) override {
    nn::SegmentationOutput output = run(batch);
    const at::Tensor truth = masks(batch);
    output.aux = at::Tensor();
    const auto losses = nn::segmentation_losses(output, truth);
    score.samples += batch.images.size(0);
    score.add_loss(losses.front().tensor.item<double>(), batch.images.size(0));
    const at::Tensor classes = output.out.argmax(1).to(at::kCPU, at::kByte).contiguous();
    confusion_.add(batch.batch->masks.data(), classes.data_ptr<std::uint8_t>(), classes.numel());
    if (predictions.wanted) keep(*batch.batch, classes);
  }

  void end_evaluation(Score& score) override {
    const metrics::SegmentationNumbers numbers = confusion_.numbers();
    if (numbers.averaged == 0) return;
    score.set("mIoU", 100 * numbers.miou);
    score.set("global_correct", 100 * numbers.global_correct);
    score.set("classes_averaged", static_cast<double>(numbers.averaged));
    for (std::size_t c = 0; c < numbers.iou.size(); ++c) {
      if (numbers.iou[c] >= 0) score.set("IoU/" + class_names_.at(c), 100 * numbers.iou[c]);
    }
  }

 private:
  nn::SegmentationOutput run(const DeviceBatch& batch) {
    const compat::AutocastBf16 autocast(device_.type(), bf16_);
    nn::SegmentationOutput output = network_.forward(batch.images);
    output.out = output.out.to(at::kFloat);
    if (output.aux.defined()) output.aux = output.aux.to(at::kFloat);
    return output;
  }

  at::Tensor masks(const DeviceBatch& batch) const {
    auto* bytes = const_cast<std::uint8_t*>(batch.batch->masks.data());
    return at::from_blob(bytes, {batch.images.size(0), batch.images.size(2), batch.images.size(3)}, at::kByte)
        .to(device_);
  }

  /// Without the padding of the batch.
  void keep(const data::Batch& batch, const at::Tensor& classes) {
    for (std::int64_t i = 0; i < batch.count; ++i) {
      Predictions::Map map;
      map.info = batch.samples[static_cast<std::size_t>(i)];
      for (std::int64_t y = 0; y < map.info.height; ++y) {
        const std::uint8_t* row = classes.data_ptr<std::uint8_t>() + (i * batch.height + y) * batch.width;
        map.classes.insert(map.classes.end(), row, row + map.info.width);
      }
      predictions.maps.push_back(std::move(map));
    }
  }

  nn::Segmenter& network_;
  std::vector<std::string> class_names_;
  metrics::Confusion confusion_;
  bool bf16_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Task> make_segmentation(const TaskContext& context) { return std::make_unique<Segmentation>(context); }

}  // namespace denseshift::experiments
