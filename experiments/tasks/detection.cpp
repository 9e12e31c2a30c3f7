// Detection: the detector's own losses, COCO's twelve numbers (design/tasks 7).

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "core/nn/detection/detector.h"
#include "core/torch_compat.h"
#include "experiments/tasks/task.h"

namespace denseshift::experiments {
namespace {

class Detection final : public Task {
 public:
  explicit Detection(const TaskContext& context)
      : network_(dynamic_cast<nn::Detector&>(context.network)),
        dataset_(context.dataset),
        bf16_(context.config.amp == "bf16"),
        device_(context.device) {}

  [[nodiscard]] std::string primary() const override { return "mAP"; }

  at::Tensor loss(const DeviceBatch& batch, Score& score) override {
    const compat::AutocastBf16 autocast(device_.type(), bf16_);
    const std::int64_t count = batch.images.size(0);
    at::Tensor total;
    score.samples += count;
    for (const quant::NamedTensor& part : network_.losses(batch.images, targets(*batch.batch), sizes(*batch.batch))) {
      const at::Tensor value = part.tensor.to(at::kFloat);
      score.add("loss_" + part.name, value.item<double>() * static_cast<double>(count));
      total = total.defined() ? total + value : value;
    }
    score.add_loss(total.item<double>(), count);
    return total;
  }

  void begin_evaluation(data::Split split) override {
    split_ = split;
    seen_.clear();
    predictions.boxes.clear();
    predictions.samples.clear();
  }

  void evaluate(const DeviceBatch& batch, Score& score) override {
    const compat::AutocastBf16 autocast(device_.type(), bf16_);
    const std::vector<nn::FoundBoxes> found = network_.detect(batch.images, sizes(*batch.batch));
    for (std::size_t i = 0; i < found.size(); ++i) keep(found[i], batch.batch->samples[i]);
    if (predictions.wanted) {
      predictions.samples.insert(predictions.samples.end(), batch.batch->samples.begin(), batch.batch->samples.end());
    }
    score.samples += batch.images.size(0);
  }

  /// Images left out by a limit or by the dataset are no part of the truth.
  void end_evaluation(Score& score) override {
    metrics::BoxTruth truth = dataset_.truth(split_);
    if (std::ssize(seen_) < dataset_.size(split_)) {
      std::erase_if(truth.images, [&](std::int64_t image) { return seen_.count(image) == 0; });
      std::erase_if(truth.boxes, [&](const metrics::TruthBox& box) { return seen_.count(box.image) == 0; });
    }
    const metrics::CocoNumbers result = metrics::evaluate_boxes(truth, predictions.boxes);
    for (std::size_t i = 0; i < metrics::kCocoNames.size(); ++i) {
      // -1: no object of that kind.
      if (result.numbers[i] >= 0) score.set(metrics::kCocoNames[i], 100 * result.numbers[i]);
    }
    for (const metrics::CategoryAp& category : result.categories) {
      if (category.ap >= 0) score.set("AP/" + category.name, 100 * category.ap);
    }
  }

 private:
  static std::vector<nn::ImageSize> sizes(const data::Batch& batch) {
    std::vector<nn::ImageSize> sizes;
    for (const data::SampleInfo& info : batch.samples) sizes.push_back({info.height, info.width});
    return sizes;
  }

  std::vector<nn::ImageTargets> targets(const data::Batch& batch) const {
    std::vector<nn::ImageTargets> all;
    for (const data::SampleInfo& info : batch.samples) {
      const auto count = static_cast<std::int64_t>(info.objects.size());
      nn::ImageTargets targets{at::empty({count, 4}), at::empty({count}, at::kLong)};
      for (std::int64_t i = 0; i < count; ++i) {
        const data::ObjectTarget& object = info.objects[static_cast<std::size_t>(i)];
        std::memcpy(targets.boxes.data_ptr<float>() + 4 * i, object.box.data(), sizeof(object.box));
        targets.labels.data_ptr<std::int64_t>()[i] = object.label;
      }
      all.push_back({targets.boxes.to(device_), targets.labels.to(device_)});
    }
    return all;
  }

  /// In pixels of the original picture and with the annotations' ids.
  void keep(const nn::FoundBoxes& found, const data::SampleInfo& info) {
    const std::vector<std::int64_t>& ids = dataset_.info().category_ids;
    const auto scale = [](std::int64_t original, std::int64_t now) {
      return original == 0 ? 1.0 : static_cast<double>(original) / static_cast<double>(now);
    };
    const double x = scale(info.original_width, info.width);
    const double y = scale(info.original_height, info.height);
    seen_.insert(info.image);
    const at::Tensor boxes = found.boxes.to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor scores = found.scores.to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor labels = found.labels.to(at::kCPU, at::kLong).contiguous();
    for (std::int64_t i = 0; i < labels.numel(); ++i) {
      const float* box = boxes.data_ptr<float>() + 4 * i;
      metrics::Detection detection;
      detection.image = info.image;
      detection.category = ids.at(static_cast<std::size_t>(labels.data_ptr<std::int64_t>()[i]));
      detection.xywh = {x * box[0], y * box[1], x * (box[2] - box[0]), y * (box[3] - box[1])};
      detection.score = scores.data_ptr<float>()[i];
      predictions.boxes.push_back(detection);
    }
  }

  nn::Detector& network_;
  const data::Dataset& dataset_;
  data::Split split_ = data::Split::val;
  std::set<std::int64_t> seen_;
  bool bf16_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Task> make_detection(const TaskContext& context) { return std::make_unique<Detection>(context); }

}  // namespace denseshift::experiments
