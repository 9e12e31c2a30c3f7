#include "sweeps/slurm.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"
#include "core/util/tool.h"

namespace denseshift::sweeps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kState = "submitted.json";
/// Seconds before the time limit at which a training is told to save.
constexpr int kWarning = 120;
/// A task that is stopped again and again makes no progress: it gives up then.
constexpr int kMostRestarts = 100;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// "0-3,7": indices in growing order as sbatch takes them.
std::string array_text(const std::vector<std::size_t>& indices) {
  std::string text;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t end = i;
    while (end + 1 < indices.size() && indices[end + 1] == indices[end] + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", indices[i]);
    if (end > i) text += fmt::format("-{}", indices[end]);
    i = end + 1;
  }
  return text;
}

/// A file name in which Slurm replaces patterns such as %j.
std::string pattern_path(const fs::path& folder, const std::string& pattern) {
  std::string escaped;
  for (const char c : folder.string()) escaped += c == '%' ? std::string("%%") : std::string(1, c);
  return escaped + "/" + pattern;
}

void add_line(std::string& text, const std::string& option, const std::string& value = {}) {
  text += "#SBATCH " + option + (value.empty() ? "" : "=" + value) + "\n";
}

/// Options that every script has.
void add_common(std::string& text, const SlurmOptions& options, const std::string& suffix, const std::string& log) {
  text = "#!/bin/bash\n";
  add_line(text, "--job-name", shell_line({"denseshift-" + options.name + suffix}));
  add_line(text, "--output", shell_line({pattern_path(options.folder / "logs", log)}));
  add_line(text, "--open-mode", "append");
  if (!options.partition.empty()) add_line(text, "--partition", shell_line({options.partition}));
  for (const std::string& option : options.more) add_line(text, option);
}

constexpr const char* kTask = R"(
cd {directory} || exit 1
# A training that is told to stop saves its state and ends with 130. Slurm says so before the time limit and when it takes
# the node away. Only in the first case the job still counts as running, and has to put itself back into the queue.
worker=
stops=0
early=
trap 'stops=$((stops + 1)); if [ -n "$worker" ]; then kill -TERM "$worker" 2>/dev/null; else early=1; fi' TERM
tries=0
while :; do
  worker=
  {program} worker {folder} "$SLURM_ARRAY_TASK_ID" &
  worker=$!
  [ -n "$early" ] && kill -TERM "$worker" 2>/dev/null  # told so before there was a number to hand it on to
  while :; do  # a signal ends `wait` before the training has ended
    seen=$stops
    wait "$worker"
    status=$?
    [ "$seen" = "$stops" ] && break
  done
  [ "$status" -eq 0 ] && exit 0
  if [ "$status" -eq 130 ] || [ "$stops" -gt 0 ]; then
    if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {restarts} ] &&
       scontrol --oneliner show job "$SLURM_JOB_ID" | grep -q 'JobState=RUNNING'; then
      scontrol requeue "$SLURM_JOB_ID" && sleep 60
    fi
    exit 130
  fi
  tries=$((tries + 1))
  [ "$tries" -gt {retries} ] && exit "$status"
done
)";

std::string wave_text(const SlurmOptions& options, const SlurmWave& wave, std::size_t number) {
  std::string text;
  add_common(text, options, number > 0 ? fmt::format("-{}", number + 1) : "", "%A_%a.log");
  std::string array = array_text(wave.cells);
  if (options.at_once > 0) array += fmt::format("%{}", options.at_once);
  add_line(text, "--array", array);
  add_line(text, "--requeue");
  add_line(text, "--signal", fmt::format("B:TERM@{}", kWarning));
  if (options.cpus > 0) add_line(text, "--cpus-per-task", std::to_string(options.cpus));
  if (!options.time.empty()) add_line(text, "--time", shell_line({options.time}));
  if (!options.gres.empty()) add_line(text, "--gres", shell_line({options.gres}));
  return text + fmt::format(fmt::runtime(kTask), fmt::arg("directory", shell_line({options.directory})),
                            fmt::arg("program", shell_line({options.program})),
                            fmt::arg("folder", shell_line({options.folder.string()})),
                            fmt::arg("restarts", kMostRestarts), fmt::arg("retries", options.retries));
}

std::string merge_text(const SlurmOptions& options) {
  std::string text;
  add_common(text, options, "-merge", "merge.log");
  add_line(text, "--requeue");
  return text + fmt::format("\ncd {} || exit 1\nexec {} worker {} --merge --db={}\n", shell_line({options.directory}),
                            shell_line({options.program}), shell_line({options.folder.string()}),
                            shell_line({options.db.string()}));
}

