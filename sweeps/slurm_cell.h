#pragma once
// One task of a Slurm array: the file that describes its training, and the decision what to do, made anew whenever
// Slurm starts the task.

#include <filesystem>
#include <string>
#include <vector>

#include "results_db/database.h"
#include "results_db/merge.h"
#include "sweeps/plan.h"

namespace denseshift::sweeps {

/// A training with a database of its own.
struct SlurmCell {
  Job job;
  std::filesystem::path start_db;     ///< where the run is that it starts from; empty: it starts from none
  std::filesystem::path previous_db;  ///< database of an earlier submission that may hold its interrupted run
};

/// Files of a cell in its folder.
[[nodiscard]] std::filesystem::path cell_file(const std::filesystem::path& folder, std::size_t index);
[[nodiscard]] std::filesystem::path cell_db(const std::filesystem::path& folder, std::size_t index);

void write_cell(const std::filesystem::path& folder, std::size_t index, const SlurmCell& cell);
/// Throws an input error when the file is missing or was not written by write_cell().
[[nodiscard]] SlurmCell read_cell(const std::filesystem::path& folder, std::size_t index);

/// What a task does now.
struct CellStep {
  enum class Kind { done, wait, train, resume };
  Kind kind = Kind::train;
  std::vector<std::string> words;  ///< arguments of the program; empty for done and wait
};

/// Looks into the cell's database (made when missing). An interrupted run is resumed, also one of an earlier
/// submission; else the run that it starts from is fetched and the training begins. `wait`: the run's heartbeat is too
/// young to know that its process is gone, as after the loss of a node. `threads` above 0 is passed on. Throws a work
/// error when what it starts from has no finished run.
[[nodiscard]] CellStep next_step(const std::filesystem::path& folder, std::size_t index, int threads = 0);

/// What a merge of all cells did.
struct CellMerge {
  std::int64_t added = 0;
  std::int64_t present = 0;  ///< were merged before
  std::int64_t open = 0;     ///< cells without a finished run
};

/// Takes the runs of all cells of the folder into `db`. Runs that may still go on are left where they are, because a
/// merged run never gets its later epochs.
[[nodiscard]] CellMerge merge_cells(const std::filesystem::path& folder, const std::filesystem::path& db);

}  // namespace denseshift::sweeps
