#include "experiments/bench/train_bench.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>

#include "core/data/loader.h"
#include "core/nn/layers.h"
#include "core/nn/model.h"
#include "core/optim/optimizer.h"
#include "core/quant/methods.h"
#include "core/util/clock.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "experiments/bench/torch_sgd.h"

namespace denseshift::experiments {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr double kLr = 0.01;
constexpr double kMomentum = 0.9;
constexpr double kWeightDecay = 1e-4;
constexpr std::int64_t kMemorySteps = 3;  // the optimiser's state is complete from the second step on
constexpr std::int64_t kLoaderImages = 4096;

std::vector<TrainVariant> make_variants() {
  std::vector<TrainVariant> variants = {
      {"fp32-torch", "full precision, LibTorch's own SGD", "fp32", 32, "auto", true},
      {"fp32", "full precision, fused SGD", "fp32", 32, "auto", false},
  };
  for (const std::int64_t bits : {2, 3, 4}) {
    const std::string name = fmt::format("w{}-", bits);
    const std::string text = std::to_string(bits) + " bits, ";
    variants.push_back(
        {name + "reference", text + "tensor operations, LibTorch's own SGD", "denseshift", bits, "reference", true});
    variants.push_back(
        {name + "function", text + "fused autograd function, fused SGD", "denseshift", bits, "function", false});
    variants.push_back(
        {name + "leaf", text + "all of it in one pass (what train uses)", "denseshift", bits, "leaf", false});
    variants.push_back(
        {name + "leaf-a8", text + "the same with 8-bit activations", "denseshift", bits, "leaf", false, 8});
  }
  return variants;
}

/// The one batch that all variants train on.
struct FixedBatch {
  FixedBatch(const TrainBenchOptions& options, std::int64_t size) {
    const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(kSeed);
    images = at::randn({size, 3, options.image_size, options.image_size}, generator);
    labels = at::randint(options.classes, {size}, generator, at::TensorOptions().dtype(at::kLong));
  }
  at::Tensor images, labels;
};

/// A network in training.
class Trainee {
 public:
  Trainee(const TrainBenchOptions& options, const TrainVariant& variant) : name_(variant.name) {
    quant::MethodOptions method;
    method.method = variant.method;
    method.wbits = variant.wbits;
    method.impl = variant.impl;
    quant::LayerPolicy policy(method, "paper", {});
    model_ = nn::make_classifier(
        options.arch, nn::ModelOptions{.policy = policy, .classes = options.classes, .abits = variant.abits});
    nn::initialize(*model_, kSeed);
    model_->train();
    layers_ = nn::weight_layers(*model_);
    for (const auto& [name, layer] : layers_) {
      layer->quantizer().on_stage(0);
      layer->quantizer().on_epoch(0, 10);
    }
    if (variant.torch_sgd) {
      torch_sgd_ = std::make_unique<TorchSgd>(model_->parameters(), kLr, kMomentum, kWeightDecay);
    } else {
      optim::OptimizerOptions sgd;
      sgd.momentum = kMomentum;
      fused_ = optim::make_optimizer(sgd, optim::collect_parameters(*model_, kWeightDecay, true));
    }
  }

  /// One step; returns its milliseconds.
  double step(const FixedBatch& batch) {
    const auto start = Clock::now();
    torch_sgd_ ? torch_sgd_->zero_grad() : fused_->zero_grad();
    at::Tensor loss = at::cross_entropy_loss(model_->forward(batch.images), batch.labels);
    for (const auto& [name, layer] : layers_) {
      if (const at::Tensor extra = layer->quantizer().regularizer(); extra.defined()) loss = loss + extra;
    }
    loss.backward();
    torch_sgd_ ? torch_sgd_->step() : fused_->step(kLr, 1);
    for (const auto& [name, layer] : layers_) layer->quantizer().on_step(++steps_);
    const double milliseconds = 1e3 * seconds_since(start);
    if (!std::isfinite(loss.item<double>())) throw work_error(name_ + ": the loss is not finite");
    return milliseconds;
  }

