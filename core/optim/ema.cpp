#include "core/optim/ema.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/io/state_dict.h"

namespace denseshift::optim {

Ema::Ema(torch::nn::Module& model, double decay) : model_(model), decay_(decay), updates_(at::zeros({}, at::kLong)) {
  for (const quant::NamedTensor& item : io::state_of(model)) {
    if (!item.tensor.is_floating_point()) continue;
    live_.push_back({item.name, item.tensor});
    average_.push_back({item.name, item.tensor.detach().clone()});
  }
}

void Ema::update() {
  const at::NoGradGuard no_grad;
  const double n = static_cast<double>(updates_.item<std::int64_t>());
  const double decay = std::min(decay_, (1 + n) / (10 + n));
  for (std::size_t i = 0; i < live_.size(); ++i) average_[i].tensor.lerp_(live_[i].tensor.detach(), 1 - decay);
  updates_.add_(1);
}

void Ema::swap() {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < live_.size(); ++i) {
    const at::Tensor keep = live_[i].tensor.detach().clone();
    live_[i].tensor.detach().copy_(average_[i].tensor);
    average_[i].tensor.copy_(keep);
  }
  io::state_changed(model_);
}

std::vector<quant::NamedTensor> Ema::state() const {
  std::vector<quant::NamedTensor> named = average_;
  named.push_back({"updates", updates_});
  return named;
}

}  // namespace denseshift::optim
