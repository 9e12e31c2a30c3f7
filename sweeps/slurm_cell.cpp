#include "sweeps/slurm_cell.h"

#include <fmt/format.h>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "experiments/studies/cells.h"
#include "results_db/statement.h"

namespace denseshift::sweeps {
namespace {

namespace fs = std::filesystem;
using results_db::Database;
using results_db::OpenMode;

/// The run of a configuration in another database, taken over when it is in one of the states.
bool take(Database& database, const fs::path& other, const Job& job, std::initializer_list<JobState> states) {
  if (other.empty() || !fs::exists(other)) return false;
  PlannedJob found;
  {
    const Database theirs(other, OpenMode::read_only);
    found = look_up(job, theirs);
  }
  for (const JobState state : states) {
    if (found.state != state) continue;
    results_db::merge(database, other, {{found.run}});
    return true;
  }
  return false;
}

/// A folder for the run's files that no earlier try has used.
fs::path new_run_dir(const fs::path& folder, std::size_t index) {
  fs::path name = folder / "runs" / fmt::format("cell-{}", index);
  for (int again = 2; fs::exists(name); ++again) name = folder / "runs" / fmt::format("cell-{}-{}", index, again);
  return name;
}

/// Whether the run's last checkpoint is there: without it a training can only begin anew.
bool has_checkpoint(const Database& database, std::int64_t run) {
  results_db::Statement row(database, "SELECT run_dir FROM main.runs WHERE id = ?", run);
  return row.step() && fs::exists(fs::path(row.text(0)) / "last.json");
}

/// Runs that have come to an end of their own.
std::vector<std::int64_t> ended_runs(const Database& database) {
  results_db::Statement rows(database, "SELECT id FROM main.runs WHERE status IN ('finished', 'failed') ORDER BY id");
  std::vector<std::int64_t> ids;
  while (rows.step()) ids.push_back(rows.integer(0));
  return ids;
}

}  // namespace

fs::path cell_file(const fs::path& folder, std::size_t index) { return folder / fmt::format("cell-{}.json", index); }

fs::path cell_db(const fs::path& folder, std::size_t index) { return folder / fmt::format("cell-{}.db", index); }

void write_cell(const fs::path& folder, std::size_t index, const SlurmCell& cell) {
  const nlohmann::ordered_json json = {{"label", cell.job.label},
                                       {"config_hash", cell.job.config_hash},
                                       {"recipe_hash", cell.job.recipe_hash},
                                       {"depends_on", cell.job.depends_on},
                                       {"needs_traces", cell.job.needs_traces},
                                       {"start_db", cell.start_db.string()},
                                       {"previous_db", cell.previous_db.string()},
                                       {"config", experiments::to_json(cell.job.config)}};
  write_file(cell_file(folder, index), json.dump(2) + "\n");
}

SlurmCell read_cell(const fs::path& folder, std::size_t index) {
  const fs::path file = cell_file(folder, index);
  try {
    const auto json = nlohmann::json::parse(read_file(file));
    SlurmCell cell;
    cell.job.label = json.at("label").get<std::string>();
    cell.job.config_hash = json.at("config_hash").get<std::string>();
    cell.job.recipe_hash = json.at("recipe_hash").get<std::string>();
    cell.job.depends_on = json.at("depends_on").get<std::string>();
    cell.job.needs_traces = json.at("needs_traces").get<bool>();
    cell.start_db = json.at("start_db").get<std::string>();
    cell.previous_db = json.at("previous_db").get<std::string>();
    cell.job.config = experiments::config_from_json(json.at("config"));
    return cell;
  } catch (const nlohmann::json::exception&) {
    throw input_error(file.string() + ": not the file of a cell", "submit the study or sweep again");
  }
}

CellStep next_step(const fs::path& folder, std::size_t index, int threads) {
  const SlurmCell cell = read_cell(folder, index);
  const fs::path db = cell_db(folder, index);
  Database database(db, OpenMode::create);
  PlannedJob planned = look_up(cell.job, database);
  if (planned.state == JobState::missing &&
      take(database, cell.previous_db, cell.job, {JobState::resumable, JobState::done})) {
    planned = look_up(cell.job, database);
  }
  if (planned.state == JobState::done) return {CellStep::Kind::done, {}};
  if (planned.state == JobState::running) return {CellStep::Kind::wait, {}};

  CellStep step{CellStep::Kind::train, {"train"}};
  if (planned.state == JobState::resumable && has_checkpoint(database, planned.run)) {
    step.kind = CellStep::Kind::resume;
    step.words.push_back(fmt::format("--resume={}", planned.run));
  } else {
    Job start;
    start.config_hash = cell.job.depends_on;
    const bool fetched = cell.job.depends_on.empty() || look_up(start, database).state == JobState::done ||
                         take(database, cell.start_db, start, {JobState::done});
    if (!fetched) {
      throw work_error(fmt::format("{}: what it starts from has no finished run in {}", cell.job.label,
                                   cell.start_db.empty() ? db.string() : cell.start_db.string()),
                       "its task has failed: see its log");
    }
    for (const std::string& word : experiments::train_arguments(cell.job.config)) step.words.push_back(word);
    step.words.push_back("--run-dir=" + new_run_dir(folder, index).string());
  }
  step.words.push_back("--db=" + db.string());
  if (threads > 0) step.words.push_back(fmt::format("--threads={}", threads));
  return step;
}

CellMerge merge_cells(const fs::path& folder, const fs::path& db) {
  CellMerge result;
  Database database(db, OpenMode::create);
  for (std::size_t index = 0; fs::exists(cell_file(folder, index)); ++index) {
    const SlurmCell cell = read_cell(folder, index);
    const fs::path from = cell_db(folder, index);
    bool done = false;
    if (fs::exists(from)) {
      std::vector<std::int64_t> ids;
      {
        const Database theirs(from, OpenMode::read_only);
        ids = ended_runs(theirs);
        done = look_up(cell.job, theirs).state == JobState::done;
      }
      const results_db::MergeReport report = results_db::merge(database, from, ids);
      result.added += static_cast<std::int64_t>(report.added.size());
      result.present += report.present;
    }
    result.open += done ? 0 : 1;
  }
  return result;
}

}  // namespace denseshift::sweeps
