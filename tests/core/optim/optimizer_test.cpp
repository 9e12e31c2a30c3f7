// Our optimisers: norms, clipping, exemption from decay, names of the state.

#include "core/optim/optimizer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/nn/layers.h"
#include "core/nn/model.h"
#include "core/util/error.h"
#include "tests/core/quant/denseshift_support.h"

namespace denseshift::optim {
namespace {

using ::testing::HasSubstr;
using testing::implementations;

std::shared_ptr<nn::Classifier> small_network(const std::string& impl, std::uint64_t seed = 3) {
  quant::LayerPolicy policy(testing::denseshift_options(3, impl), "paper", {"layer2.0.conv1=denseshift:4"});
  auto model = nn::make_classifier("resnet20", 10, policy);
  nn::initialize(*model, seed);
  model->train();
  return model;
}

void backward(nn::Classifier& model, std::uint64_t seed) {
  at::manual_seed(seed);
  const at::Tensor images = at::randn({4, 3, 16, 16});
  const at::Tensor labels = at::randint(10, {4}, at::kLong);
  at::cross_entropy_loss(model.forward(images), labels).backward();
}

/// Norm over gradients of all trained tensors, each of them materialised by the autograd function.
double norm_by_autograd() {
  const auto model = small_network("function");
  backward(*model, 1);
  double sum = 0;
  for (const at::Tensor& p : model->parameters()) sum += p.grad().to(at::kDouble).square().sum().item<double>();
  return std::sqrt(sum);
}

TEST(GradientNorm, CountsReferencesOfLeaves) {
  const double expected = norm_by_autograd();
  ASSERT_GT(expected, 0);
  for (const std::string& impl : implementations()) {
    const auto model = small_network(impl);
    const auto optimizer = make_optimizer({}, collect_parameters(*model, 0, true));
    backward(*model, 1);
    EXPECT_NEAR(optimizer->gradient_norm(), expected, 1e-10 * expected) << impl;
    optimizer->zero_grad();
    EXPECT_EQ(optimizer->gradient_norm(), 0) << impl;
  }
}

/// The largest difference of two networks' states relative to the values' size.
double difference(nn::Classifier& a, nn::Classifier& b) {
  double largest = 0;
  const auto pa = a.named_parameters();
  const auto pb = b.named_parameters();
  for (const auto& item : pa) {
    const at::Tensor x = item.value().detach();
    const at::Tensor y = pb[item.key()].detach();
    largest = std::max(largest, x.sub(y).abs().max().item<double>() / (x.abs().max().item<double>() + 1e-30));
  }
  return largest;
}

/// One step of two equal networks: gradients scaled by the optimiser, and scaled before it.
double scaled_step_difference(const std::string& impl, const std::string& name, double scale) {
  const auto by_optimizer = small_network(impl);
  const auto beforehand = small_network("function");
  OptimizerOptions options;
  options.optimizer = name;
  const auto a = make_optimizer(options, collect_parameters(*by_optimizer, 1e-4, true));
  const auto b = make_optimizer(options, collect_parameters(*beforehand, 1e-4, true));
  for (std::uint64_t step = 0; step < 2; ++step) {
    a->zero_grad();
    b->zero_grad();
    backward(*by_optimizer, step);
    backward(*beforehand, step);
    for (at::Tensor& p : beforehand->parameters()) p.mutable_grad().mul_(scale);
    a->step(1e-4, scale);
    b->step(1e-4, 1);
  }
  return difference(*by_optimizer, *beforehand);
}

TEST(GradientScale, EqualsScaledGradients) {
  for (const std::string& impl : implementations()) {
    EXPECT_EQ(scaled_step_difference(impl, "sgd", 0.25), 0) << impl << ": a power of two rounds nothing";
    EXPECT_LT(scaled_step_difference(impl, "sgd", 0.3), 1e-6) << impl;
  }
  EXPECT_LT(scaled_step_difference("function", "adamw", 0.25), 1e-6);
}

TEST(WeightDecay, SwitchExemptsReferencesOnly) {
  for (const std::string& impl : implementations()) {
    const auto model = small_network(impl);
    for (const bool decay_references : {true, false}) {
      const ParameterSet set = collect_parameters(*model, 0.5, decay_references);
      std::vector<Parameter> all = set.ordinary;
      for (const LeafWeight& leaf : set.leaves) all.insert(all.end(), leaf.references.begin(), leaf.references.end());
      EXPECT_EQ(all.size(), model->parameters().size()) << impl << ": each tensor once";
      for (const Parameter& p : all) {
        const bool reference = p.name.find(".w_") != std::string::npos;
        EXPECT_EQ(p.weight_decay, reference && !decay_references ? 0 : 0.5) << impl << " " << p.name;
      }
    }
    EXPECT_EQ(collect_parameters(*model, 0, true).leaves.size(), impl == "leaf" ? 18u : 0u);
  }
}

TEST(WeightDecay, MovesExemptReferencesNotAtAll) {
  for (const std::string& impl : implementations()) {
    const auto model = small_network(impl);
    const auto before = small_network(impl);
    const auto optimizer = make_optimizer({}, collect_parameters(*model, 0.5, false));
    const at::Tensor zero = model->forward(at::randn({2, 3, 16, 16})).sum().mul(0);
    zero.backward();
    optimizer->step(0.1, 1);
    const auto now = model->named_parameters();
    const auto then = before->named_parameters();
    for (const auto& item : now) {
      const at::Tensor expected =
          item.key().find(".w_") != std::string::npos ? then[item.key()] : then[item.key()].mul(0.95);
      EXPECT_TRUE(at::allclose(item.value(), expected, 1e-6, 0)) << impl << " " << item.key();
    }
  }
}

TEST(OptimizerState, NamesDoNotDependOnTheImplementation) {
  std::vector<std::set<std::string>> names;
  for (const std::string& impl : implementations()) {
    const auto model = small_network(impl);
    std::set<std::string>& set = names.emplace_back();
    for (const auto& item : make_optimizer({}, collect_parameters(*model, 0, true))->state()) set.insert(item.name);
  }
  EXPECT_EQ(names[0], names[1]);
  EXPECT_EQ(names[0], names[2]);
  EXPECT_TRUE(names[0].contains("momentum.layer1.0.conv1.w_sign"));
  EXPECT_TRUE(names[0].contains("momentum.layer2.0.conv1.w_7"));
  EXPECT_TRUE(names[0].contains("momentum.bn1.weight"));
}

TEST(Optimizers, UnknownNamesAndLeavesUnderAdamW) {
  const auto model = small_network("leaf");
  const auto message = [&](const std::string& name) -> std::string {
    OptimizerOptions options;
    options.optimizer = name;
    try {
      (void)make_optimizer(options, collect_parameters(*model, 0, true));
    } catch (const Error& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return "no error";
  };
  EXPECT_EQ(message("sgd"), "no error");
  EXPECT_THAT(message("adam"), HasSubstr("optimizer: unknown value 'adam' | did you mean adamw?"));
  EXPECT_THAT(message("adamw"), HasSubstr("leaf works with sgd only"));
}

}  // namespace
}  // namespace denseshift::optim
