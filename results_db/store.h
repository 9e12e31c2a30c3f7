#pragma once
// Writing side of the results database: one run's life from start to end.

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "results_db/database.h"
#include "results_db/traces.h"

namespace denseshift::results_db {

/// What is known when a run starts.
struct NewRun {
  std::string command;       ///< "train", "eval", "bench train", ...
  std::string command_line;  ///< as typed
  std::string name;
  std::string note;
  std::vector<std::string> tags;
  std::string task = "classification";
  nlohmann::ordered_json config;  ///< full resolved configuration; keys that are columns of `runs` are copied there
  std::string config_hash;
  std::string recipe_hash;  ///< config_hash without the seed
  /// What it runs on. Keys that are columns are copied there and win over the configuration: cpu, gpu, device, threads,
  /// workers, world_size, torch_version, program_version, source_revision. The host is found by the store itself.
  nlohmann::ordered_json environment;
  nlohmann::ordered_json dataset;  ///< fingerprint
  std::int64_t parent = 0;         ///< run this one started from; 0: none
};

/// A named value of one epoch and split.
using Metric = std::pair<std::string, double>;

/// Statistics of one quantized layer at the end of an epoch.
struct WeightStat {
  std::string layer;
  std::vector<std::int64_t> histogram;  ///< weights at each level, lowest level first
  double change_rate = 0;               ///< R: share of weights whose code differs from the previous snapshot
  double sign_change_rate = 0;          ///< the same for the sign alone
  double shift_change_rate = 0;         ///< the same for the shift alone
  double frozen_fraction = 1;           ///< F: share of weights that never changed since the first snapshot
  double distinct_shifts = 1;           ///< D: mean number of distinct shifts visited
  double jump_size = 0;                 ///< J: mean |change of shift| over changed weights
};

/// A file that belongs to a run.
struct Artifact {
  std::string kind;  ///< "checkpoint-last", "checkpoint-best", ...
  std::string path;
  std::int64_t bytes = 0;
  std::string sha256;
};

/// How a run ended.
enum class RunStatus { running, finished, failed, interrupted };

/// Records runs. Every call is one transaction and retries while other processes write.
class RunStore {
 public:
  /// REQUIRES: `database` outlives the store and is writable.
  explicit RunStore(Database& database) : database_(database) {}

  /// Inserts the run with status `running` and this process's identity (host, boot id, pid, start time). Returns its
  /// id.
  std::int64_t create(const NewRun& run);
  /// Absolute directory of the run's files.
  void set_directory(std::int64_t run, const std::string& directory);
  /// Model facts: parameters, quantized weights, MACs, bytes at the given bits.
  void set_model(std::int64_t run, std::int64_t parameters, std::int64_t quantized_weights, std::int64_t macs,
                 std::int64_t bytes);
  /// Replaces the configuration of a run that goes on differently than it began. It is then the result of no single
  /// configuration: its hashes are emptied, so that no study takes it for one.
  void change_configuration(std::int64_t run, const nlohmann::ordered_json& config);
  /// Puts a stopped run back to `running` under this process. Throws a usage error when it is running elsewhere.
  void reopen(std::int64_t run);
  /// Call every few seconds while running.
  void heartbeat(std::int64_t run);
  /// NaN is stored as NULL, infinities as they are; neither counts as best.
  /// Inserts or replaces metrics of (epoch, split); updates the run's summary (last and best value of each metric).
  void record_metrics(std::int64_t run, std::int64_t epoch, const std::string& split,
                      const std::vector<Metric>& metrics);
  void record_weight_stats(std::int64_t run, std::int64_t epoch, const std::vector<WeightStat>& stats);
  /// Inserts or replaces sampled weights.
  void record_weight_traces(std::int64_t run, const std::vector<WeightTrace>& traces);
  /// Inserts or replaces histograms of trained tensors.
  void record_weight_histograms(std::int64_t run, const std::vector<WeightHistogram>& histograms);
  /// Inserts or replaces the artifact of this kind and path.
  void record_artifact(std::int64_t run, const Artifact& artifact);
  void finish(std::int64_t run, RunStatus status, const std::string& message = {});
  /// Drops what a resumed run will compute again: metrics, statistics and histograms of epochs >= `epoch`, and traces
  /// taken after more than `updates` updates (-1: all).
  void truncate(std::int64_t run, std::int64_t epoch, std::int64_t updates = -1);
  /// Marks every run whose process is gone as `killed`, as create() and reopen() do, too. Returns how many there were.
  int mark_killed();
  /// Adds a tag (once). Throws a usage error for an empty tag or one with a comma.
  void add_tag(std::int64_t run, const std::string& tag);
  /// Returns whether the run had the tag.
  bool remove_tag(std::int64_t run, const std::string& tag);
  /// Deletes the run's rows from all tables; files stay. Throws a usage error while it is running.
  void remove(std::int64_t run);

 private:
  /// Throws a usage error when there is no such run.
  void require(std::int64_t run);
  /// mark_killed() inside a transaction.
  int mark_killed_now();

  Database& database_;
};

}  // namespace denseshift::results_db
