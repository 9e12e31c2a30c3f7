#pragma once
// From a configuration to the objects that train: dataset, network, optimiser, schedule.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/nn/model.h"
#include "core/optim/ema.h"
#include "core/optim/lr_schedule.h"
#include "core/optim/optimizer.h"
#include "experiments/config/train_config.h"
#include "experiments/tasks/task.h"

namespace denseshift::experiments {

/// Fills in what follows from other keys: `task` from architecture and dataset, `arch` from the task where it was not
/// given, fp32 has 32 bits whatever the default of `wbits`, `data` comes from the environment when it is empty,
/// `eval_batch_size` follows batch_size, `image_size` architecture and dataset. `given` are the keys
/// the user set; contradictions among those are usage errors. Also checks ranges and every registered name.
[[nodiscard]] TrainConfig resolve(TrainConfig config, const std::vector<std::string>& given = {});

/// What the configuration says about quantized layers.
[[nodiscard]] quant::MethodOptions method_options(const TrainConfig& config);

/// What the configuration says about the parts that are quantized.
[[nodiscard]] quant::PartChoice part_choice(const TrainConfig& config);

/// What the configuration says about the network besides its layers' methods.
[[nodiscard]] nn::ModelOptions model_options(const TrainConfig& config, const data::DatasetInfo& info,
                                             quant::LayerPolicy& policy);

/// The device asked for; `auto` takes CUDA when there is one. Throws a usage error when CUDA is asked for and missing.
[[nodiscard]] at::Device choose_device(const std::string& device);

/// Sets the number of threads of the tensor library and its BLAS: `threads`, or every CPU this process may use. Returns
/// it.
int set_threads(std::int64_t threads);

/// Everything a training or evaluation works on. Built in this order: dataset, network, optimiser.
struct Setup {
  TrainConfig config;  ///< resolved
  at::Device device = at::kCPU;
  int threads = 1;
  std::unique_ptr<data::Dataset> dataset;
  std::shared_ptr<nn::Network> model;
  nn::ModelFacts facts;
  std::unique_ptr<Task> task;

  /// The network where it is a classifier. Throws a usage error saying that `what` needs one.
  [[nodiscard]] nn::Classifier& classifier(const std::string& what) const;
};

/// Builds a network (initialised from the seed) for samples of a dataset with these facts, on the device. `config` must
/// be resolved.
[[nodiscard]] std::shared_ptr<nn::Network> build_network(const TrainConfig& config, const data::DatasetInfo& info,
                                                         at::Device device);

/// Builds dataset and network (initialised from the seed) on the device. `config` must be resolved.
[[nodiscard]] Setup build_setup(const TrainConfig& config);

/// Options of the loader for a split.
[[nodiscard]] data::LoaderOptions loader_options(const TrainConfig& config, data::Split split);

/// Optimiser over the network's trained tensors.
[[nodiscard]] std::unique_ptr<optim::Optimizer> build_optimizer(const TrainConfig& config, nn::Network& model);

/// Learning rates of a training of `epochs` epochs (the run's, or those of one stage) with `steps_per_epoch` optimiser
/// steps each.
[[nodiscard]] optim::LrSchedule build_schedule(const TrainConfig& config, std::int64_t steps_per_epoch,
                                               std::int64_t epochs);

/// Stages of the network's methods: the most that any layer has.
[[nodiscard]] std::int64_t stage_count(nn::Network& model);

/// A part of the training with its own run of the learning rate. The epochs are shared out evenly among the stages.
struct Stage {
  std::int64_t index = 0;
  std::int64_t first_epoch = 0;
  std::int64_t epochs = 1;
};
[[nodiscard]] Stage stage_of(std::int64_t epoch, std::int64_t epochs, std::int64_t stages);

/// Throws a usage error when the method needs a trained network and has none, or more stages than there are epochs.
void check_trainable(const Setup& setup);

/// The batch on the device of the network.
[[nodiscard]] DeviceBatch to_device(const data::Batch& batch, const data::DatasetInfo& info, const Setup& setup);

}  // namespace denseshift::experiments
