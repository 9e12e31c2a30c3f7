// Backbones of classifiers under the names of other networks.

#include "core/nn/backbone.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/io/state_dict.h"
#include "core/nn/layers.h"
#include "core/nn/model.h"
#include "core/nn/segmentation/deeplabv3.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Tensors = std::map<std::string, at::Tensor>;

struct Weights {
  std::string method = "fp32";
  std::int64_t wbits = 32;
  std::int64_t abits = 32;
};

quant::LayerPolicy policy_of(const Weights& weights) {
  quant::MethodOptions options;
  options.method = weights.method;
  options.wbits = weights.wbits;
  return {options, "paper", {}};
}

Tensors state_map(torch::nn::Module& model) {
  Tensors result;
  for (const quant::NamedTensor& item : io::state_of(model)) result[item.name] = item.tensor.detach().clone();
  return result;
}

Tensors classifier_tensors(const std::string& arch, const Weights& weights) {
  quant::LayerPolicy policy = policy_of(weights);
  const auto model = make_classifier(arch, ModelOptions{.policy = policy, .classes = 10, .abits = weights.abits});
  initialize(*model, 5);
  return state_map(*model);
}

std::shared_ptr<Segmenter> segmenter(const std::string& backbone, const Weights& weights) {
  quant::LayerPolicy policy = policy_of(weights);
  auto model = make_deeplabv3(backbone, ModelOptions{.policy = policy, .classes = 4, .abits = weights.abits});
  initialize(*model, 6);
  return model;
}

BackboneNames ssd_names() { return {"feature_extractor.feature_extractor.", "0", "1", "2", {"4", "5", "6"}}; }

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_status(), 2);
    return error.what();
  }
  return "no error";
}

TEST(BackboneTensors, AreRenamedPartByPart) {
  const Tensors source = {{"conv1.weight", at::ones({1})},
                          {"bn1.running_mean", at::ones({1})},
                          {"act.alpha", at::ones({1})},
                          {"layer1.0.conv1.w_sign", at::ones({1})},
                          {"layer2.0.downsample.0.w_1", at::ones({1})},
                          {"layer3.1.act1.alpha", at::ones({1})},
                          {"layer4.0.conv1.weight", at::ones({1})},
                          {"fc.weight", at::ones({1})}};
  std::vector<std::string> names;
  for (const auto& [name, tensor] : backbone_tensors(source, "source", ssd_names())) names.push_back(name);
  const std::string prefix = "feature_extractor.feature_extractor.";
  EXPECT_THAT(names,
              ElementsAre(prefix + "0.weight", prefix + "1.running_mean", prefix + "2.alpha",
                          prefix + "4.0.conv1.w_sign", prefix + "5.0.downsample.0.w_1", prefix + "6.1.act1.alpha"));
  BackboneNames fcos;
  fcos.prefix = "backbone.body.";
  const Tensors renamed = backbone_tensors(source, "source", fcos);
  EXPECT_EQ(renamed.size(), 7u);
  EXPECT_EQ(renamed.count("backbone.body.layer4.0.conv1.weight"), 1u);
  EXPECT_THAT(message_of([] {
                (void)backbone_tensors({{"features.0.weight", at::ones({1})}}, "vgg.pth", {});
              }),
              HasSubstr("vgg.pth: no tensor is named like a part of a ResNet"));
}

TEST(BackboneTensors, PrefixesOfTheFirstParts) {
  EXPECT_TRUE(backbone_prefixes({}, 0).empty());
  EXPECT_THAT(backbone_prefixes({}, 2), ElementsAre("conv1.", "bn1.", "act.", "layer1."));
  EXPECT_EQ(backbone_prefixes(ssd_names(), 3).back(), "feature_extractor.feature_extractor.5.");
  EXPECT_EQ(backbone_prefixes(ssd_names(), 9).size(), 6u);
}

TEST(LoadBackbone, FillsTheBackboneAndNothingElse) {
  for (const Weights& weights : {Weights{}, Weights{"denseshift", 3}, Weights{"denseshift", 2, 4}}) {
    Tensors source = classifier_tensors("resnet18", weights);
    for (auto& [name, tensor] : source) {
      if (name.find("alpha") != std::string::npos) tensor.fill_(3.5);
    }
    const auto model = segmenter("resnet18", weights);
    const Tensors before = state_map(*model);
    const TransferReport report = load_backbone(*model, source, "source");
    EXPECT_TRUE(report.reset.empty());
    EXPECT_TRUE(report.unexpected.empty());
    int taken = 0;
    for (const auto& [name, tensor] : state_map(*model)) {
      const bool in_backbone = name.rfind("backbone.", 0) == 0;
      const auto from = in_backbone ? source.find(name.substr(9)) : source.end();
      // The last stage's output is read by the head's quantized convolutions; the classifier read it as it was.
      if (in_backbone && from == source.end()) {
        EXPECT_EQ(name, "backbone.layer4.1.act.alpha");
        continue;
      }
      EXPECT_TRUE(at::equal(tensor, in_backbone ? from->second : before.at(name))) << name;
      taken += in_backbone;
    }
    EXPECT_EQ(static_cast<std::size_t>(taken), source.size() - 2);  // without fc.weight and fc.bias
  }
}

TEST(LoadBackbone, QuantizersStartFromFullPrecisionWeights) {
  const Tensors source = classifier_tensors("resnet18", {});
  const auto model = segmenter("resnet18", {"twn", 2});
  EXPECT_EQ(load_backbone(*model, source, "source").copied, 1 + 5 + 19 * 5 + 19);
  EXPECT_THAT(message_of([&] {
                (void)load_backbone(*segmenter("resnet18", {"denseshift", 3}), source, "source");
              }),
              HasSubstr("source: denseshift weights have no start"));
}

TEST(LoadBackbone, QuantizedActivationsMayBeOnOneSideAlone) {
  const Tensors with = classifier_tensors("resnet18", {"denseshift", 3, 4});
  EXPECT_FALSE(load_backbone(*segmenter("resnet18", {"denseshift", 3}), with, "source").unexpected.empty());
  const Tensors without = classifier_tensors("resnet18", {"denseshift", 3});
  EXPECT_FALSE(load_backbone(*segmenter("resnet18", {"denseshift", 3, 4}), without, "source").fresh.empty());
}

TEST(LoadBackbone, OtherBackbonesAreRefused) {
  const auto load = [](const std::string& from, const std::string& to) {
    return message_of([&] { (void)load_backbone(*segmenter(to, {}), classifier_tensors(from, {}), "file"); });
  };
  EXPECT_THAT(load("resnet34", "resnet18"), HasSubstr("file: its backbone is not the network's"));
  EXPECT_THAT(load("resnet18", "resnet34"), HasSubstr("is missing"));
  EXPECT_THAT(load("resnet20", "resnet18"), HasSubstr("file: its backbone is not the network's"));
}

}  // namespace
}  // namespace denseshift::nn
