#pragma once
// The keys of a training configuration as command-line options.

#include <string>
#include <vector>

#include "cli/command.h"
#include "experiments/config/train_config.h"

namespace denseshift::cli {

/// A configuration and the keys that the user gave (on the command line or in the file), in the order of the
/// configuration.
struct GivenConfig {
  experiments::TrainConfig config;
  std::vector<std::string> keys;
};

/// Adds an option for each of `keys`, or for every key when empty, in groups: "--batch-size" for batch_size. Lists are
/// repeatable.
void add_config_options(OptionParser& parser, const std::vector<std::string>& keys = {});

/// Reads the JSON file `file` (skipped when empty) and puts the options given in `values` over it. Throws a usage error
/// that names the option, or the file with line and key. Values are parsed, not validated.
[[nodiscard]] GivenConfig read_config(const boost::program_options::variables_map& values, const std::string& file);

}  // namespace denseshift::cli
