// Biases and random starts of convolutions, and batch norms that are frozen.

#include "core/nn/layers.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/io/state_dict.h"
#include "core/nn/model.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

constexpr std::int64_t kIn = 64, kOut = 32, kKernel = 3, kFanIn = kIn * kKernel * kKernel;

std::shared_ptr<Conv2d> convolution(const std::string& method, std::int64_t bits, bool bias = true) {
  quant::MethodOptions options;
  options.method = method;
  options.wbits = bits;
  quant::LayerPolicy policy(options, "all", {});
  return std::make_shared<Conv2d>(quant::LayerSite{}, kIn, kOut, kKernel, quant::ConvGeometry{1, 1, 1, 1}, policy,
                                  bias);
}

/// In a network, as initialize() draws by layer names.
std::shared_ptr<Conv2d> started(const std::string& method, std::int64_t bits, const ConvStart& start) {
  auto conv = convolution(method, bits);
  conv->set_start(start);
  torch::nn::Module network;
  network.register_module("conv", conv);
  initialize(network, 3);
  return conv;
}

at::Tensor tensor_of(Conv2d& conv, const std::string& name) {
  for (const quant::NamedTensor& item : io::state_of(conv)) {
    if (item.name == name) return item.tensor.detach();
  }
  throw std::logic_error("no tensor " + name);
}

TEST(ConvBias, IsAddedPerChannelAndTrained) {
  const auto conv = started("fp32", 32, {});
  EXPECT_FALSE(convolution("fp32", 32, false)->named_parameters().contains("bias"));
  const at::Tensor x = at::randn({2, kIn, 5, 7});
  const at::Tensor y = conv->forward(x);
  const at::Tensor wanted = at::conv2d(x, tensor_of(*conv, "weight"), tensor_of(*conv, "bias"), 1, 1);
  EXPECT_TRUE(at::allclose(y, wanted, 1e-5, 1e-5));
  y.sum().backward();
  EXPECT_TRUE(at::equal(conv->named_parameters()["bias"].grad(), at::full({kOut}, 2.0 * 5 * 7)));
}

TEST(ConvStart, DrawsWhatTheNetworkAsksFor) {
  using Weight = ConvStart::Weight;
  const double xavier = std::sqrt(6.0 / (kFanIn + kOut * kKernel * kKernel));
  const std::vector<std::pair<Weight, double>> bounds = {{Weight::framework, std::sqrt(1.0 / kFanIn)},
                                                         {Weight::kaiming_uniform, std::sqrt(3.0 / kFanIn)},
                                                         {Weight::xavier_uniform, xavier}};
  for (const auto& [weight, bound] : bounds) {
    const at::Tensor drawn = tensor_of(*started("fp32", 32, {.weight = weight}), "weight");
    EXPECT_LE(drawn.abs().max().item<double>(), bound * (1 + 1e-6));
    EXPECT_NEAR(drawn.std().item<double>(), bound / std::sqrt(3.0), 0.02 * bound);
  }
  const at::Tensor normal = tensor_of(*started("fp32", 32, {.weight = Weight::normal, .deviation = 0.25}), "weight");
  EXPECT_NEAR(normal.std().item<double>(), 0.25, 0.01);
  const at::Tensor usual = tensor_of(*started("fp32", 32, {}), "weight");
  EXPECT_NEAR(usual.std().item<double>(), std::sqrt(2.0 / (kOut * kKernel * kKernel)), 0.002);
}

TEST(ConvStart, BiasIsUniformOrConstant) {
  const at::Tensor drawn = tensor_of(*started("fp32", 32, {}), "bias");
  EXPECT_LE(drawn.abs().max().item<double>(), std::sqrt(1.0 / kFanIn));
  EXPECT_GT(drawn.std().item<double>(), 0.3 * std::sqrt(1.0 / kFanIn));
  const at::Tensor constant = tensor_of(*started("denseshift", 3, {.bias = -4.5}), "bias");
  EXPECT_TRUE(at::equal(constant, at::full({kOut}, -4.5)));
}

TEST(ConvStart, MethodsWithAStoredWeightTakeItOthersKeepTheirs) {
  const ConvStart start{.weight = ConvStart::Weight::normal, .deviation = 0.25};
  EXPECT_NEAR(tensor_of(*started("twn", 2, start), "weight").std().item<double>(), 0.25, 0.01);
  EXPECT_NEAR(tensor_of(*started("denseshift", 3, start), "w_sign").std().item<double>(), 1e-3, 1e-4);
}

TEST(FrozenNorm, HasTheSameTensorsButTrainsNone) {
  BatchNorm2d usual(4), frozen(4, true);
  const auto a = io::state_of(usual), b = io::state_of(frozen);
  ASSERT_EQ(a.size(), b.size());
  std::vector<std::string> names, expected;
  for (const quant::NamedTensor& item : a) expected.push_back(item.name);
  for (const quant::NamedTensor& item : b) names.push_back(item.name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAreArray(expected));
  EXPECT_TRUE(frozen.parameters().empty());
  EXPECT_EQ(usual.parameters().size(), 2u);
}

TEST(FrozenNorm, TrainsAsItEvaluates) {
  BatchNorm2d frozen(3, true);
  for (const auto& item : frozen.named_buffers()) {
    if (item.key() == "running_var") item.value().fill_(4 - 1e-5);
    if (item.key() == "running_mean") item.value().fill_(2);
    if (item.key() == "weight") item.value().fill_(3);
  }
  frozen.train();
  at::Tensor x = at::randn({1, 3, 1, 1}).requires_grad_(true);
  const at::Tensor y = frozen.forward(x);
  EXPECT_TRUE(at::allclose(y, (x - 2) * 1.5));
  y.sum().backward();
  EXPECT_TRUE(at::allclose(x.grad(), at::full({1, 3, 1, 1}, 1.5)));
  for (const auto& item : frozen.named_buffers()) {
    if (item.key() == "running_mean") {
      EXPECT_TRUE(at::equal(item.value(), at::full({3}, 2.0)));
    }
    if (item.key() == "num_batches_tracked") {
      EXPECT_EQ(item.value().item<std::int64_t>(), 0);
    }
  }
}

TEST(BatchNorm, OneValuePerChannelCannotTrain) {
  BatchNorm2d norm(3);
  norm.train();
  EXPECT_THROW((void)norm.forward(at::ones({1, 3, 1, 1})), Error);
  norm.eval();
  EXPECT_NO_THROW((void)norm.forward(at::ones({1, 3, 1, 1})));
}

TEST(Models, TakeOtherThanThreeInputChannels) {
  quant::LayerPolicy policy({}, "paper", {});
  const auto model = make_model("resnet18", ModelOptions{.policy = policy, .classes = 5, .channels = 1});
  EXPECT_EQ(model->forward(at::zeros({2, 1, 64, 40})).sizes(), at::IntArrayRef({2, 5}));
  EXPECT_EQ(describe(*model, 32).layers.front().shape, (std::vector<std::int64_t>{64, 1, 7, 7}));
}

}  // namespace
}  // namespace denseshift::nn
