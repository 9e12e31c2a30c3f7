// Our optimisers against torch's own. The only file with torch/optim: it takes long to compile.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <cstdlib>
#include <tuple>

#include "core/nn/layers.h"
#include "core/nn/model.h"
#include "core/optim/optimizer.h"
#include "tests/core/quant/denseshift_support.h"

namespace denseshift::optim {
namespace {

/// The kernels fuse multiply and add where the tensor library's vectorised build does.
bool library_fuses() {
  const char* capability = std::getenv("ATEN_CPU_CAPABILITY");
  return __builtin_cpu_supports("fma") != 0 && (capability == nullptr || std::string(capability) != "default");
}

/// Parameters of sizes around the vector widths and the pieces that threads take.
struct Plain : torch::nn::Module {
  Plain() {
    const std::vector<std::vector<std::int64_t>> shapes = {{1}, {7}, {17, 3}, {16}, {31}, {40'003}, {3, 5, 3, 3}};
    for (const auto& shape : shapes) {
      at::manual_seed(shape.size() + static_cast<std::uint64_t>(shape[0]));
      at::Tensor value = at::randn(shape);
      if (shape.size() == 4) value = value.contiguous(at::MemoryFormat::ChannelsLast);
      register_parameter(std::to_string(parameters().size()), value);
    }
  }
  void make_gradients(std::uint64_t step) {
    std::uint64_t i = 0;
    for (at::Tensor& p : parameters()) {
      at::manual_seed(1000 * step + i++);
      p.mutable_grad() = at::randn_like(p.detach());
    }
  }
};

TEST(TorchOptim, SgdEqualsTorchBitForBit) {
  if (!library_fuses()) GTEST_SKIP() << "this CPU has no fused multiply-add: the roundings differ";
  for (const auto& [momentum, nesterov, decay] :
       {std::tuple(0.0, false, 0.0), std::tuple(0.0, false, 1e-3), std::tuple(0.9, false, 0.0),
        std::tuple(0.9, false, 1e-4), std::tuple(0.9, true, 5e-4), std::tuple(0.95, true, 0.0)}) {
    Plain ours, theirs;
    OptimizerOptions options;
    options.momentum = momentum;
    options.nesterov = nesterov;
    const auto optimizer = make_optimizer(options, collect_parameters(ours, decay, true));
    torch::optim::SGD sgd(theirs.parameters(),
                          torch::optim::SGDOptions(0.1).momentum(momentum).weight_decay(decay).nesterov(nesterov));
    for (std::uint64_t step = 0; step < 20; ++step) {
      ours.make_gradients(step);
      theirs.make_gradients(step);
      optimizer->step(0.1, 1);
      sgd.step();
    }
    const std::vector<at::Tensor> a = ours.parameters();
    const std::vector<at::Tensor> b = theirs.parameters();
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(at::equal(a[i], b[i])) << "parameter " << i << ", momentum " << momentum << ", nesterov " << nesterov
                                         << ", decay " << decay << ": " << a[i].sub(b[i]).abs().max().item<double>();
    }
  }
}

/// Compares 20 steps in float or double within a tolerance.
void expect_close(const std::string& name, at::ScalarType type, double tolerance) {
  Plain ours, theirs;
  ours.to(type);
  theirs.to(type);
  OptimizerOptions options;
  options.optimizer = name;
  options.nesterov = true;
  const auto optimizer = make_optimizer(options, collect_parameters(ours, 0.01, true));
  std::unique_ptr<torch::optim::Optimizer> torch_optimizer;
  if (name == "sgd") {
    torch_optimizer = std::make_unique<torch::optim::SGD>(
        theirs.parameters(), torch::optim::SGDOptions(0.01).momentum(0.9).weight_decay(0.01).nesterov(true));
  } else {
    torch_optimizer = std::make_unique<torch::optim::AdamW>(
        theirs.parameters(), torch::optim::AdamWOptions(0.01).betas({0.9, 0.999}).eps(1e-8).weight_decay(0.01));
  }
  for (std::uint64_t step = 0; step < 20; ++step) {
    ours.make_gradients(step);
    theirs.make_gradients(step);
    optimizer->step(0.01, 1);
    torch_optimizer->step();
  }
  const std::vector<at::Tensor> a = ours.parameters();
  const std::vector<at::Tensor> b = theirs.parameters();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double largest = b[i].abs().max().item<double>();
    EXPECT_LE(a[i].sub(b[i]).abs().max().item<double>(), tolerance * largest) << name << " parameter " << i;
  }
}

TEST(TorchOptim, SgdWithinRoundingOnEveryCpu) {
  expect_close("sgd", at::kFloat, 1e-6);
  expect_close("sgd", at::kDouble, 1e-14);
}

TEST(TorchOptim, AdamWWithinRounding) {
  expect_close("adamw", at::kFloat, 1e-6);
  expect_close("adamw", at::kDouble, 1e-14);
}

/// Losses of a few steps; `torch_sgd` trains with torch's own optimiser.
std::vector<float> short_training(const std::string& impl, bool torch_sgd) {
  quant::LayerPolicy policy(testing::denseshift_options(3, impl), "paper", {});
  const auto model = nn::make_classifier("resnet20", 10, policy);
  nn::initialize(*model, 1);
  model->train();
  std::unique_ptr<Optimizer> ours;
  std::unique_ptr<torch::optim::SGD> theirs;
  if (torch_sgd) {
    theirs = std::make_unique<torch::optim::SGD>(model->parameters(),
                                                 torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(1e-4));
  } else {
    ours = make_optimizer({}, collect_parameters(*model, 1e-4, true));
  }
  at::manual_seed(5);
  const at::Tensor images = at::randn({8, 3, 32, 32});
  const at::Tensor labels = at::randint(10, {8}, at::kLong);
  std::vector<float> losses;
  for (int step = 0; step < 7; ++step) {
    torch_sgd ? theirs->zero_grad() : ours->zero_grad();
    const at::Tensor loss = at::cross_entropy_loss(model->forward(images), labels);
    loss.backward();
    losses.push_back(loss.item<float>());
    torch_sgd ? (void)theirs->step() : ours->step(0.1, 1);
  }
  return losses;
}

TEST(TorchOptim, LossesOfATrainingAreEqualBitForBit) {
  if (!library_fuses()) GTEST_SKIP() << "this CPU has no fused multiply-add: the roundings differ";
  const std::vector<float> expected = short_training("reference", true);
  EXPECT_NE(expected.front(), expected.back());
  EXPECT_EQ(short_training("leaf", false), expected);
  EXPECT_EQ(short_training("function", false), expected);
  EXPECT_EQ(short_training("reference", false), expected);
  EXPECT_EQ(short_training("function", true), expected);
}

}  // namespace
}  // namespace denseshift::optim
