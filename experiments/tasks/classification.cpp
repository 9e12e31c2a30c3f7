// Classification: cross entropy, top-1 and top-5.

#include <ATen/ATen.h>

#include <algorithm>

#include "core/nn/model.h"
#include "core/torch_compat.h"
#include "experiments/tasks/task.h"

namespace denseshift::experiments {
namespace {

/// Counts labels among the min(5, classes) largest logits.
void add_hits(const at::Tensor& logits, const at::Tensor& labels, Score& score) {
  const at::NoGradGuard no_grad;
  const std::int64_t k = std::min<std::int64_t>(5, logits.size(1));
  const at::Tensor top = std::get<1>(logits.topk(k, 1));
  const at::Tensor hit = top.eq(labels.unsqueeze(1));
  score.add("top1", 100.0 * static_cast<double>(hit.select(1, 0).sum().item<std::int64_t>()));
  score.add("top5", 100.0 * static_cast<double>(hit.any(1).sum().item<std::int64_t>()));
}

class Classification final : public Task {
 public:
  explicit Classification(const TaskContext& context)
      : network_(dynamic_cast<nn::Classifier&>(context.network)),
        label_smoothing_(context.config.label_smoothing),
        bf16_(context.config.amp == "bf16"),
        device_(context.device) {}

  [[nodiscard]] std::string primary() const override { return "top1"; }

  at::Tensor loss(const DeviceBatch& batch, Score& score) override {
    const at::Tensor logits = run(batch);
    const at::Tensor loss =
        at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Mean, -100, label_smoothing_);
    add(logits.detach(), batch, loss.item<double>(), score);
    return loss;
  }

  /// Plain cross entropy, no label smoothing.
  void evaluate(const DeviceBatch& batch, Score& score) override {
    const at::Tensor logits = run(batch);
    add(logits, batch, at::cross_entropy_loss(logits, batch.labels).item<double>(), score);
  }

 private:
  at::Tensor run(const DeviceBatch& batch) {
    const compat::AutocastBf16 autocast(device_.type(), bf16_);
    return network_.forward(batch.images).to(at::kFloat);
  }

  static void add(const at::Tensor& logits, const DeviceBatch& batch, double loss, Score& score) {
    score.add_loss(loss, batch.labels.size(0));
    score.samples += batch.labels.size(0);
    add_hits(logits, batch.labels, score);
  }

  nn::Classifier& network_;
  double label_smoothing_;
  bool bf16_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Task> make_classification(const TaskContext& context) {
  return std::make_unique<Classification>(context);
}

}  // namespace denseshift::experiments
