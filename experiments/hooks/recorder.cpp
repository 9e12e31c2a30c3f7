#include "experiments/hooks/recorder.h"

#include <chrono>

namespace denseshift::experiments {

void RecorderHook::on_epoch(const EpochView& view) {
  EpochRecord record;
  record.epoch = view.epoch + 1;
  record.time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  record.splits = {{"train",
                    {{"loss", view.train->loss()},
                     {"top1", view.train->top1()},
                     {"top5", view.train->top5()},
                     {"lr", view.lr},
                     {"images_per_second", view.images_per_second},
                     {"seconds", view.seconds},
                     {"loader_wait_seconds", view.loader_wait_seconds}}},
                   {"val", {{"loss", view.val->loss()}, {"top1", view.val->top1()}, {"top5", view.val->top5()}}}};
  if (!weight_stats_.metrics().empty()) record.splits.emplace_back("weights", weight_stats_.metrics());
  for (const auto& [split, metrics] : record.splits) store_.record_metrics(run_, record.epoch, split, metrics);
  for (const auto& log : logs_) log->write(record);
}

void RecorderHook::on_checkpoint(const std::string& kind, const std::string& path, std::int64_t bytes,
                                 const std::string& sha256) {
  store_.record_artifact(run_, {"checkpoint-" + kind, path, bytes, sha256});
}

}  // namespace denseshift::experiments
