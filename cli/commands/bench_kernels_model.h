#pragma once
// `bench kernels --model CPU`: the same ladders from a pipeline model instead of a clock.

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include "cli/command.h"
#include "cli/commands/bench_common.h"

namespace denseshift::cli {

/// Adds --model, --clock, --compiler and --mca.
void add_model_options(OptionParser& parser);
/// Whether --model was given. Throws a usage error when one of the other options was given without it, or together with
/// it an option that is about measuring.
[[nodiscard]] bool wants_model(const boost::program_options::variables_map& values);
/// Models every NEON kernel, prints the ladders, records one run for each clock; every value is labelled "modelled".
/// Returns the exit status.
[[nodiscard]] int run_model(const boost::program_options::variables_map& values, const BenchSettings& settings,
                            const std::vector<std::int64_t>& lengths);

}  // namespace denseshift::cli
