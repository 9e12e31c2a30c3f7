#include "cli/commands/commands.h"

namespace denseshift::cli {

// A new command: one source file, one declaration in commands.h, one line here.
const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      train_command(),  eval_command(),
#ifdef DENSESHIFT_CLI_RUNS
      runs_command(),
#endif
#ifdef DENSESHIFT_CLI_QUERY
      query_command(),
#endif
      models_command(),
#ifdef DENSESHIFT_CLI_DATA
      data_command(),
#endif
      bench_command(),
#ifdef DENSESHIFT_CLI_DOCTOR
      doctor_command(),
#endif
  };
  return table;
}

}  // namespace denseshift::cli
