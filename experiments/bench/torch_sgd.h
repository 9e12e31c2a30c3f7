#pragma once
// LibTorch's own SGD behind two functions, so that one file alone pays for its headers.

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace denseshift::experiments {

/// torch::optim::SGD as users of LibTorch have it, its zero_grad() included.
class TorchSgd {
 public:
  TorchSgd(std::vector<at::Tensor> parameters, double lr, double momentum, double weight_decay);
  ~TorchSgd();
  TorchSgd(const TorchSgd&) = delete;
  TorchSgd& operator=(const TorchSgd&) = delete;

  void zero_grad();
  void step();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace denseshift::experiments
