#pragma once
// The metrics of each epoch as lines of a CSV or JSONL file.

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/logs/metric_log.h"

namespace denseshift::experiments {

/// Whose lines a log holds. Several runs may share a file, one after the other.
struct LogOwner {
  std::int64_t run = 0;
  std::string uid;  ///< of the run in every database; tells its lines from those of others
};

/// A file of lines. CSV (ending .csv): a header, then a line for each epoch and split; columns run, uid, epoch, split,
/// time, then the metrics, empty where a split has no such metric. JSONL (any other ending): an object for each epoch
/// with the splits as objects. Times are ISO 8601 in UTC. Each epoch is appended in one write; a metric that the header
/// does not have yet makes the file be written anew. A value that is not a number is empty, or null.
class TextLog final : public MetricLog {
 public:
  /// Opens or makes the file and removes what it holds of this run beyond `epochs_done` epochs, and a last line that
  /// was cut off. Throws as check() does, and a work error that names a path that cannot be written.
  TextLog(std::filesystem::path path, LogOwner owner, std::int64_t epochs_done);

  void write(const EpochRecord& record) override;

  /// Throws an input error when the file exists and is no log of denseshift, or when its folder does not exist.
  static void check(const std::filesystem::path& path);

 private:
  void drop_after(std::int64_t epochs_done);
  void append(const std::string& lines);
  [[nodiscard]] std::string csv_lines(const EpochRecord& record);
  [[nodiscard]] std::string json_line(const EpochRecord& record) const;

  std::filesystem::path path_;
  LogOwner owner_;
  bool csv_;
  std::vector<std::string> columns_;  ///< CSV: those of the file
};

}  // namespace denseshift::experiments
