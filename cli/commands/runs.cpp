// denseshift runs: the results database from the command line.

#include "cli/commands/commands.h"
#include "cli/commands/runs_common.h"

namespace denseshift::cli {

Command runs_command() {
  return {"runs", "list, show, compare, repeat, tag, delete, export and merge recorded runs",
          [](const std::vector<std::string>& arguments) {
            const std::vector<Command> table = {runs_list_command(),     runs_show_command(),   runs_diff_command(),
                                                runs_metrics_command(),  runs_best_command(),   runs_tag_command(),
                                                runs_delete_command(),   runs_export_command(), runs_merge_command(),
                                                runs_reproduce_command()};
            return dispatch("runs",
                            "Recorded runs. RUN is an id, `last`, or the beginning of exactly one run's name or uid.",
                            table, arguments);
          }};
}

}  // namespace denseshift::cli
