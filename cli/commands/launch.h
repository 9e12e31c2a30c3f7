#pragma once
// Where the trainings of a plan run: worker processes here, or tasks of Slurm.

#include <string>

#include "cli/command.h"
#include "cli/commands/plan_output.h"
#include "sweeps/slurm.h"

namespace denseshift::cli {

/// Who starts the trainings.
struct LauncherOptions {
  bool slurm = false;
  bool submit = true;  ///< false: the scripts are written only
  sweeps::SlurmOptions scripts;
};

/// Adds --launcher and the options of Slurm's scripts.
void add_launcher_options(OptionParser& parser);

/// Reads them. `name` is the study's or sweep's. Throws usage errors naming the option, also for options of Slurm
/// without --launcher=slurm.
[[nodiscard]] LauncherOptions launcher_options(const boost::program_options::variables_map& values,
                                               const PlanOptions& options, const std::string& name);

/// For --dry-run: the plan, and with Slurm what would be written and submitted. Changes nothing.
void print_launch(const sweeps::Plan& plan, const PlanOptions& options, const LauncherOptions& launcher);

/// Trains the open jobs here (as run_plan()) or hands them to Slurm. Returns the exit status; with Slurm 0 once all is
/// submitted, and a message on stderr says how to go on. With --json prints what was submitted.
[[nodiscard]] int launch(sweeps::Plan& plan, const PlanOptions& options, const LauncherOptions& launcher);

}  // namespace denseshift::cli
