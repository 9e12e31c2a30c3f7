// denseshift train and finetune: resolve and validate the configuration; the LibTorch module does the training.

#include <algorithm>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/config_options.h"
#include "cli/torch_module.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

HelpText train_help() {
  return {
      "train [options]",
      "Trains a network from random weights and records the run. A configuration is a JSON file (--config), options, "
      "or both:\n"
      "options win. Switches are written --nesterov, --nesterov=false or --no-nesterov.",
      "denseshift train --arch resnet18 --wbits 2\n"
      "denseshift train --dataset cifar10 --data cifar-10 --arch resnet20 --wbits 3 --epochs 200 --batch-size 128 --lr "
      "0.1\n"
      "denseshift train --resume 7",
  };
}

HelpText finetune_help() {
  return {
      "finetune (--backbone WEIGHTS | --pretrained WEIGHTS) [options]",
      "Trains a detector, a segmenter or another classifier from trained weights and records the run. --backbone takes "
      "the convolutions of a\n"
      "classifier and starts everything else anew; --pretrained takes a whole network by the names of its tensors. "
      "WEIGHTS is a run, a\n"
      "checkpoint, or a .pth or .safetensors file. All options of `train` apply.",
      "denseshift finetune --task detection --model fcos_resnet50_fpn --dataset coco --data coco --backbone 7 "
      "--quantize "
      "backbone,fpn\n"
      "denseshift finetune --task detection --model fcos_resnet18_fpn --backbone resnet18.pth --wbits 3\n"
      "denseshift finetune --task classification --dataset imagefolder --data flowers --backbone 7 --freeze-stages 4",
  };
}

OptionParser make_parser(const HelpText& help, bool finetune) {
  OptionParser parser(help);
  add_config_options(parser);
  if (finetune) {
    parser.group("Network").add_options()("model", po::value<std::string>()->value_name("TEXT"),
                                          "the same as --arch: ssd300_resnet50, fcos_resnet50_fpn, ...");
  }
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

std::string typed(const std::string& command, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"denseshift", command};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return shell_line(words);
}

/// --model is another word for --arch.
void take_model(const po::variables_map& values, GivenConfig& given) {
  const std::string model = text(values, "model");
  if (model.empty()) return;
  if (std::ranges::count(given.keys, "arch") > 0 && given.config.arch != model) {
    throw usage_error("--model and --arch are two words for one thing and differ: " + model + ", " + given.config.arch);
  }
  given.config.arch = model;
  if (std::ranges::count(given.keys, "arch") == 0) given.keys.insert(given.keys.begin(), "arch");
}

int run_command(const std::string& command, const std::vector<std::string>& arguments) {
  const bool finetune = command == "finetune";
  OptionParser parser = make_parser(finetune ? finetune_help() : train_help(), finetune);
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
  GivenConfig given = read_config(values, file);
  take_model(values, given);
  experiments::validate(given.config);
  if (finetune && resume.empty() && given.config.backbone.empty() && given.config.pretrained.empty()) {
    throw usage_error("nothing to start from",
                      "give --backbone RUN-or-FILE or --pretrained RUN-or-FILE; `denseshift train` starts at random");
  }
  if (dry_run) {
    nlohmann::ordered_json result;
    result["config"] = experiments::to_json(given.config);
    result["config_hash"] = experiments::config_hash(given.config);
    std::cout << result.dump(2) << '\n';
    return 0;
  }
  return run_in_module("train", {{"command", command},
                                 {"config", experiments::to_json(given.config)},
                                 {"overrides", given.keys},
                                 {"resume", resume},
                                 {"run_dir", text(values, "run-dir")},
                                 {"db", database_path(values)},
                                 {"quiet", values["quiet"].as<bool>()},
                                 {"verbose", values["verbose"].as<bool>()},
                                 {"json", values["json"].as<bool>()},
                                 {"command_line", typed(command, arguments)}});
}

}  // namespace

Command train_command() {
  return {"train", "train a network and record the run",
          [](const std::vector<std::string>& arguments) { return run_command("train", arguments); }};
}

Command finetune_command() {
  return {"finetune", "train a detector, segmenter or classifier from trained weights",
          [](const std::vector<std::string>& arguments) { return run_command("finetune", arguments); }};
}

}  // namespace denseshift::cli
