// denseshift train: resolves and validates the configuration; the LibTorch module does the training.

#include <iostream>

#include "cli/commands/commands.h"
#include "cli/config_options.h"
#include "cli/torch_module.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

OptionParser make_parser() {
  OptionParser parser({
      "train [options]",
      "Trains a network from random weights and records the run. A configuration is a JSON file (--config), options, "
      "or both:\n"
      "options win. Switches are written --nesterov, --nesterov=false or --no-nesterov.",
      "denseshift train --arch resnet18 --wbits 2\n"
      "denseshift train --dataset cifar10 --data cifar-10 --arch resnet20 --wbits 3 --epochs 200 --batch-size 128 --lr "
      "0.1\n"
      "denseshift train --resume 7",
  });
  add_config_options(parser);
  parser.group("Run").add_options()("config", po::value<std::string>()->value_name("FILE"),
                                    "read the configuration from this JSON file first")(
      "resume", po::value<std::string>()->value_name("RUN"),
      "continue a stopped run (id, name or `last`); only environment, record keys and --epochs may be given")(
      "run-dir", po::value<std::string>()->value_name("DIR"),
      "folder for the run's files (default denseshift-runs/ID)")(
      "dry-run", po::bool_switch(), "print the resolved configuration and its hash as JSON, train nothing")(
      "quiet", po::bool_switch(), "no progress")("verbose", po::bool_switch(), "say more on stderr");
  parser.add_database_option();
  parser.add_json_option();
  return parser;
}

std::string text(const po::variables_map& values, const std::string& name) {
  return values.count(name) > 0 ? values[name].as<std::string>() : std::string();
}

std::string typed(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"denseshift", "train"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return shell_line(words);
}

int run(const std::vector<std::string>& arguments) {
  OptionParser parser = make_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string file = text(values, "config");
  const std::string resume = text(values, "resume");
  const bool dry_run = values["dry-run"].as<bool>();
  if (!resume.empty() && !file.empty()) {
    throw usage_error("--config cannot be combined with --resume", "a resumed run keeps its own configuration");
  }
  if (!resume.empty() && dry_run) {
    throw usage_error("--dry-run cannot be combined with --resume",
                      "`denseshift runs show " + resume + "` prints its configuration");
  }
  const GivenConfig given = read_config(values, file);
  experiments::validate(given.config);
  if (dry_run) {
    nlohmann::ordered_json result;
    result["config"] = experiments::to_json(given.config);
    result["config_hash"] = experiments::config_hash(given.config);
    std::cout << result.dump(2) << '\n';
    return 0;
  }
  return run_in_module("train", {{"config", experiments::to_json(given.config)},
                                 {"overrides", given.keys},
                                 {"resume", resume},
                                 {"run_dir", text(values, "run-dir")},
                                 {"db", database_path(values)},
                                 {"quiet", values["quiet"].as<bool>()},
                                 {"verbose", values["verbose"].as<bool>()},
                                 {"json", values["json"].as<bool>()},
                                 {"command_line", typed(arguments)}});
}

}  // namespace

Command train_command() { return {"train", "train a network and record the run", run}; }

}  // namespace denseshift::cli
