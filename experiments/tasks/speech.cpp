// Speech: cross entropy over whole intents; accuracy of intents and of each slot (design/tasks 5).

#include <ATen/ATen.h>

#include <stdexcept>

#include "core/nn/model.h"
#include "core/torch_compat.h"
#include "experiments/tasks/task.h"

namespace denseshift::experiments {
namespace {

data::Intents intents_of(const data::Dataset& dataset) {
  if (dataset.intents() == nullptr) throw std::logic_error(dataset.info().name + ": a speech dataset without intents");
  return *dataset.intents();
}

class Speech final : public Task {
 public:
  explicit Speech(const TaskContext& context)
      : network_(dynamic_cast<nn::Classifier&>(context.network)),
        accuracy_(intents_of(context.dataset)),
        label_smoothing_(context.config.label_smoothing),
        bf16_(context.config.amp == "bf16"),
        device_(context.device) {}

  [[nodiscard]] std::string primary() const override { return "intent_accuracy"; }

  at::Tensor loss(const DeviceBatch& batch, Score& score) override {
    const at::Tensor logits = run(batch);
    const at::Tensor loss =
        at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Mean, -100, label_smoothing_);
    score.samples += batch.labels.size(0);
    score.add_loss(loss.item<double>(), batch.labels.size(0));
    const std::int64_t hits = logits.detach().argmax(1).eq(batch.labels).sum().item<std::int64_t>();
    score.add("intent_accuracy", 100.0 * static_cast<double>(hits));
    return loss;
  }

  void begin_evaluation(data::Split) override { accuracy_ = metrics::IntentAccuracy(accuracy_.intents()); }

  void evaluate(const DeviceBatch& batch, Score& score) override {
    const at::Tensor logits = run(batch);
    score.samples += batch.labels.size(0);
    score.add_loss(at::cross_entropy_loss(logits, batch.labels).item<double>(), batch.labels.size(0));
    const at::Tensor predicted = logits.argmax(1).to(at::kCPU).contiguous();
    for (std::int64_t i = 0; i < predicted.numel(); ++i) {
      accuracy_.add(batch.batch->labels[static_cast<std::size_t>(i)], predicted.data_ptr<std::int64_t>()[i]);
    }
  }

  void end_evaluation(Score& score) override {
    score.set("intent_accuracy", 100 * accuracy_.accuracy());
    for (const auto& [slot, share] : accuracy_.slot_accuracies()) score.set(slot + "_accuracy", 100 * share);
    predictions.intents = accuracy_;
  }

 private:
  at::Tensor run(const DeviceBatch& batch) {
    const compat::AutocastBf16 autocast(device_.type(), bf16_);
    return network_.forward(batch.images).to(at::kFloat);
  }

  nn::Classifier& network_;
  metrics::IntentAccuracy accuracy_;
  double label_smoothing_;
  bool bf16_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Task> make_speech(const TaskContext& context) { return std::make_unique<Speech>(context); }

}  // namespace denseshift::experiments
