#include "experiments/bench/torch_sgd.h"

#include <torch/optim/sgd.h>

namespace denseshift::experiments {

struct TorchSgd::State {
  torch::optim::SGD sgd;
};

TorchSgd::TorchSgd(std::vector<at::Tensor> parameters, double lr, double momentum, double weight_decay)
    : state_(new State{torch::optim::SGD(
          std::move(parameters), torch::optim::SGDOptions(lr).momentum(momentum).weight_decay(weight_decay))}) {}

TorchSgd::~TorchSgd() = default;

void TorchSgd::zero_grad() { state_->sgd.zero_grad(); }

void TorchSgd::step() { state_->sgd.step(); }

}  // namespace denseshift::experiments
