#include "experiments/trainer/evaluate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/torch_compat.h"

namespace denseshift::experiments {

void Score::add(const at::Tensor& logits, const at::Tensor& labels, double loss) {
  if (!std::isfinite(loss)) {
    throw work_error("the loss is not finite (" + std::string(std::isnan(loss) ? "NaN" : "infinite") + ")",
                     "lower --lr, add --warmup-epochs, or clip gradients with --clip-grad-norm");
  }
  const at::NoGradGuard no_grad;
  const std::int64_t k = std::min<std::int64_t>(5, logits.size(1));
  const at::Tensor top = std::get<1>(logits.topk(k, 1));
  const at::Tensor hit = top.eq(labels.unsqueeze(1));
  correct1 += hit.select(1, 0).sum().item<std::int64_t>();
  correct5 += hit.any(1).sum().item<std::int64_t>();
  samples += labels.size(0);
  loss_sum += loss * static_cast<double>(labels.size(0));
}

Score evaluate(const Setup& setup, data::Loader& loader, const EvaluationProgress& progress) {
  const at::NoGradGuard no_grad;
  const bool was_training = setup.model->is_training();
  setup.model->eval();
  Score score;
  loader.start(0);
  while (const data::Batch* batch = loader.next()) {
    if (batch->count == 0) continue;
    const DeviceBatch tensors = to_device(*batch, setup.dataset->info(), setup);
    at::Tensor logits;
    {
      const compat::AutocastBf16 autocast(setup.device.type(), setup.config.amp == "bf16");
      logits = setup.model->forward(tensors.images);
    }
    logits = logits.to(at::kFloat);
    score.add(logits, tensors.labels, at::cross_entropy_loss(logits, tensors.labels).item<double>());
    if (progress && !progress(batch->position + 1, loader.batches(), score)) break;
  }
  setup.model->train(was_training);
  return score;
}

}  // namespace denseshift::experiments
