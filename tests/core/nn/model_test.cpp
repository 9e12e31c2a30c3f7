// Sizes, names and random starts of the networks.

#include "core/nn/model.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/io/state_dict.h"
#include "core/nn/layers.h"
#include "core/quant/fp32.h"

namespace denseshift::nn {
namespace {

std::shared_ptr<Classifier> build(const std::string& arch, std::int64_t classes, const std::string& method = "fp32",
                                  std::int64_t bits = 32, const std::string& impl = "auto") {
  quant::MethodOptions options;
  options.method = method;
  options.wbits = bits;
  options.impl = impl;
  quant::LayerPolicy policy(options, "paper", {});
  return make_classifier(arch, classes, policy);
}

TEST(Models, ImageNetNetworksHaveTorchvisionsSizes) {
  struct Row {
    const char* arch;
    std::int64_t parameters;
    std::size_t state_entries;
    double giga_macs;
  };
  // Parameters and entries: design/tasks 0.1. Multiply-accumulates: what torchvision publishes with its weights.
  for (const Row& row : {Row{"resnet18", 11'689'512, 122, 1.814}, Row{"resnet34", 21'797'672, 218, 3.664},
                         Row{"resnet50", 25'557'032, 320, 4.089}, Row{"resnet101", 44'549'160, 626, 7.801}}) {
    const auto model = build(row.arch, 1000);
    const ModelFacts facts = describe(*model, 224);
    EXPECT_EQ(facts.parameters, row.parameters) << row.arch;
    EXPECT_EQ(facts.trained_values, row.parameters) << row.arch;
    EXPECT_EQ(facts.quantized_weights, 0) << row.arch;
    EXPECT_EQ(facts.bytes, 4 * row.parameters) << row.arch;
    EXPECT_EQ(facts.bytes_fp32, 4 * row.parameters) << row.arch;
    EXPECT_EQ(io::state_of(*model).size(), row.state_entries) << row.arch;
    EXPECT_NEAR(static_cast<double>(facts.macs) * 1e-9, row.giga_macs, 0.0005) << row.arch;
  }
}

TEST(Models, CifarNetworksHaveShortcutsWithoutWeights) {
  const auto model = build("resnet20", 10);
  const ModelFacts facts = describe(*model, 32);
  EXPECT_EQ(facts.parameters, 269'722);
  EXPECT_EQ(facts.layers.size(), 20u);  // 19 convolutions and the classifier
  EXPECT_EQ(facts.macs, 40'551'040);  // 3x3 convolutions: 442,368 + 6 and 5 and 5 of 2,359,296 + 2 of 1,179,648; fc 640
  const std::vector<std::pair<const char*, std::size_t>> depths = {
      {"resnet32", 32}, {"resnet44", 44}, {"resnet56", 56}};
  for (const auto& [arch, layers] : depths) EXPECT_EQ(weight_layers(*build(arch, 10)).size(), layers) << arch;
}

TEST(Models, BytesAtLowBits) {
  for (const std::int64_t bits : {2, 3, 4}) {
    const auto model = build("resnet18", 1000, "denseshift", bits, "function");
    const ModelFacts facts = describe(*model, 32);
    EXPECT_EQ(facts.parameters, 11'689'512);
    EXPECT_EQ(facts.quantized_weights, 11'157'504);
    EXPECT_EQ(facts.bytes, 11'157'504 * bits / 8 + 4 * (11'689'512 - 11'157'504));
    const std::int64_t references = std::int64_t{1} << (bits - 1);  // T + 1
    EXPECT_EQ(facts.trained_values, 11'689'512 + (references - 1) * 11'157'504);
  }
}

TEST(Models, DescriptionKeepsTheMode) {
  const auto model = build("resnet20", 10);
  model->train();
  (void)describe(*model, 32);
  EXPECT_TRUE(model->is_training());
  model->eval();
  (void)describe(*model, 32);
  EXPECT_FALSE(model->is_training());
}

TEST(Models, FeaturesEndInTheLogits) {
  for (const char* arch : {"resnet18", "resnet20"}) {
    const auto model = build(arch, 7, "denseshift", 3);
    initialize(*model, 1);
    model->eval();
    const at::NoGradGuard no_grad;
    const at::Tensor images = at::randn({2, 3, 32, 32});
    const std::vector<quant::NamedTensor> features = model->features(images);
    ASSERT_GE(features.size(), 4u);
    EXPECT_EQ(features.front().name, "stem");
    EXPECT_EQ(features.back().name, "layer" + std::to_string(features.size() - 1));
    at::Tensor weight, bias;
    for (const quant::NamedTensor& item : io::state_of(*model)) {
      if (item.name == "fc.weight") weight = item.tensor;
      if (item.name == "fc.bias") bias = item.tensor;
    }
    EXPECT_TRUE(at::equal(at::linear(features.back().tensor.mean({2, 3}), weight, bias), model->forward(images)));
  }
}

TEST(Initialize, FullPrecisionLayersStartAsInTorchvision) {
  const auto model = build("resnet18", 1000);
  initialize(*model, 4);
  for (const auto& [name, layer] : weight_layers(*model)) {
    const at::Tensor weight = layer->quantizer().parameters()[0].tensor.detach();
    if (layer->site().kind == quant::LayerSite::Kind::linear) {
      const double bound = 1 / std::sqrt(512.0);
      EXPECT_LE(weight.abs().max().item<double>(), bound);
      EXPECT_NEAR(weight.std().item<double>(), bound / std::sqrt(3.0), 0.01 * bound);
    } else {
      const double expected = std::sqrt(2.0 / static_cast<double>(weight.size(0) * weight.size(2) * weight.size(3)));
      EXPECT_DOUBLE_EQ(quant::kaiming_std(weight.sizes().vec()), expected);
      EXPECT_NEAR(weight.std().item<double>(), expected, 0.03 * expected) << name;
    }
  }
}

std::map<std::string, at::Tensor> state_map(Classifier& model) {
  std::map<std::string, at::Tensor> result;
  for (const quant::NamedTensor& item : io::state_of(model)) result[item.name] = item.tensor;
  return result;
}

TEST(Initialize, EqualLayersOfTwoNetworksStartEqual) {
  const auto full = build("resnet20", 10);
  const auto low = build("resnet20", 10, "denseshift", 2);
  initialize(*full, 9);
  initialize(*low, 9);
  const auto a = state_map(*full);
  const auto b = state_map(*low);
  for (const char* name : {"conv1.weight", "fc.weight", "fc.bias"}) EXPECT_TRUE(at::equal(a.at(name), b.at(name)));
  EXPECT_FALSE(at::equal(a.at("layer1.0.conv1.weight"), a.at("layer1.0.conv2.weight"))) << "layers draw independently";
}

TEST(Initialize, SameSeedSameStartOtherSeedOtherStart) {
  const auto one = build("resnet20", 10, "denseshift", 3);
  const auto again = build("resnet20", 10, "denseshift", 3, "reference");
  const auto other = build("resnet20", 10, "denseshift", 3);
  initialize(*one, 1);
  initialize(*again, 1);
  initialize(*other, 2);
  const auto a = state_map(*one);
  const auto b = state_map(*again);
  const auto c = state_map(*other);
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
    const bool drawn = name.find("bn") == std::string::npos;
    EXPECT_EQ(at::equal(tensor, c.at(name)), !drawn) << name;
  }
}

}  // namespace
}  // namespace denseshift::nn
