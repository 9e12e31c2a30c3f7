#pragma once
// What `ablate` and `sweep` share: options of a plan, how it is printed, and its execution with progress.

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/command.h"
#include "sweeps/execute.h"
#include "sweeps/plan.h"

namespace denseshift::cli {

/// How a plan is to be run.
struct PlanOptions {
  std::string db;
  int jobs = 1;
  int threads = 0;
  sweeps::OnFailure on_failure = sweeps::OnFailure::go_on;
  int retries = 0;
  bool dry_run = false;
  bool quiet = false;
  bool json = false;
};

/// Adds --jobs, --threads, --on-failure, --dry-run, --quiet, --db and --json.
void add_plan_options(OptionParser& parser);

/// Reads them. Throws usage errors naming the option.
[[nodiscard]] PlanOptions plan_options(const boost::program_options::variables_map& values);

/// The command line that trains a job.
[[nodiscard]] std::string job_command(const sweeps::Job& job, const PlanOptions& options);

/// Every open job with its state, estimated time and command; then the sum.
void print_plan(const sweeps::Plan& plan, const PlanOptions& options, std::ostream& out);
[[nodiscard]] nlohmann::ordered_json plan_json(const sweeps::Plan& plan, const PlanOptions& options);

/// Trains the open jobs with progress on stderr. Returns the exit status: 0 all done, 1 something failed, 130 stopped.
[[nodiscard]] int run_plan(sweeps::Plan& plan, const PlanOptions& options);

}  // namespace denseshift::cli
