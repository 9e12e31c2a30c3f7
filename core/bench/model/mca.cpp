#include "core/bench/model/mca.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/bench/model/tool.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::bench {
namespace {

// Start-up costs vanish in so many iterations.
constexpr int kIterations = 1000;
constexpr int kNewest = 40;
constexpr int kOldest = 14;
// A loop within this factor of what its units need is bound by them.
constexpr double kNear = 1.08;

/// The loops as one file with a marked region for each.
void write_regions(const std::filesystem::path& path, const std::vector<std::vector<std::string>>& loops) {
  std::ofstream file(path);
  for (std::size_t i = 0; i < loops.size(); ++i) {
    file << fmt::format("# LLVM-MCA-BEGIN loop{}\n", i);
    for (const std::string& instruction : loops[i]) file << instruction << '\n';
    file << "# LLVM-MCA-END\n";
  }
  if (!file.flush()) throw work_error(fmt::format("cannot write {}", path.string()));
}

/// Names of execution units without the model's prefix and numbers of equal ones: W, I.
std::vector<std::string> unit_names(const nlohmann::json& target, const ModelCpu& cpu, const McaTool& tool) {
  std::vector<std::string> names;
  for (const auto& resource : target.at("Resources")) {
    std::string name = resource.get<std::string>();
    if (name.compare(0, cpu.units.size(), cpu.units) != 0) {
      throw input_error(fmt::format("{} has no model of {} and takes another CPU's", tool.version, cpu.title),
                        fmt::format("install {}, or name one with --mca", cpu.package));
    }
    name = name.substr(cpu.units.size());
    names.push_back(name.substr(0, name.find('.')));
  }
  return names;
}

/// The units that are taken for nearly as long as the busiest one.
std::string busiest_units(const nlohmann::json& region, const std::vector<std::string>& names) {
  const auto instructions = region.at("Instructions").size();
  std::vector<double> taken(names.size());
  for (const auto& entry : region.at("ResourcePressureView").at("ResourcePressureInfo")) {
    // One more "instruction" holds the sums.
    if (entry.at("InstructionIndex").get<std::size_t>() >= instructions) continue;
    taken[entry.at("ResourceIndex").get<std::size_t>()] += entry.at("ResourceUsage").get<double>();
  }
  const double most = *std::max_element(taken.begin(), taken.end());
  std::vector<std::string> busiest;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool listed = std::find(busiest.begin(), busiest.end(), names[i]) != busiest.end();
    if (taken[i] * kNear >= most && !listed) busiest.push_back(names[i]);
  }
  return fmt::format("{}", fmt::join(busiest, "+"));
}

McaResult result_of(const nlohmann::json& region, const std::vector<std::string>& names) {
  const auto& summary = region.at("SummaryView");
  const double iterations = summary.at("Iterations").get<double>();
  McaResult result;
  result.cycles = summary.at("TotalCycles").get<double>() / iterations;
  result.throughput = summary.at("BlockRThroughput").get<double>();
  result.instructions = static_cast<int>(region.at("Instructions").size());
  result.micro_ops = summary.at("TotaluOps").get<double>() / iterations;
  result.dispatch_width = summary.at("DispatchWidth").get<int>();
  if (result.cycles > kNear * result.throughput) {
    result.limit = "dependencies";
  } else if (result.micro_ops / result.dispatch_width * kNear >= result.throughput) {
    result.limit = "dispatch";
  } else {
    result.limit = busiest_units(region, names);
  }
  return result;
}

}  // namespace

const std::vector<ModelCpu>& model_cpus() {
  static const std::vector<ModelCpu> cpus = {
      {"cortex-a57", "Cortex-A57", "A57Unit", "llvm"},
      {"neoverse-n1", "Neoverse N1", "N1Unit", "llvm-19"},
  };
  return cpus;
}

const ModelCpu& model_cpu(std::string_view name) {
  std::vector<std::string> names;
  for (const ModelCpu& cpu : model_cpus()) {
    if (cpu.name == name) return cpu;
    names.emplace_back(cpu.name);
  }
  throw usage_error(fmt::format("--model: unknown CPU '{}'", name), suggestion(std::string(name), names));
}

McaTool find_mca(const std::string& wanted) {
  std::vector<std::string> names;
  if (!wanted.empty()) {
    names.push_back(wanted);
  } else {
    for (int version = kNewest; version >= kOldest; --version) names.push_back(fmt::format("llvm-mca-{}", version));
    names.emplace_back("llvm-mca");
  }
  for (const std::string& name : names) {
    if (const auto path = find_tool(name)) return {path->string(), tool_version(path->string())};
  }
  throw input_error(wanted.empty() ? "llvm-mca was not found" : fmt::format("--mca: there is no program {}", wanted),
                    "install llvm-19 (or llvm, which has no Neoverse N1), or name it with --mca PATH");
}

std::vector<McaResult> run_mca(const McaTool& tool, const ModelCpu& cpu,
                               const std::vector<std::vector<std::string>>& loops) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "loops.s";
  write_regions(file, loops);
  const ToolResult output = run_tool({tool.path, "-march=aarch64", fmt::format("-mcpu={}", cpu.name),
                                      fmt::format("-iterations={}", kIterations), "--json", file.string()});
  if (output.status != 0) {
    throw input_error(fmt::format("{} refuses a loop: {}", tool.path, first_line(output.errors)),
                      "an older llvm-mca may not know newer instructions; --mca PATH names another");
  }
  std::vector<McaResult> results;
  try {
    const auto report = nlohmann::json::parse(output.output);
    const std::vector<std::string> names = unit_names(report.at("TargetInfo"), cpu, tool);
    for (const auto& region : report.at("CodeRegions")) results.push_back(result_of(region, names));
  } catch (const nlohmann::json::exception& error) {
    throw input_error(fmt::format("{} prints an unknown form of JSON: {}", tool.path, error.what()));
  }
  if (results.size() != loops.size()) {
    throw input_error(fmt::format("{} reports {} of {} loops", tool.path, results.size(), loops.size()));
  }
  return results;
}

}  // namespace denseshift::bench