 private:
  std::string name_;
  std::shared_ptr<nn::Classifier> model_;
  std::vector<std::pair<std::string, nn::QuantizedLayer*>> layers_;
  std::int64_t steps_ = 0;
  std::unique_ptr<TorchSgd> torch_sgd_;
  std::unique_ptr<optim::Optimizer> fused_;
};

// VmHWM and not getrusage(): the latter remembers what the process was before it started the program.
std::int64_t largest_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return 1024 * std::stoll(line.substr(6));
  }
  throw work_error("/proc/self/status does not say how much memory was used");
}

}  // namespace

const std::vector<TrainVariant>& train_bench_variants() {
  static const std::vector<TrainVariant> variants = make_variants();
  return variants;
}

namespace {

/// "METHOD:WBITS", both known.
TrainVariant method_variant(const std::string& name) {
  const std::size_t colon = name.find(':');
  const std::string method = name.substr(0, colon);
  const quant::Method& found = quant::methods().get(method);
  std::int64_t wbits = found.default_bits;
  if (colon != std::string::npos) {
    const auto [end, code] = std::from_chars(name.data() + colon + 1, name.data() + name.size(), wbits);
    if (code != std::errc() || end != name.data() + name.size()) {
      throw usage_error("methods: '" + name + "' is not METHOD or METHOD:WBITS");
    }
  }
  quant::check_bits(method, wbits);
  return {
      fmt::format("{}:{}", method, wbits), quant::methods().entry(method).description, method, wbits, "leaf", false};
}

}  // namespace

std::vector<std::string> method_variants(const std::vector<std::string>& methods) {
  std::vector<std::string> names{train_bench_variants().front().name};
  for (const std::string& item : methods) {
    for (const std::string& method : item == "all" ? quant::methods().names() : std::vector<std::string>{item}) {
      names.push_back(method_variant(method).name);
    }
  }
  return names;
}

TrainVariant train_bench_variant(const std::string& name) {
  if (name.find(':') != std::string::npos) return method_variant(name);
  std::vector<std::string> names;
  for (const TrainVariant& variant : train_bench_variants()) {
    if (variant.name == name) return variant;
    names.push_back(variant.name);
  }
  throw usage_error("variants: unknown value '" + name + "'", suggestion(name, names));
}

void check(const TrainBenchOptions& options) {
  (void)nn::architectures().get(options.arch);
  for (const std::string& name : options.variants) (void)train_bench_variant(name);
}

std::vector<std::vector<double>> time_training(const TrainBenchOptions& options, std::int64_t batch_size,
                                               std::int64_t rounds, const std::function<void(std::int64_t)>& on_round) {
  const FixedBatch batch(options, batch_size);
  std::vector<std::unique_ptr<Trainee>> trainees;
  for (const std::string& name : options.variants) {
    trainees.push_back(std::make_unique<Trainee>(options, train_bench_variant(name)));
    trainees.back()->step(batch);
  }
  std::vector<std::vector<double>> times(trainees.size());
  for (std::int64_t round = 0; round < rounds; ++round) {
    // Each round begins with another variant: what runs after a large one finds its caches cold.
    for (std::size_t i = 0; i < trainees.size(); ++i) {
      const std::size_t which = (i + static_cast<std::size_t>(round)) % trainees.size();
      times[which].push_back(trainees[which]->step(batch));
    }
    on_round(round + 1);
  }
  return times;
}

std::int64_t peak_memory_of_training(const TrainBenchOptions& options, const std::string& variant,
                                     std::int64_t batch_size) {
  const FixedBatch batch(options, batch_size);
  Trainee trainee(options, train_bench_variant(variant));
  for (std::int64_t i = 0; i < kMemorySteps; ++i) trainee.step(batch);
  return largest_resident_bytes();
}

double loader_images_per_second(std::int64_t image_size, std::int64_t batch_size, std::int64_t workers) {
  data::DatasetOptions dataset_options;
  dataset_options.image_size = image_size;
  const auto dataset = data::open_dataset("shapes", dataset_options);
  data::LoaderOptions options;
  options.batch_size = batch_size;
  options.limit = kLoaderImages;
  options.workers = workers;
  data::Loader loader(*dataset, options);
  const auto start = Clock::now();
  loader.start(0);
  std::int64_t images = 0;
  while (const data::Batch* batch = loader.next()) images += batch->count;
  return static_cast<double>(images) / seconds_since(start);
}

}  // namespace denseshift::experiments
