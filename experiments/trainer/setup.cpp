#include "experiments/trainer/setup.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/nn/layers.h"
#include "core/quant/activation.h"
#include "core/quant/methods.h"
#include "core/util/cpus.h"

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

}  // namespace

TrainConfig resolve(TrainConfig config, const std::vector<std::string>& given) {
  validate(config);
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
  (void)nn::architectures().get(config.arch);
  const data::DatasetKind& dataset = data::datasets().get(config.dataset);
  if (config.image_size == 0) config.image_size = dataset.image_size;
  config.data = data::resolve_directory(config.data, std::getenv("DENSESHIFT_DATA"));
  // A resume may be started from another folder.
  for (std::string* path : {&config.tensorboard, &config.log}) {
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
  }
  if (config.eval_batch_size == 0) config.eval_batch_size = config.batch_size;
  return config;
}

quant::MethodOptions method_options(const TrainConfig& config) {
  quant::MethodOptions options;
  options.method = config.method;
  options.wbits = config.wbits;
  options.init = config.init;
  options.gradient = config.gradient;
  options.zero_convention = config.zero_convention;
  options.shift_bias = config.shift_bias;
  options.impl = config.impl;
  options.extra = quant::parse_method_options(config.method, config.method_option);
  if (options.impl == "auto") {
    // The fused paths are CPU code; on CUDA the composition serves. AdamW needs gradients of the references themselves.
    const bool cpu = choose_device(config.device).is_cpu();
    options.impl = !cpu ? "reference" : config.optimizer == "sgd" ? "leaf" : "function";
  }
  return options;
}

nn::ModelOptions model_options(const TrainConfig& config, std::int64_t classes, quant::LayerPolicy& policy) {
  return {.policy = policy,
          .classes = classes,
          .width = config.width,
          .abits = config.abits,
          .activation = config.activation,
          .reference_activations = config.impl == "reference"};
}

at::Device choose_device(const std::string& device) {
  if (device == "cpu") return at::kCPU;
  if (at::hasCUDA()) return at::kCUDA;
  if (device == "cuda") {
    throw usage_error("device: no CUDA device was found",
                      "use --device cpu, or build with a CUDA LibTorch (scripts/build.sh --torch pip)");
  }
  return at::kCPU;
}

int set_threads(std::int64_t threads) {
  const int count = threads > 0 ? static_cast<int>(threads) : usable_cpus();
  at::set_num_threads(count);
  // OpenBLAS has a pool of its own that does not listen to the tensor library.
  using SetThreads = void (*)(int);
  if (auto* set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) set(count);
  return count;
}

