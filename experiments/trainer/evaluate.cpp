#include "experiments/trainer/evaluate.h"

#include <ATen/ATen.h>

namespace denseshift::experiments {

Score evaluate(const Setup& setup, data::Split split, data::Loader& loader, const EvaluationProgress& progress) {
  const at::NoGradGuard no_grad;
  const bool was_training = setup.model->is_training();
  setup.model->eval();
  Score score;
  bool complete = true;
  setup.task->begin_evaluation(split);
  loader.start(0);
  while (const data::Batch* batch = loader.next()) {
    if (batch->count == 0) continue;
    setup.task->evaluate(to_device(*batch, setup.dataset->info(), setup), score);
    complete = !progress || progress(batch->position + 1, loader.batches(), score);
    if (!complete) break;
  }
  if (complete) setup.task->end_evaluation(score);
  setup.model->train(was_training);
  return score;
}

}  // namespace denseshift::experiments