void require_one_line(const SlurmOptions& options) {
  std::vector<std::string> texts = {options.name,     options.folder.string(), options.db.string(),
                                    options.time,     options.partition,       options.gres,
                                    options.directory};
  texts.insert(texts.end(), options.more.begin(), options.more.end());
  for (const std::string& text : texts) {
    if (text.find_first_of("\n\r") != std::string::npos) {
      throw usage_error("a line break cannot be given to Slurm", "see --slurm-option and the names of folders");
    }
  }
  for (const std::string& option : options.more) {
    if (!option.starts_with('-')) {
      throw usage_error("--slurm-option: '" + option + "' is not an option of sbatch",
                        "write for example --slurm-option=--account=NAME");
    }
  }
}

/// Ids of array tasks that squeue lists, as "JOB_INDEX".
std::set<std::string> queued_tasks() {
  std::set<std::string> tasks;
  if (!find_tool("squeue")) return tasks;
  const ToolResult result = run_tool({"squeue", "--noheader", "--array", "--me", "--format=%F_%K"});
  if (result.status != 0) return tasks;
  std::istringstream lines(result.output);
  for (std::string line; lines >> line;) tasks.insert(line);
  return tasks;
}

/// Cells of one earlier folder; none when its state file cannot be understood.
std::vector<EarlierCell> cells_of(const fs::path& folder, const std::set<std::string>& tasks) {
  std::vector<EarlierCell> cells;
  try {
    const Json state = Json::parse(read_file(folder / kState));
    std::map<std::size_t, std::string> hashes;
    for (const Json& cell : state.at("cells")) {
      hashes[cell.at("index").get<std::size_t>()] = cell.at("config_hash").get<std::string>();
    }
    std::map<std::size_t, std::string> jobs;
    for (const Json& job : state.at("jobs")) {
      for (const Json& index : job.at("cells")) jobs[index.get<std::size_t>()] = job.at("id").get<std::string>();
    }
    for (const auto& [index, hash] : hashes) {
      const std::string job = jobs.contains(index) ? jobs.at(index) : std::string();
      cells.push_back({hash, cell_db(folder, index), job, tasks.contains(fmt::format("{}_{}", job, index))});
    }
  } catch (const std::exception&) {
    cells.clear();
  }
  return cells;
}

const EarlierCell* find_earlier(const std::vector<EarlierCell>& earlier, const std::string& hash, bool queued) {
  const auto found = std::ranges::find_if(earlier, [&](const EarlierCell& cell) {
    return cell.config_hash == hash && cell.queued == queued && (queued || fs::exists(cell.db));
  });
  return found == earlier.end() ? nullptr : &*found;
}

/// Puts the open jobs of a plan into cells and waves.
class Planner {
 public:
  Planner(const Plan& plan, const SlurmOptions& options, const std::vector<EarlierCell>& earlier)
      : plan_(plan), earlier_(earlier) {
    result_.options = options;
  }

  SlurmSubmission run() {
    for (const PlannedJob& planned : plan_.jobs) {
      if (planned.state == JobState::done || planned.state == JobState::running) continue;
      if (find_earlier(earlier_, planned.job.config_hash, true) != nullptr) {
        result_.queued.push_back(planned.job.label);
      } else {
        add(planned.job);
      }
    }
    for (std::size_t i = 0; i < result_.waves.size(); ++i) {
      SlurmWave& wave = result_.waves[i];
      wave.script = fmt::format("wave-{}.sh", i + 1);
      wave.text = wave_text(result_.options, wave, i);
    }
    result_.merge_text = merge_text(result_.options);
    return std::move(result_);
  }

 private:
  void add(const Job& job) {
    SlurmCell cell{.job = job, .start_db = {}, .previous_db = {}};
    if (const EarlierCell* previous = find_earlier(earlier_, job.config_hash, false)) cell.previous_db = previous->db;
    std::size_t wave = 0;
    std::string after;
    if (!job.depends_on.empty()) {
      const EarlierCell* queued = find_earlier(earlier_, job.depends_on, true);
      if (const auto start = cell_of_.find(job.depends_on); start != cell_of_.end()) {
        cell.start_db = cell_db(result_.options.folder, start->second);
        wave = wave_of_[start->second] + 1;
      } else if (queued != nullptr) {
        cell.start_db = queued->db;
        after = queued->job;
        wave = 1;  // an array of its own: only these tasks wait
      } else {
        cell.start_db = result_.options.db;
      }
    }
    const std::size_t index = result_.cells.size();
    while (result_.waves.size() <= wave) result_.waves.emplace_back();
    SlurmWave& target = result_.waves[wave];
    target.cells.push_back(index);
    if (!after.empty() && std::ranges::find(target.after_jobs, after) == target.after_jobs.end()) {
      target.after_jobs.push_back(after);
    }
    cell_of_[job.config_hash] = index;
    wave_of_.push_back(wave);
    result_.cells.push_back(std::move(cell));
  }

