#pragma once
// A plan as Slurm job arrays: a folder with one file per training, a script per wave of trainings, and a last job that
// merges the results. Every task writes to a database of its own, so that no two nodes share one over the network.

#include <filesystem>
#include <string>
#include <vector>

#include "sweeps/plan.h"
#include "sweeps/slurm_cell.h"

namespace denseshift::sweeps {

/// What the scripts say.
struct SlurmOptions {
  std::string name;               ///< of the jobs
  std::filesystem::path folder;   ///< absolute; where everything is written
  std::string program;            ///< absolute path of this program, on the nodes, too
  std::filesystem::path db;       ///< absolute; where the results end
  std::string directory;          ///< working directory of the tasks
  int at_once = 0;                ///< tasks of an array that run together; 0: as many as Slurm likes
  int retries = 0;                ///< further tries of a training that failed
  int cpus = 0;                   ///< CPUs of a task; 0: the cluster's default
  std::string time;               ///< limit of a task, as sbatch takes it; empty: the cluster's default
  std::string partition;          ///< empty: the cluster's default
  std::string gres;               ///< such as gpu:1
  std::vector<std::string> more;  ///< further options of sbatch, word for word
};

/// A cell that an earlier folder submitted.
struct EarlierCell {
  std::string config_hash;
  std::filesystem::path db;
  std::string job;      ///< id of its array
  bool queued = false;  ///< squeue still lists it
};

/// A job array.
struct SlurmWave {
  std::string script;                   ///< file name: "wave-1.sh"
  std::vector<std::size_t> cells;       ///< indices into SlurmSubmission::cells, which are the array's
  std::vector<std::string> after_jobs;  ///< ids of earlier arrays that this one waits for
  std::string text;                     ///< of the script
};

/// All that will be written and submitted.
struct SlurmSubmission {
  SlurmOptions options;
  std::vector<SlurmCell> cells;
  std::vector<SlurmWave> waves;     ///< each waits for the one before it
  std::string merge_text;           ///< script of the last job
  std::vector<std::string> queued;  ///< labels of trainings left out: they are queued or running already
};

/// Cells of the submissions beside each other in `parent`, newest first; asks squeue which are still queued. Without
/// squeue, or when it fails, none is. Folders without a readable submitted.json are passed over.
[[nodiscard]] std::vector<EarlierCell> earlier_cells(const std::filesystem::path& parent);

/// Cells and scripts for the open jobs of a plan. A training that an earlier submission has interrupted goes on from
/// there; one that was interrupted outside of Slurm starts anew. Writes nothing. Throws a usage error for options with
/// line breaks.
[[nodiscard]] SlurmSubmission plan_submission(const Plan& plan, const SlurmOptions& options,
                                              const std::vector<EarlierCell>& earlier);

/// Writes the folder, which must not exist.
void write_submission(const SlurmSubmission& submission);

/// The ids that sbatch gave.
struct SubmittedJobs {
  std::vector<std::string> waves;
  std::string merge;
};

/// Calls sbatch for every wave and for the merge, and keeps FOLDER/submitted.json up to date. When sbatch refuses,
/// throws a work error with its reason and the ids that were submitted before.
SubmittedJobs submit(const SlurmSubmission& submission);

/// Throws an input error when there is no sbatch on PATH.
void require_sbatch();

}  // namespace denseshift::sweeps
