#include "experiments/hooks/recorder.h"

namespace denseshift::experiments {

void RecorderHook::on_epoch(const EpochView& view) {
  const std::int64_t epoch = view.epoch + 1;
  store_.record_metrics(run_, epoch, "train",
                        {{"loss", view.train->loss()},
                         {"top1", view.train->top1()},
                         {"top5", view.train->top5()},
                         {"lr", view.lr},
                         {"images_per_second", view.images_per_second},
                         {"seconds", view.seconds},
                         {"loader_wait_seconds", view.loader_wait_seconds}});
  store_.record_metrics(run_, epoch, "val",
                        {{"loss", view.val->loss()}, {"top1", view.val->top1()}, {"top5", view.val->top5()}});
}

void RecorderHook::on_checkpoint(const std::string& kind, const std::string& path, std::int64_t bytes,
                                 const std::string& sha256) {
  store_.record_artifact(run_, {"checkpoint-" + kind, path, bytes, sha256});
}

}  // namespace denseshift::experiments
