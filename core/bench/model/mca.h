#pragma once
// llvm-mca as a model of a CPU's pipeline. It assumes hits in the first-level cache and branches predicted right, so
// its cycles are a lower bound.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace denseshift::bench {

/// A CPU that can be modelled.
struct ModelCpu {
  std::string_view name;     ///< as llvm-mca and the command line call it
  std::string_view title;    ///< for people
  std::string_view units;    ///< how the execution units of its model begin; another beginning is another CPU's model
  std::string_view package;  ///< the Debian package of an llvm-mca that has the model
};

[[nodiscard]] const std::vector<ModelCpu>& model_cpus();
/// Throws a usage error with the nearest name.
[[nodiscard]] const ModelCpu& model_cpu(std::string_view name);

struct McaTool {
  std::string path;
  std::string version;  ///< as it prints it
};

/// The llvm-mca at a path or of a name; without one (empty) the newest of PATH, llvm-mca-NN before llvm-mca. Throws an
/// input error with the package to install.
[[nodiscard]] McaTool find_mca(const std::string& wanted);

/// What the model says of one loop, for one iteration out of many.
struct McaResult {
  double cycles = 0;       ///< with all dependencies and limits
  double throughput = 0;   ///< cycles that the busiest resource or the front end needs at least
  int instructions = 0;    ///< of one iteration
  double micro_ops = 0;    ///< of one iteration
  int dispatch_width = 0;  ///< micro-operations that enter the pipeline in a cycle
  std::string limit;       ///< what bounds it: the busiest units as the model names them, dispatch, or dependencies
};

/// Runs the loops, each a list of instructions, through the model of `cpu`. Throws an input error when this llvm-mca
/// has no model of the CPU (it takes another's without a word) or refuses an instruction.
[[nodiscard]] std::vector<McaResult> run_mca(const McaTool& tool, const ModelCpu& cpu,
                                             const std::vector<std::vector<std::string>>& loops);

}  // namespace denseshift::bench
