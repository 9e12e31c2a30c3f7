// Where activations are quantized, the width of networks, and what of both a state holds.

#include "core/nn/activation_layer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/io/state_dict.h"
#include "core/nn/layers.h"
#include "core/nn/transfer.h"
#include "core/optim/optimizer.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct WantedLayers {
  std::string arch = "resnet18";
  std::int64_t abits = 8;
  std::string activation = "pact";
  std::string method = "denseshift";
  std::vector<std::string> rules = {};
  std::int64_t width = 1;
  std::int64_t wbits = 3;
};

std::shared_ptr<Classifier> build_layers(const WantedLayers& wanted) {
  quant::MethodOptions options;
  options.method = wanted.method;
  options.wbits = wanted.method == "fp32" ? 32 : wanted.wbits;
  quant::LayerPolicy policy(options, "paper", wanted.rules);
  return make_classifier(wanted.arch, ModelOptions{.policy = policy,
                                                   .classes = 10,
                                                   .width = wanted.width,
                                                   .abits = wanted.abits,
                                                   .activation = wanted.activation});
}

/// Large networks take long to fill, so only tests that run one do.
std::shared_ptr<Classifier> initialized(const WantedLayers& wanted) {
  auto model = build_layers(wanted);
  initialize(*model, 1);
  return model;
}

std::vector<std::string> names(const WantedLayers& wanted) {
  const auto model = build_layers(wanted);
  std::vector<std::string> result;
  for (const auto& [name, layer] : activation_layers(*model)) result.push_back(name);
  return result;
}

TEST(ActivationPlacement, OnePerReLUButNeverTheClassifiersInput) {
  EXPECT_THAT(names({}),
              ElementsAre("act", "layer1.0.act1", "layer1.0.act", "layer1.1.act1", "layer1.1.act", "layer2.0.act1",
                          "layer2.0.act", "layer2.1.act1", "layer2.1.act", "layer3.0.act1", "layer3.0.act",
                          "layer3.1.act1", "layer3.1.act", "layer4.0.act1", "layer4.0.act", "layer4.1.act1"));
  const std::vector<std::string> bottlenecks = names({.arch = "resnet50"});
  EXPECT_EQ(bottlenecks.size(), 1u + 3 * 16 - 1);
  EXPECT_THAT(bottlenecks, Contains("layer4.2.act2"));
  EXPECT_EQ(names({.arch = "resnet20"}).size(), 1u + 2 * 9 - 1);
}

TEST(ActivationPlacement, TheShortcutSharesTheMainPathsQuantizer) {
  const auto model = build_layers({});
  const ModelFacts facts = describe(*model, 32);
  for (const ActivationFacts& item : facts.activations) {
    EXPECT_EQ(item.method, "pact");
    EXPECT_EQ(item.bits, 8);
    if (item.name == "layer1.1.act") {
      EXPECT_THAT(item.readers, ElementsAre("layer2.0.conv1", "layer2.0.downsample.0"));
    }
    if (item.name == "act") {
      EXPECT_THAT(item.readers, ElementsAre("layer1.0.conv1"));
    }
  }
  // alpha is trained and stored, but no parameter of the full-precision network.
  const ModelFacts without = describe(*build_layers({.abits = 32}), 32);
  EXPECT_EQ(facts.trained_values, without.trained_values + 16);
  EXPECT_EQ(facts.parameters, without.parameters);
  EXPECT_EQ(facts.bytes, without.bytes + 4 * 16);
}

TEST(ActivationPlacement, AReLUWithFullPrecisionReadersStays) {
  const std::vector<std::string> some = names({.rules = {"layer1.0.*=fp32", "layer2.0.conv1=fp32"}});
  EXPECT_EQ(some.size(), 14u);  // without the stem's and layer1.0's inner one
  EXPECT_THAT(some, ::testing::Not(Contains("act")));
  EXPECT_THAT(some, ::testing::Not(Contains("layer1.0.act1")));
  EXPECT_THAT(some, Contains("layer1.1.act"));  // the shortcut still reads it
  EXPECT_THAT(names({.rules = {"layer2.0.conv1=fp32", "layer2.0.downsample.0=fp32"}}),
              ::testing::Not(Contains("layer1.1.act")));
}

