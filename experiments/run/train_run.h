#pragma once
// A training as a recorded run: created or reopened in the database, with its folder, heartbeat and end.

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "experiments/hooks/hook.h"
#include "experiments/trainer/trainer.h"

namespace denseshift::experiments {

/// What `train` was asked for.
struct TrainRequest {
  std::string command = "train";   ///< or finetune
  TrainConfig config;              ///< defaults, configuration file and flags, not yet resolved
  std::vector<std::string> given;  ///< keys the user set
  std::string db = "denseshift.db";
  std::string run_dir;  ///< empty: denseshift-runs/ID beside the current folder
  std::string resume;   ///< run reference; empty: a new run
  std::string command_line;
  nlohmann::ordered_json program;  ///< program_version, source_revision
};

/// What is known when the run has its record and before the first step.
struct RunStarted {
  std::int64_t run = 0;
  std::string directory;
  const Setup* setup = nullptr;
  Position position;  ///< not at the start after a resume
  std::string start;  ///< what the network started from, for people; empty for a random start
};

struct TrainResult {
  std::int64_t run = 0;
  std::string directory;
  TrainConfig config;
  nn::ModelFacts facts;
  TrainOutcome outcome;
};

/// Runs or continues a training. `hooks` are called beside the recording ones; `started` and `warn` may print.
/// Bad input is an error before anything is recorded; a failure afterwards ends the run as `failed` with its message.
[[nodiscard]] TrainResult run_training(const TrainRequest& request, const std::vector<Hook*>& hooks,
                                       const std::function<void(const RunStarted&)>& started,
                                       const std::function<void(const std::string&)>& warn);

}  // namespace denseshift::experiments
