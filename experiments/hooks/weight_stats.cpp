#include "experiments/hooks/weight_stats.h"

#include <ATen/ATen.h>

#include <cstring>

#include "core/kernels/densequant.h"
#include "core/nn/layers.h"

namespace denseshift::experiments {
namespace {

/// Weights at each of the 2(T+1) levels, lowest level first.
std::vector<std::int64_t> level_histogram(const std::uint8_t* codes, std::int64_t count, int gates) {
  std::vector<std::int64_t> by_code(256, 0);
  for (std::int64_t i = 0; i < count; ++i) ++by_code[codes[i]];
  std::vector<std::int64_t> histogram(static_cast<std::size_t>(2 * (gates + 1)), 0);
  for (int code = 0; code < 256; ++code) {
    const int shift = kernels::shift_of_code(static_cast<std::uint8_t>(code), gates);
    const int level = (code & 1) != 0 ? gates - shift : gates + 1 + shift;
    histogram[static_cast<std::size_t>(level)] += by_code[static_cast<std::size_t>(code)];
  }
  return histogram;
}

}  // namespace

void WeightStatsHook::on_start(const Setup& setup, std::int64_t first_epoch) {
  setup_ = &setup;
  if (every_ == 0) return;
  for (const auto& [name, layer] : nn::weight_layers(*setup.model)) {
    if (layer->quantizer().code_gates() == 0) continue;
    auto [entry, added] = trackers_.try_emplace(name, layer->weight_count(), layer->quantizer().code_gates());
    if (first_epoch == 0) entry->second.snapshot(layer->quantizer().codes().contiguous().data_ptr<std::uint8_t>());
  }
}

void WeightStatsHook::on_epoch(const EpochView& view) {
  if (every_ == 0 || (view.epoch + 1) % every_ != 0) return;
  std::vector<results_db::WeightStat> stats;
  for (const auto& [name, layer] : nn::weight_layers(*setup_->model)) {
    const auto tracker = trackers_.find(name);
    if (tracker == trackers_.end()) continue;
    const at::Tensor codes = layer->quantizer().codes().contiguous();
    tracker->second.snapshot(codes.data_ptr<std::uint8_t>());
    const metrics::FreezingReport report = tracker->second.report();
    stats.push_back({name,
                     level_histogram(codes.data_ptr<std::uint8_t>(), codes.numel(), layer->quantizer().code_gates()),
                     report.last.rate(), report.last.sign_rate(), report.last.shift_rate(), report.frozen_fraction(),
                     report.mean_distinct_shifts(), report.last.jump_size()});
  }
  if (!stats.empty()) store_.record_weight_stats(run_, view.epoch + 1, stats);
}

std::vector<quant::NamedTensor> WeightStatsHook::state() {
  std::vector<quant::NamedTensor> named;
  for (const auto& [name, tracker] : trackers_) {
    const std::vector<std::uint8_t> bytes = tracker.state();
    at::Tensor tensor = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
    std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
    named.push_back({"freezing." + name, tensor});
  }
  return named;
}

void WeightStatsHook::load(const std::vector<quant::NamedTensor>& state) {
  for (const quant::NamedTensor& item : state) {
    constexpr std::string_view kPrefix = "freezing.";
    if (item.name.compare(0, kPrefix.size(), kPrefix) != 0) continue;
    const auto tracker = trackers_.find(item.name.substr(kPrefix.size()));
    if (tracker == trackers_.end()) continue;
    const auto* bytes = item.tensor.data_ptr<std::uint8_t>();
    tracker->second.restore({bytes, bytes + item.tensor.numel()});
  }
}

}  // namespace denseshift::experiments