Setup build_setup(const TrainConfig& config) {
  Setup setup;
  setup.config = config;
  setup.threads = set_threads(config.threads);
  setup.device = choose_device(config.device);
  if (setup.device.is_cuda() && (config.impl == "leaf" || config.impl == "function")) {
    throw usage_error("impl: " + config.impl + " is CPU code", "use --impl auto, or --device cpu");
  }
  data::DatasetOptions options;
  options.directory = config.data;
  options.image_size = config.image_size;
  // The images of a rendered dataset are data: they do not change with the seed of a run.
  setup.dataset = data::open_dataset(config.dataset, options);
  const data::DatasetInfo& info = setup.dataset->info();
  setup.config.image_size = info.image_size;
  if (info.task != "classification") throw usage_error("dataset: " + info.name + " is not for classification");

  quant::LayerPolicy policy(method_options(config), config.placement, config.rule);
  setup.model = nn::make_model(config.arch, model_options(config, info.classes, policy));
  nn::initialize(*setup.model, config.seed);
  if (config.channels_last) {
    for (const auto& item : setup.model->named_parameters()) {
      if (item.value().dim() == 4) {
        at::Tensor parameter = item.value();
        parameter.set_data(parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
    for (const auto& [name, layer] : nn::weight_layers(*setup.model)) layer->quantizer().state_changed();
  }
  setup.model->to(setup.device);
  setup.facts = nn::describe(*setup.model, info.image_size);
  return setup;
}

std::int64_t stage_count(nn::Classifier& model) {
  std::int64_t stages = 1;
  for (const auto& [name, layer] : nn::weight_layers(model)) stages = std::max(stages, layer->quantizer().stages());
  return stages;
}

Stage stage_of(std::int64_t epoch, std::int64_t epochs, std::int64_t stages) {
  // Stage k starts at epoch floor(k * epochs / stages).
  std::int64_t k = std::min(stages - 1, epoch * stages / epochs);
  while (k + 1 < stages && (k + 1) * epochs / stages <= epoch) ++k;
  const std::int64_t first = k * epochs / stages;
  return {k, first, (k + 1) * epochs / stages - first};
}

void check_trainable(const Setup& setup) {
  const TrainConfig& config = setup.config;
  if (quant::methods().get(config.method).needs_pretrained && config.init != "pretrained") {
    throw usage_error("method: " + config.method + " starts from a trained network",
                      "train one with --method fp32 first, then give its run or a .pth file with --pretrained");
  }
  if (const std::int64_t stages = stage_count(*setup.model); config.epochs < stages) {
    throw usage_error("epochs: " + std::to_string(config.epochs) + " are too few for the " + std::to_string(stages) +
                          " stages of " + config.method + " at " + std::to_string(config.wbits) + " bits",
                      "use --epochs " + std::to_string(stages) + " or more, or fewer stages with --method-option");
  }
}

data::LoaderOptions loader_options(const TrainConfig& config, data::Split split) {
  const bool train = split == data::Split::train;
  data::LoaderOptions options;
  options.split = split;
  options.batch_size = train ? config.batch_size : config.eval_batch_size;
  options.limit = train ? config.limit_train : config.limit_val;
  options.seed = config.seed;
  options.shuffle = train;
  options.augment = train && config.augment;
  options.broken = config.broken_images == "skip" ? data::BrokenSample::skip : data::BrokenSample::fail;
  options.workers = config.workers;
  return options;
}

std::unique_ptr<optim::Optimizer> build_optimizer(const TrainConfig& config, nn::Classifier& model) {
  optim::OptimizerOptions options;
  options.optimizer = config.optimizer;
  options.momentum = config.momentum;
  options.nesterov = config.nesterov;
  options.beta1 = config.beta1;
  options.beta2 = config.beta2;
  options.epsilon = config.epsilon;
  return optim::make_optimizer(options, optim::collect_parameters(model, config.weight_decay, config.decay_references));
}

optim::LrSchedule build_schedule(const TrainConfig& config, std::int64_t steps_per_epoch, std::int64_t epochs) {
  optim::LrOptions options;
  options.schedule = config.schedule;
  options.lr = config.lr;
  options.steps_per_epoch = steps_per_epoch;
  options.epochs = epochs;
  options.warmup_epochs = std::min(config.warmup_epochs, static_cast<double>(epochs));
  options.lr_offset = config.lr_offset;
  options.milestones = config.milestones;
  options.lr_gamma = config.lr_gamma;
  options.poly_power = config.poly_power;
  return optim::LrSchedule(options);
}

DeviceBatch to_device(const data::Batch& batch, const data::DatasetInfo& info, const Setup& setup) {
  // from_blob wants mutable memory but nothing writes to it: the network's first layer is not in place.
  auto* images = const_cast<float*>(batch.images.data());
  auto* labels = const_cast<std::int64_t*>(batch.labels.data());
  DeviceBatch tensors{at::from_blob(images, {batch.count, info.channels, info.image_size, info.image_size}, at::kFloat),
                      at::from_blob(labels, {batch.count}, at::kLong)};
  if (setup.config.channels_last) tensors.images = tensors.images.contiguous(at::MemoryFormat::ChannelsLast);
  if (!setup.device.is_cpu()) {
    tensors.images = tensors.images.to(setup.device);
    tensors.labels = tensors.labels.to(setup.device);
  }
  return tensors;
}

}  // namespace denseshift::experiments
