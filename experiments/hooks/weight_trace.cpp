#include "experiments/hooks/weight_trace.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "core/metrics/histogram.h"
#include "core/nn/layers.h"
#include "core/util/hash.h"
#include "core/util/rng.h"
#include "experiments/hooks/followed_layers.h"

namespace denseshift::experiments {
namespace {

constexpr std::int64_t kRecordsPerRun = 200;
constexpr int kBins = 101;  // odd: zero is in the middle of a bin

/// Index of each weight along each dimension, for a tensor in any memory format.
std::vector<at::Tensor> coordinates_of(const std::vector<std::int64_t>& weights,
                                       const std::vector<std::int64_t>& shape) {
  at::Tensor rest = at::tensor(weights, at::kLong);
  std::vector<at::Tensor> coordinates(shape.size());
  for (std::size_t d = shape.size(); d-- > 0;) {
    coordinates[d] = rest.remainder(shape[d]);
    rest = rest.floor_divide(shape[d]);
  }
  return coordinates;
}

/// Not by Tensor::index: LibTorch's TensorIndex reads a flag that it has not set when a vector of them grows.
at::Tensor pick(const at::Tensor& tensor, const std::vector<at::Tensor>& coordinates) {
  at::Tensor place = coordinates.at(0);
  for (std::size_t d = 1; d < coordinates.size(); ++d) {
    place = place * tensor.size(static_cast<std::int64_t>(d)) + coordinates[d];
  }
  return at::take(tensor.detach(), place.to(tensor.device())).to(at::kCPU, at::kFloat).contiguous();
}

/// The weights that evaluation and export use. Asking for codes changes no state, as quantize() in training would.
at::Tensor quantized_values(nn::QuantizedLayer& layer, const std::vector<at::Tensor>& coordinates) {
  quant::WeightQuantizer& quantizer = layer.quantizer();
  if (quantizer.bits() == 32) return pick(quantizer.parameters().at(0).tensor, coordinates);
  const quant::ExportedCodes exported = quantizer.export_codes();
  const at::Tensor code = pick(exported.codes, coordinates).to(at::kLong);
  const at::Tensor row = exported.codebook.size(0) == 1 ? at::zeros_like(code) : coordinates[0];
  return pick(exported.codebook, {row, code});
}

}  // namespace

std::vector<std::int64_t> sampled_weights(std::uint64_t seed, const std::string& layer, std::int64_t weights,
                                          std::int64_t count) {
  RandomStream random(seed, std::stoull(sha256(layer.data(), layer.size()).substr(0, 16), nullptr, 16));
  // Floyd's algorithm: every set of `count` indices is equally likely.
  std::set<std::int64_t> chosen;
  for (std::int64_t i = std::max<std::int64_t>(0, weights - count); i < weights; ++i) {
    const auto candidate = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(i) + 1));
    if (!chosen.insert(candidate).second) chosen.insert(i);
  }
  return {chosen.begin(), chosen.end()};
}

void WeightTraceHook::on_start(const Setup& setup, std::int64_t) {
  const TrainConfig& config = setup.config;
  if (config.trace_weights == 0) return;
  every_ = config.trace_every;
  epochs_ = config.epochs;
  for (const auto& [name, layer] : followed_layers(setup)) {
    Layer entry{name, layer, sampled_weights(config.seed, name, layer->weight_count(), config.trace_weights), {}, {}};
    entry.coordinates = coordinates_of(entry.weights, layer->weight_shape());
    for (const quant::NamedTensor& parameter : layer->quantizer().parameters()) {
      if (parameter.tensor.sizes() == at::IntArrayRef(layer->weight_shape())) entry.trained.push_back(parameter);
    }
    layers_.push_back(std::move(entry));
  }
}

void WeightTraceHook::on_ready() {
  record_weights(0, 0);
  record_histograms(0);
}

void WeightTraceHook::on_step(const StepView& view) {
  if (layers_.empty() || !view.updated) return;
  const std::int64_t all = epochs_ * view.updates_per_epoch;
  if (every_ == 0) every_ = std::max<std::int64_t>(1, (all + kRecordsPerRun / 2) / kRecordsPerRun);
  if (view.updates % every_ != 0 && view.updates != all) return;
  record_weights(view.updates, static_cast<double>(view.updates) / static_cast<double>(view.updates_per_epoch));
}

void WeightTraceHook::on_epoch(const EpochView& view) { record_histograms(view.epoch + 1); }

void WeightTraceHook::record_weights(std::int64_t step, double epoch) {
  if (layers_.empty()) return;
  std::vector<results_db::WeightTrace> traces;
  for (const Layer& layer : layers_) {
    const std::size_t first = traces.size();
    const at::Tensor values = quantized_values(*layer.layer, layer.coordinates);
    for (std::size_t i = 0; i < layer.weights.size(); ++i) {
      traces.push_back({layer.name, layer.weights[i], step, epoch, values.data_ptr<float>()[i], {}});
    }
    for (const quant::NamedTensor& parameter : layer.trained) {
      const at::Tensor trained = pick(parameter.tensor, layer.coordinates);
      for (std::size_t i = 0; i < layer.weights.size(); ++i) {
        traces[first + i].trained.emplace_back(parameter.name, trained.data_ptr<float>()[i]);
      }
    }
  }
  store_.record_weight_traces(run_, traces);
}

void WeightTraceHook::record_histograms(std::int64_t epoch) {
  if (layers_.empty()) return;
  std::vector<results_db::WeightHistogram> histograms;
  for (const Layer& layer : layers_) {
    for (const quant::NamedTensor& parameter : layer.trained) {
      // In the order of memory: which element is where does not matter here.
      at::Tensor values = parameter.tensor.detach().to(at::kCPU, at::kFloat);
      if (!values.is_non_overlapping_and_dense()) values = values.contiguous();
      metrics::Histogram histogram = metrics::symmetric_histogram(values.data_ptr<float>(), values.numel(), kBins);
      histograms.push_back(
          {epoch, layer.name, parameter.name, histogram.low, histogram.high, std::move(histogram.counts)});
    }
  }
  store_.record_weight_histograms(run_, histograms);
}

}  // namespace denseshift::experiments
