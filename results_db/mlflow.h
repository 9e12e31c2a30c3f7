#pragma once
// Runs in the layout of MLflow's file store, the folder that is usually called `mlruns`.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "results_db/database.h"

namespace denseshift::results_db {

/// Where and what to write.
struct MlflowOptions {
  std::filesystem::path directory;  ///< made when it is missing
  std::string experiment;           ///< one experiment for all runs; empty: one for each dataset and task
  bool copy_artifacts = false;      ///< copy recorded files to artifacts/denseshift; otherwise tags hold their paths
};

/// What was written.
struct MlflowReport {
  std::int64_t added = 0;                ///< runs that were not there before
  std::int64_t updated = 0;              ///< runs that replaced their earlier export
  std::vector<std::string> experiments;  ///< names, each once
  std::int64_t copied = 0;               ///< artifact files
  std::vector<std::string> missing;      ///< recorded files that are no longer there
};

/// Writes the runs. A run appears whole: it is written to a folder that MLflow passes over, then renamed. A run that is
/// there already is replaced, also in another experiment; its other artifacts stay. Ids of runs and experiments depend
/// on our uids and the experiments' names alone; an experiment of the same name that MLflow made is used. Throws an
/// input error when the directory holds something else, or when MLflow has the experiment in its trash; a work error
/// naming the path that cannot be written.
MlflowReport export_mlflow(const Database& database, const std::vector<std::int64_t>& runs,
                           const MlflowOptions& options);

}  // namespace denseshift::results_db
