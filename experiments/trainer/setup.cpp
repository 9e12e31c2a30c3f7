#include "experiments/trainer/setup.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "core/data/datasets/speech.h"
#include "core/nn/freeze.h"
#include "core/nn/layers.h"
#include "core/nn/segmentation/loss.h"
#include "core/quant/methods.h"
#include "core/util/cpus.h"

namespace denseshift::experiments {
nn::Classifier& Setup::classifier(const std::string& what) const {
  if (auto* network = dynamic_cast<nn::Classifier*>(model.get())) return *network;
  throw usage_error(what + " works on classifiers only, and " + config.arch + " is a network for " + config.task);
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

quant::PartChoice part_choice(const TrainConfig& config) {
  quant::PartChoice parts{config.quantize, config.quantize_predictions, config.quantize_extra, {}};
  if (config.head_init != "auto") parts.head_init = config.head_init;
  return parts;
}

nn::ModelOptions model_options(const TrainConfig& config, const data::DatasetInfo& info, quant::LayerPolicy& policy) {
  return {.policy = policy,
          .classes = info.classes,
          .width = config.width,
          .abits = config.abits,
          .activation = config.activation,
          .reference_activations = config.impl == "reference",
          .channels = info.channels,
          .image_size = info.image_size,
          .category_ids = info.category_ids,
          .fpn_channels = config.fpn_channels,
          .head_convs = config.head_convs,
          .aux = config.aux,
          .freeze_norm = config.freeze_norm};
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

namespace {

/// Of a training sample; what multiply-accumulates are counted for.
nn::InputSize input_size(const data::Dataset& dataset) {
  const data::DatasetInfo& info = dataset.info();
  nn::InputSize size{info.channels, info.image_size, info.image_size};
  if (const auto* speech = dynamic_cast<const data::SpeechDataset*>(&dataset)) size.height = speech->front_end().bins;
  return size;
}

}  // namespace

std::shared_ptr<nn::Network> build_network(const TrainConfig& config, const data::DatasetInfo& info,
                                           at::Device device) {
  quant::LayerPolicy policy(method_options(config), config.placement, config.rule, part_choice(config));
  std::shared_ptr<nn::Network> model = nn::make_model(config.arch, model_options(config, info, policy));
  nn::initialize(*model, config.seed);
  if (config.channels_last) {
    for (const auto& item : model->named_parameters()) {
      if (item.value().dim() == 4) {
        at::Tensor parameter = item.value();
        parameter.set_data(parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
    for (const auto& [name, layer] : nn::weight_layers(*model)) layer->quantizer().state_changed();
  }
  if (config.freeze_stages > 0) nn::freeze_backbone(*model, config.freeze_stages);
  model->to(device);
  return model;
}

namespace {

/// The folder that the key means.
std::string feature_cache(const TrainConfig& config) {
  if (config.feature_cache != "auto") return config.feature_cache;
  return data::feature_cache_folder(std::getenv("DENSESHIFT_FEATURE_CACHE"), std::getenv("XDG_CACHE_HOME"),
                                    std::getenv("HOME"));
}

}  // namespace

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
  options.task = config.task;
  options.transform = nn::architectures().get(config.arch).transform;
  options.image_size = config.image_size;
  options.max_size = config.max_size;
  options.resample = config.resample;
  options.feature_cache = feature_cache(config);
  // The images of a rendered dataset are data: they do not change with the seed of a run.
  setup.dataset = data::open_dataset(config.dataset, options);
  const data::DatasetInfo& info = setup.dataset->info();
  setup.config.image_size = info.image_size;

  setup.model = build_network(config, info, setup.device);
  setup.facts = nn::describe(*setup.model, input_size(*setup.dataset));
  setup.task = tasks().get(config.task).make({setup.config, *setup.dataset, *setup.model, setup.device});
  return setup;
}

std::int64_t stage_count(nn::Network& model) {
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
  // The pooled branch of a segmenter needs several values per channel to normalise.
  options.drop_last = train && config.task == "segmentation";
  options.group_by_aspect = train && config.group_by_aspect && nn::architectures().get(config.arch).transform == "fcos";
  options.broken = config.broken_images == "skip" ? data::BrokenSample::skip : data::BrokenSample::fail;
  options.workers = config.workers;
  return options;
}

std::unique_ptr<optim::Optimizer> build_optimizer(const TrainConfig& config, nn::Network& model) {
  optim::OptimizerOptions options;
  options.optimizer = config.optimizer;
  options.momentum = config.momentum;
  options.nesterov = config.nesterov;
  options.beta1 = config.beta1;
  options.beta2 = config.beta2;
  options.epsilon = config.epsilon;
  optim::ParameterRules rules;
  rules.decay_norms = config.decay_norms;
  if (config.task == "segmentation") {
    rules.lr_scale = [factor = config.aux_lr](const std::string& name) {
      return nn::segmentation_rate_factor(name, factor);
    };
  }
  return optim::make_optimizer(options,
                               optim::collect_parameters(model, config.weight_decay, config.decay_references, rules));
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
  DeviceBatch tensors{at::from_blob(images, {batch.count, info.channels, batch.height, batch.width}, at::kFloat),
                      at::from_blob(labels, {batch.count}, at::kLong), &batch};
  if (setup.config.channels_last) tensors.images = tensors.images.contiguous(at::MemoryFormat::ChannelsLast);
  if (!setup.device.is_cpu()) {
    tensors.images = tensors.images.to(setup.device);
    tensors.labels = tensors.labels.to(setup.device);
  }
  return tensors;
}

}  // namespace denseshift::experiments
