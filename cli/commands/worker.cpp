// denseshift worker: what a task of a Slurm array runs. Not listed by --help: people use --launcher=slurm.

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/commands/runs_common.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"
#include "results_db/process.h"
#include "sweeps/slurm_cell.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;
using sweeps::CellStep;

constexpr auto kLook = std::chrono::seconds(5);
/// Seconds beyond the heartbeat's limit until a run of a lost node must count as dead.
constexpr double kPatience = results_db::kHeartbeatLimit + 60;

std::size_t index_of(const std::string& text) {
  std::size_t index = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, index).ptr != end) {
    throw usage_error("'" + text + "' is not the number of a cell");
  }
  return index;
}

/// CPUs that Slurm gives this task; 0: it does not say. Not every cluster also binds the task to them.
int slurm_cpus() {
  const char* text = std::getenv("SLURM_CPUS_PER_TASK");
  return text == nullptr ? 0 : std::atoi(text);
}

[[noreturn]] void become(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {fs::read_symlink("/proc/self/exe").string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::cerr << shell_line(words) << std::endl;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  // The training takes this process's place, so that signals reach it.
  execv(pointers[0], pointers.data());
  throw work_error(fmt::format("{}: cannot be started: {}", words[0], std::strerror(errno)));
}

int train(const fs::path& folder, std::size_t index) {
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    const CellStep step = sweeps::next_step(folder, index, slurm_cpus());
    if (step.kind == CellStep::Kind::done) {
      std::cerr << fmt::format("cell {} is done\n", index);
      return 0;
    }
    if (step.kind != CellStep::Kind::wait) become(step.words);
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > kPatience) {
      throw work_error(fmt::format("cell {} is trained by another process", index));
    }
    std::this_thread::sleep_for(kLook);
  }
}

int run_worker(const std::vector<std::string>& arguments) {
  OptionParser parser({"worker FOLDER (CELL | --merge) [options]",
                       "Trains one cell of a folder that --launcher=slurm wrote, or goes on with it; --merge takes "
                       "the results of all cells into the database. The scripts of the folder call this.",
                       "denseshift worker denseshift-slurm/table1-20240501-120000 3"});
  parser.group("Cell").add_options()("folder", po::value<std::string>()->value_name("FOLDER")->required(), "folder")(
      "cell", po::value<std::string>()->value_name("CELL"), "number of the cell")(
      "merge", po::bool_switch(), "merge the results of all cells into --db");
  parser.positional("folder", 1);
  parser.positional("cell", 1);
  parser.add_database_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const fs::path folder = fs::absolute(text_option(values, "folder"));
  if (values["merge"].as<bool>() == (values.count("cell") > 0)) throw usage_error("give a cell or --merge");
  if (values.count("cell") > 0) return train(folder, index_of(text_option(values, "cell")));
  if (!fs::exists(sweeps::cell_file(folder, 0))) throw input_error(folder.string() + ": holds no cells");
  const sweeps::CellMerge merged = sweeps::merge_cells(folder, database_path(values));
  fmt::print("merged {} runs{}\n", merged.added,
             merged.open > 0 ? fmt::format("; {} cells have no finished run", merged.open) : "");
  return 0;
}

}  // namespace

Command worker_command() { return {"worker", "", run_worker}; }

}  // namespace denseshift::cli
