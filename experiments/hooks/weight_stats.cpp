#include "experiments/hooks/weight_stats.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstring>

#include "experiments/hooks/followed_layers.h"

namespace denseshift::experiments {
namespace {

/// Levels of a layer in ascending order. Filters may have levels of their own: their mean then says which index has
/// which sign and shift.
std::vector<double> levels_of(const quant::ExportedCodes& exported) {
  if (!exported.integers.empty()) return {exported.integers.begin(), exported.integers.end()};
  const at::Tensor mean = exported.codebook.detach().to(at::kCPU, at::kDouble).mean(0).contiguous();
  return {mean.data_ptr<double>(), mean.data_ptr<double>() + mean.numel()};
}

at::Tensor real_weight(const nn::QuantizedLayer& layer) {
  return layer.quantizer().parameters().at(0).tensor.detach().to(at::kCPU, at::kFloat).contiguous();
}

at::Tensor bytes_tensor(const std::vector<std::uint8_t>& bytes) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

}  // namespace

void WeightStatsHook::Layer::restart() {
  std::vector<double> levels;
  if (rounded) {
    const at::Tensor weight = real_weight(*layer);
    rounded->fit(weight.data_ptr<float>(), weight.numel());
    levels = rounded->levels();
  } else {
    levels = levels_of(layer->quantizer().export_codes());
  }
  tracker = metrics::FreezingTracker(layer->weight_count(), levels);
}

void WeightStatsHook::Layer::snapshot() {
  if (rounded) {
    const at::Tensor weight = real_weight(*layer);
    tracker.snapshot(rounded->codes(weight.data_ptr<float>(), weight.numel()).data());
  } else {
    tracker.snapshot(layer->quantizer().export_codes().codes.contiguous().data_ptr<std::uint8_t>());
  }
}

void WeightStatsHook::on_start(const Setup& setup, std::int64_t) {
  if (every_ == 0) return;
  for (const auto& [name, layer] : followed_layers(setup)) {
    Layer entry;
    entry.layer = layer;
    if (layer->quantizer().bits() == 32) {
      if (rounded_bits_ == 0) continue;
      entry.rounded.emplace(rounded_bits_);
    }
    entry.restart();
    layers_.emplace(name, std::move(entry));
  }
}

void WeightStatsHook::on_ready() {
  for (auto& [name, layer] : layers_) {
    layer.restart();  // calibration may have changed the levels
    layer.snapshot();
  }
}

void WeightStatsHook::on_epoch(const EpochView& view) {
  metrics_.clear();
  if (layers_.empty() || (view.epoch + 1) % every_ != 0) return;
  std::vector<results_db::WeightStat> stats;
  metrics::FreezingReport network;
  for (auto& [name, layer] : layers_) {
    layer.snapshot();
    const metrics::FreezingReport report = layer.tracker.report();
    stats.push_back({name, layer.tracker.histogram(), report.last.rate(), report.last.sign_rate(),
                     report.last.shift_rate(), report.frozen_fraction(), report.mean_distinct_shifts(),
                     report.last.jump_size()});
    network += report;
  }
  store_.record_weight_stats(run_, view.epoch + 1, stats);
  metrics_ = {{"change_rate", network.last.rate()},
              {"sign_change_rate", network.last.sign_rate()},
              {"shift_change_rate", network.last.shift_rate()},
              {"frozen_fraction", network.frozen_fraction()},
              {"distinct_shifts", network.mean_distinct_shifts()},
              {"jump_size", network.last.jump_size()}};
}

std::vector<quant::NamedTensor> WeightStatsHook::state() {
  std::vector<quant::NamedTensor> named;
  for (const auto& [name, layer] : layers_) {
    // The number of levels is part of the name: other statistics, asked for on resume, start a window of their own.
    const std::size_t levels = layer.tracker.histogram().size();
    named.push_back({fmt::format("freezing{}.{}", levels, name), bytes_tensor(layer.tracker.state())});
    if (layer.rounded) {
      named.push_back({fmt::format("rounded{}.{}", levels, name), at::full({1}, layer.rounded->scale(), at::kDouble)});
    }
  }
  return named;
}

void WeightStatsHook::load(const std::vector<quant::NamedTensor>& state) {
  for (const quant::NamedTensor& item : state) {
    for (auto& [name, layer] : layers_) {
      const std::size_t levels = layer.tracker.histogram().size();
      if (item.name == fmt::format("freezing{}.{}", levels, name)) {
        const auto* bytes = item.tensor.data_ptr<std::uint8_t>();
        layer.tracker.restore({bytes, bytes + item.tensor.numel()});
      } else if (layer.rounded && item.name == fmt::format("rounded{}.{}", levels, name)) {
        layer.rounded->set_scale(item.tensor.item<double>());
      }
    }
  }
}

}  // namespace denseshift::experiments
