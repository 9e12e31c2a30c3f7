#include "cli/commands/commands.h"

namespace denseshift::cli {

// A new command: one source file, one declaration in commands.h, one line here.
const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      train_command(),  finetune_command(), eval_command(),   ablate_command(),  sweep_command(),
      report_command(), runs_command(),     query_command(),  convert_command(), models_command(),
      data_command(),   bench_command(),    doctor_command(), worker_command(),
  };
  return table;
}

}  // namespace denseshift::cli