  const Plan& plan_;
  const std::vector<EarlierCell>& earlier_;
  SlurmSubmission result_;
  std::map<std::string, std::size_t> cell_of_;
  std::vector<std::size_t> wave_of_;
};

void write_state(const SlurmSubmission& submission, const SubmittedJobs& submitted) {
  Json state = {{"name", submission.options.name},
                {"db", submission.options.db.string()},
                {"jobs", Json::array()},
                {"merge", submitted.merge},
                {"cells", Json::array()}};
  std::size_t next = 0;
  for (const SlurmWave& wave : submission.waves) {
    if (wave.cells.empty() || next == submitted.waves.size()) continue;
    state["jobs"].push_back({{"id", submitted.waves[next++]}, {"script", wave.script}, {"cells", wave.cells}});
  }
  for (std::size_t i = 0; i < submission.cells.size(); ++i) {
    const Job& job = submission.cells[i].job;
    state["cells"].push_back({{"index", i}, {"label", job.label}, {"config_hash", job.config_hash}});
  }
  write_file(submission.options.folder / kState, state.dump(2) + "\n");
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// Submits one script and returns the id that sbatch gave.
std::string submit_script(const fs::path& script, const std::vector<std::string>& after,
                          const std::vector<std::string>& submitted) {
  std::vector<std::string> words = {"sbatch", "--parsable"};
  if (!after.empty()) words.push_back("--dependency=afterany:" + joined(after, ":"));
  words.push_back(script.string());
  const ToolResult result = run_tool(words);
  std::string id = first_line(result.output);
  id.resize(std::min(id.find(';'), id.size()));  // "ID;CLUSTER"
  if (result.status == 0 && !id.empty()) return id;
  std::string reason = first_line(result.errors);
  if (reason.empty()) reason = fmt::format("it ended with status {}", result.status);
  throw work_error(fmt::format("sbatch refused {}: {}", script.string(), reason),
                   submitted.empty()
                       ? "nothing was submitted"
                       : fmt::format("submitted before: {0}; `scancel {0}` takes that back", joined(submitted, " ")));
}

}  // namespace

std::vector<EarlierCell> earlier_cells(const fs::path& parent) {
  std::vector<fs::path> folders;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(parent, code)) {
    if (fs::exists(entry.path() / kState)) folders.push_back(fs::absolute(entry.path()));
  }
  if (folders.empty()) return {};
  std::ranges::sort(folders, [](const fs::path& a, const fs::path& b) {
    return fs::last_write_time(a / kState) > fs::last_write_time(b / kState);
  });
  const std::set<std::string> tasks = queued_tasks();
  std::vector<EarlierCell> cells;
  for (const fs::path& folder : folders) {
    for (EarlierCell& cell : cells_of(folder, tasks)) cells.push_back(std::move(cell));
  }
  return cells;
}

SlurmSubmission plan_submission(const Plan& plan, const SlurmOptions& options,
                                const std::vector<EarlierCell>& earlier) {
  require_one_line(options);
  return Planner(plan, options, earlier).run();
}

void write_submission(const SlurmSubmission& submission) {
  const fs::path& folder = submission.options.folder;
  std::error_code code;
  fs::create_directories(folder.parent_path(), code);
  if (!fs::create_directory(folder, code)) {
    throw work_error(
        fmt::format("{}: {}", folder.string(), code ? "cannot be made: " + code.message() : "exists already"),
        "choose another --slurm-folder");
  }
  fs::create_directories(folder / "logs");
  fs::create_directories(folder / "runs");
  for (std::size_t i = 0; i < submission.cells.size(); ++i) write_cell(folder, i, submission.cells[i]);
  for (const SlurmWave& wave : submission.waves) {
    if (!wave.cells.empty()) write_file(folder / wave.script, wave.text);
  }
  write_file(folder / "merge.sh", submission.merge_text);
}

SubmittedJobs submit(const SlurmSubmission& submission) {
  const fs::path& folder = submission.options.folder;
  SubmittedJobs submitted;
  for (const SlurmWave& wave : submission.waves) {
    if (wave.cells.empty()) continue;
    std::vector<std::string> after = wave.after_jobs;
    if (!submitted.waves.empty()) after.push_back(submitted.waves.back());
    submitted.waves.push_back(submit_script(folder / wave.script, after, submitted.waves));
    write_state(submission, submitted);
  }
  submitted.merge = submit_script(folder / "merge.sh", submitted.waves, submitted.waves);
  write_state(submission, submitted);
  return submitted;
}

void require_sbatch() {
  if (find_tool("sbatch")) return;
  throw input_error("sbatch is not on PATH", "load Slurm's module, or write the scripts only with --no-submit");
}

}  // namespace denseshift::sweeps
