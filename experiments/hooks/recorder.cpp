#include "experiments/hooks/recorder.h"

#include <chrono>

namespace denseshift::experiments {

void RecorderHook::on_epoch(const EpochView& view) {
  EpochRecord record;
  record.epoch = view.epoch + 1;
  record.time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  Metrics train = view.train->metrics();
  train.insert(train.end(), {{"lr", view.lr},
                             {"images_per_second", view.images_per_second},
                             {"seconds", view.seconds},
                             {"loader_wait_seconds", view.loader_wait_seconds}});
  record.splits = {{"train", train}, {"val", view.val->metrics()}};
  if (view.test != nullptr) record.splits.emplace_back("test", *view.test);
  if (!weight_stats_.metrics().empty()) record.splits.emplace_back("weights", weight_stats_.metrics());
  for (const auto& [split, metrics] : record.splits) store_.record_metrics(run_, record.epoch, split, metrics);
  for (const auto& log : logs_) log->write(record);
}

void RecorderHook::on_checkpoint(const std::string& kind, const std::string& path, std::int64_t bytes,
                                 const std::string& sha256) {
  store_.record_artifact(run_, {"checkpoint-" + kind, path, bytes, sha256});
}

}  // namespace denseshift::experiments
