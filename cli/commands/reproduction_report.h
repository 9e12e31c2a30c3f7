#pragma once
// What `runs reproduce` says about two runs.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "results_db/database.h"
#include "results_db/reproduction.h"

namespace denseshift::cli {

/// Tensors of one kind of checkpoint in both runs.
struct CheckpointComparison {
  std::string kind;         ///< "checkpoint-last", "checkpoint-best"
  std::string reason;       ///< why the files were not compared; empty: they were
  std::size_t tensors = 0;  ///< in the original's file
  std::vector<std::string> differing;
};

/// Compares the tensors of the checkpoints that both runs have at the same epoch and step. The files themselves are
/// never equal: they also hold times and the environment.
[[nodiscard]] std::vector<CheckpointComparison> compare_checkpoints(const results_db::Database& database,
                                                                    std::int64_t original, std::int64_t repeated);

/// Whether all that was compared is the same to the bit.
[[nodiscard]] bool identical(const results_db::Reproduction& result,
                             const std::vector<CheckpointComparison>& checkpoints);

/// Prints the comparison for people to standard output.
void print_reproduction(const results_db::Reproduction& result, const std::vector<CheckpointComparison>& checkpoints);

[[nodiscard]] nlohmann::ordered_json reproduction_json(const results_db::Reproduction& result,
                                                       const std::vector<CheckpointComparison>& checkpoints);

}  // namespace denseshift::cli
