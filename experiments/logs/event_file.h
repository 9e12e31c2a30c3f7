#pragma once
// TensorBoard event files: TFRecord frames (length, payload, masked CRC-32C of each) around `Event` protocol buffers,
// of which only the few fields that scalars need are written.
// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "experiments/logs/metric_log.h"

namespace denseshift::experiments {

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4).
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

/// A payload with the frame that TFRecord files put around it.
[[nodiscard]] std::string tfrecord(std::string_view payload);

// Payloads: serialised `Event` messages.

/// The first event of every file: file_version "brain.Event:2".
[[nodiscard]] std::string version_event(double time);
/// SessionLog START at `step`: readers forget what was logged for this step and later ones by a process before.
[[nodiscard]] std::string start_event(double time, std::int64_t step);
/// Scalars of one step.
[[nodiscard]] std::string scalar_event(double time, std::int64_t step,
                                       const std::vector<std::pair<std::string, float>>& scalars);

/// The event file of one process that trains a run. The step is the epoch; tags are SPLIT/METRIC, and `lr` and
/// `images_per_second` by themselves.
class EventFile final : public MetricLog {
 public:
  /// Makes `directory` when it is missing, and in it a new file events.out.tfevents.SECONDS.HOST.PID. In that of a
  /// resumed run, what an earlier file holds of epochs after `epochs_done` is declared void. Throws a work error that
  /// names the path.
  EventFile(const std::filesystem::path& directory, std::int64_t epochs_done, bool resumed);
  ~EventFile() override;
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void write(const EpochRecord& record) override;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void append(const std::string& payload);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Folder of a run below the folder that --tensorboard names: its name, or its id where it has none. A new run whose
/// name's folder is in use gets NAME-ID; a resumed one finds the folder that it had.
[[nodiscard]] std::filesystem::path event_directory(const std::filesystem::path& base, const std::string& name,
                                                    std::int64_t run, bool resumed);

}  // namespace denseshift::experiments
