#pragma once
// Evaluation of a recorded run or a checkpoint file, itself recorded as a run.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "experiments/trainer/evaluate.h"

namespace denseshift::experiments {

/// What `eval` was asked for: `run` or `checkpoint`.
struct EvalRequest {
  std::string run;             ///< run reference
  std::string checkpoint;      ///< file
  std::string which = "best";  ///< of a run: best or last
  TrainConfig config;          ///< holds the values of `overrides`
  std::vector<std::string> overrides;
  std::string split;  ///< train, val or test; empty: val, and test where there is one
  bool record = true;
  std::string predictions_out;     ///< folder for write_predictions(); empty: none
  std::string confusion;           ///< file for write_confusion(); empty: none
  std::int64_t draw = 0;           ///< pictures for draw_predictions()
  double draw_score = 0.3;         ///< least score of a box that is drawn
  std::string draw_out = "drawn";  ///< their folder
  std::string db = "denseshift.db";
  std::string command_line;
  nlohmann::ordered_json program;
};

struct EvalResult {
  std::int64_t run = 0;     ///< id of the evaluation's record; 0 when not recorded
  std::int64_t parent = 0;  ///< the run evaluated; 0 for a file
  std::string checkpoint;   ///< the file read
  std::int64_t epoch = 0;   ///< epochs that the weights were trained
  TrainConfig config;
  nn::ModelFacts facts;
  std::vector<std::pair<std::string, Score>> scores;  ///< by split: val, and test where there is one
  std::string primary;                                ///< metric of the task
  std::vector<std::filesystem::path> files;           ///< predictions and pictures
};

/// Throws an interrupted error when stopped by a signal. `progress` may be empty.
[[nodiscard]] EvalResult run_evaluation(const EvalRequest& request, const EvaluationProgress& progress);

}  // namespace denseshift::experiments
