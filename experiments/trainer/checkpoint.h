#pragma once
// Checkpoints: a safetensors file with all state, and a small JSON file beside it that names it with its SHA-256. The
// JSON file is replaced by rename after the tensors are safely on disk, so at every moment it names a complete
// checkpoint.

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "core/quant/quantizer.h"
#include "experiments/trainer/score.h"

namespace denseshift::experiments {

/// Where a training stands. Together with the tensors it continues to the same bits.
struct Position {
  std::int64_t epoch = 0;        ///< epochs finished
  std::int64_t step = 0;         ///< steps done in the running epoch
  Score train;                   ///< of the running epoch so far
  double seconds = 0;            ///< spent in the running epoch
  double best = -1;              ///< highest value of the task's primary metric
  std::int64_t best_epoch = -1;  ///< from 0; -1: none yet
};

/// Facts that a checkpoint carries beside its tensors.
struct CheckpointInfo {
  nlohmann::ordered_json config;
  nlohmann::ordered_json environment;
  Position position;
};

/// A written checkpoint.
struct WrittenCheckpoint {
  std::filesystem::path path;  ///< of the safetensors file
  std::int64_t bytes = 0;
  std::string sha256;
};

/// Writes `directory`/KIND-EEEE-SSSSSS.safetensors, then KIND.json, then removes the file that KIND.json named before.
/// Throws a work error (full disk, no permission) and leaves the previous checkpoint valid.
WrittenCheckpoint write_checkpoint(const std::filesystem::path& directory, const std::string& kind,
                                   const std::vector<quant::NamedTensor>& tensors, const CheckpointInfo& info);

/// A checkpoint that was read and checked.
class Checkpoint {
 public:
  /// `path` is KIND.json (the SHA-256 is verified) or a safetensors file written by write_checkpoint(). Every defect is
  /// an input error that names the file.
  explicit Checkpoint(const std::filesystem::path& path);

  [[nodiscard]] const CheckpointInfo& info() const { return info_; }
  [[nodiscard]] const std::string& file_name() const { return name_; }
  /// Copies tensors "PREFIXname" into the live ones, strictly.
  void load(const std::string& prefix, const std::vector<quant::NamedTensor>& live) const;
  /// Copies of all tensors under the prefix, without it.
  [[nodiscard]] std::vector<quant::NamedTensor> tensors(const std::string& prefix) const;
  [[nodiscard]] bool has(const std::string& prefix) const;

 private:
  std::string name_;
  std::unique_ptr<io::SafetensorsFile> file_;
  CheckpointInfo info_;
};

}  // namespace denseshift::experiments
