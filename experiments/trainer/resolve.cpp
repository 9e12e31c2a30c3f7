#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/quant/activation.h"
#include "core/quant/methods.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Settles `init` and `pretrained`.
void resolve_start(TrainConfig& config, const quant::Method& method) {
  if (config.init == "auto") config.init = config.pretrained.empty() ? method.default_init : "pretrained";
  if (config.init == "pretrained" && config.pretrained.empty()) {
    throw usage_error("init: pretrained needs a network to start from",
                      "give a run, a checkpoint, or a .pth or .safetensors file with --pretrained");
  }
  if (config.init != "pretrained" && !config.pretrained.empty()) {
    throw usage_error("pretrained: does not go with init " + config.init, "leave --init out, or say --init pretrained");
  }
  const bool references = config.method == "denseshift" || config.method == "s3";
  if (config.init == "lvr" && !references && config.method != "fp32") {
    throw usage_error("init: lvr is a start of reference weights, which " + config.method + " does not have",
                      "use --init kaiming or leave --init out");
  }
}

/// Settles `task` and, where the user left it open, `arch`.
void resolve_task(TrainConfig& config, const std::vector<std::string>& given) {
  const std::string& of_arch = nn::architectures().get(config.arch).task;
  const std::vector<std::string>& of_dataset = data::datasets().get(config.dataset).tasks;
  const bool arch_given = contains(given, "arch");
  if (config.task == "auto") config.task = arch_given && of_arch != "classification" ? of_arch : of_dataset.front();
  const TaskKind& kind = tasks().get(config.task);
  const std::string& wanted = nn::architectures().get(kind.arch).task;
  if (of_arch == wanted) return;
  if (arch_given) {
    throw usage_error("arch: " + config.arch + " is a network for " + of_arch + ", not for " + config.task,
                      "the usual one is " + kind.arch + "; `denseshift models` lists them");
  }
  config.arch = kind.arch;
}

/// Settles what follows from task, architecture and dataset.
void resolve_input(TrainConfig& config) {
  const data::DatasetKind& dataset = data::datasets().get(config.dataset);
  const bool rendered = dataset.needs == "nothing";
  const bool dense = config.task == "detection" || config.task == "segmentation";
  if (config.image_size == 0) {
    config.image_size = !dense                       ? dataset.image_size
                        : !rendered                  ? nn::architectures().get(config.arch).image_size
                        : config.task == "detection" ? 128
                                                     : 65;
  }
  // Pictures of unequal size are not padded for an evaluation, as in the published ones.
  const bool unequal = dense && !rendered && nn::architectures().get(config.arch).transform != "ssd";
  if (config.eval_batch_size == 0) config.eval_batch_size = unequal ? 1 : config.batch_size;
  if (config.head_init != "auto" || !dense) return;
  config.head_init = config.method == "denseshift" || config.method == "s3" ? "lvr" : "kaiming";
}

}  // namespace

TrainConfig resolve(TrainConfig config, const std::vector<std::string>& given) {
  validate(config);
  resolve_task(config, given);
  const quant::Method& method = quant::methods().get(config.method);
  if (!contains(given, "wbits") && config.method != "denseshift") config.wbits = method.default_bits;
  quant::check_bits(config.method, config.wbits);
  (void)quant::parse_method_options(config.method, config.method_option);
  resolve_start(config, method);
  (void)quant::activation_methods().get(config.activation);
  if (config.abits < 32) quant::check_activation_bits(config.activation, config.abits);
  if (config.optimizer != "sgd" && config.impl == "leaf") {
    throw usage_error("impl: leaf works with sgd only", "use --impl function or --impl auto");
  }
  resolve_input(config);
  config.data = data::resolve_directory(config.data, std::getenv("DENSESHIFT_DATA"));
  // A resume may be started from another folder.
  for (std::string* path : {&config.tensorboard, &config.log}) {
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
  }
  return config;
}

}  // namespace denseshift::experiments
