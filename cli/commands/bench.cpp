// denseshift bench: measurements of this machine.

#include "cli/commands/bench_common.h"
#include "cli/commands/commands.h"

namespace denseshift::cli {
namespace {

int run_bench(const std::vector<std::string>& arguments) {
  static const std::vector<Command> table = {bench_kernels_command(), bench_gemm_command(), bench_layers_command(),
                                             bench_train_command()};
  return dispatch("bench", "Measures this machine.", table, arguments);
}

}  // namespace

Command bench_command() { return {"bench", "measure this machine: kernels, gemm, layers, train", run_bench}; }

}  // namespace denseshift::cli