TEST(ActivationPlacement, NothingToQuantizeIsAnError) {
  try {
    (void)build_layers({.method = "fp32"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("abits: no quantized layer reads activations that could have 8 bits"));
  }
}

TEST(ActivationPlacement, FullPrecisionActivationsKeepTheNames) {
  for (const quant::NamedTensor& item : io::state_of(*build_layers({.abits = 32}))) {
    EXPECT_THAT(item.name, ::testing::Not(HasSubstr("act")));
  }
}

TEST(ActivationTraining, EveryMethodTrains) {
  at::manual_seed(1);
  const at::Tensor images = at::randn({4, 3, 32, 32});
  for (const WantedLayers& wanted : {WantedLayers{.arch = "resnet20", .abits = 8}, WantedLayers{.abits = 4},
                                     WantedLayers{.abits = 2, .activation = "hwgq"},
                                     WantedLayers{.arch = "resnet20", .abits = 2, .activation = "hwgq-nonuniform"},
                                     WantedLayers{.arch = "resnet20", .abits = 3, .activation = "lq-nets"}}) {
    const auto model = initialized(wanted);
    model->train();
    const auto optimizer = optim::make_optimizer({}, optim::collect_parameters(*model, 1e-4, true));
    model->forward(images).square().sum().backward();
    for (const auto& [name, layer] : activation_layers(*model)) {
      EXPECT_TRUE(layer->quantizer().training());
      for (const quant::NamedTensor& p : layer->quantizer().parameters())
        EXPECT_TRUE(p.tensor.grad().defined()) << name;
    }
    optimizer->step(1e-3, 1);
    model->eval();
    for (const auto& [name, layer] : activation_layers(*model)) EXPECT_FALSE(layer->quantizer().training()) << name;
    EXPECT_TRUE(model->forward(images).isfinite().all().item<bool>());
  }
}

TEST(ActivationTraining, AlphaDecaysLikeAnyParameter) {
  const auto model = build_layers({});
  int alphas = 0;
  for (const optim::Parameter& p : optim::collect_parameters(*model, 1e-4, false).ordinary) {
    if (p.name.find("alpha") == std::string::npos) continue;
    EXPECT_EQ(p.weight_decay, 1e-4) << p.name;
    ++alphas;
  }
  EXPECT_EQ(alphas, 16);
}

TEST(ActivationState, IsSavedAndLoaded) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "activation_state.safetensors";
  at::manual_seed(4);
  const at::Tensor images = at::randn({4, 3, 32, 32});
  for (const WantedLayers& wanted :
       {WantedLayers{.arch = "resnet20"}, WantedLayers{.arch = "resnet20", .abits = 2, .activation = "hwgq"},
        WantedLayers{.arch = "resnet20", .abits = 3, .activation = "lq-nets"}}) {
    const auto model = initialized(wanted);
    model->train();
    for (auto& p : model->parameters()) {
      const at::NoGradGuard no_grad;
      if (p.numel() == 1) p.fill_(1.25);
    }
    (void)model->forward(images);
    (void)io::save_tensors(path, io::state_of(*model), {});
    const auto copy = build_layers(wanted);
    io::load_tensors(io::SafetensorsFile(path), path.string(), "", io::state_of(*copy));
    io::state_changed(*copy);
    model->eval();
    copy->eval();
    const at::NoGradGuard no_grad;
    EXPECT_TRUE(at::equal(model->forward(images), copy->forward(images))) << wanted.activation;
  }
  std::filesystem::remove(path);
}

TEST(ActivationState, StartsFreshFromANetworkWithoutIt) {
  const auto source = initialized({.arch = "resnet20", .abits = 32, .method = "fp32"});
  std::map<std::string, at::Tensor> tensors;
  for (const quant::NamedTensor& item : io::state_of(*source)) tensors[item.name] = item.tensor.detach();
  const auto model = build_layers({.arch = "resnet20", .method = "twn", .wbits = 2});
  const TransferReport report = transfer(*model, tensors, "source", /*partial=*/false);
  EXPECT_EQ(report.fresh.size(), activation_layers(*model).size());
  EXPECT_THAT(report.fresh, Contains("act.alpha"));
}

TEST(Width, MultipliesTheChannelsOfEveryStage) {
  for (const char* arch : {"resnet18", "resnet20", "resnet50"}) {
    const auto narrow = build_layers({.arch = arch, .abits = 32});
    const auto wide = build_layers({.arch = arch, .abits = 32, .width = 2});
    const auto a = weight_layers(*narrow), b = weight_layers(*wide);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto &from = a[i].second->weight_shape(), &to = b[i].second->weight_shape();
      EXPECT_EQ(to[0], a[i].first == "fc" ? from[0] : 2 * from[0]) << a[i].first;
      EXPECT_EQ(to[1], a[i].first == "conv1" ? from[1] : 2 * from[1]) << a[i].first;
    }
  }
}

TEST(LayerSites, ProjectionsAreShortcuts) {
  const auto model = build_layers({});
  for (const auto& [name, layer] : weight_layers(*model)) {
    EXPECT_EQ(layer->site().shortcut, name.find("downsample") != std::string::npos) << name;
  }
}

}  // namespace
}  // namespace denseshift::nn
