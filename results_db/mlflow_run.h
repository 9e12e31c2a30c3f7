#pragma once
// One recorded run in the words of MLflow: keys, values and the text of its files.

#include <cstdint>
#include <map>
#include <string>

#include "results_db/database.h"

namespace denseshift::results_db {

/// What MLflow's file store keeps of a run, apart from folders.
struct MlflowRun {
  std::string uuid;        ///< 32 hexadecimal digits, always the same for the same run
  std::string experiment;  ///< name of the experiment it belongs to unless the user says otherwise
  std::string name;
  int status = 0;                              ///< 1 running, 3 finished, 4 failed, 5 killed
  std::int64_t start = 0;                      ///< milliseconds since 1970
  std::int64_t end = -1;                       ///< the same; -1 while it runs
  std::string user;                            ///< owner of the run's folder; empty when there is none
  std::map<std::string, std::string> params;   ///< every key of the configuration
  std::map<std::string, std::string> metrics;  ///< key -> lines "TIME VALUE STEP"; the step is the epoch
  std::map<std::string, std::string> tags;
};

/// Reads a run from the database. Metrics are named SPLIT/NAME. The best value of each, SPLIT/best_NAME, has the epoch
/// of the best as its step; model/NAME are facts of the network. The database has no time for a single epoch: epochs
/// are spread evenly over the time of the run. Throws a usage error when there is no such run.
[[nodiscard]] MlflowRun mlflow_run(const Database& database, std::int64_t run);

/// The 32 hexadecimal digits that stand for our uid.
[[nodiscard]] std::string mlflow_uuid(const std::string& uid);

/// A part of a key as MLflow allows it and a file system can hold it: letters, digits and "_-. "; all else becomes '_'.
[[nodiscard]] std::string mlflow_key(const std::string& text);

/// A YAML scalar in double quotes. Control characters become blanks, bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string yaml_text(const std::string& text);

}  // namespace denseshift::results_db
