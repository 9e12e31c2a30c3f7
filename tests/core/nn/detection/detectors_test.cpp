// The detectors as networks: names, parts, starts, quantized activations, backbones, options.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/io/state_dict.h"
#include "core/nn/activation_layer.h"
#include "core/nn/backbone.h"
#include "core/nn/detection/fcos.h"
#include "core/nn/detection/ssd.h"
#include "core/nn/layers.h"
#include "core/util/error.h"
#include "tests/core/nn/detection/small_detectors.h"

namespace denseshift::nn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kSide;
using testing::make;
using testing::method;
using testing::small;

std::vector<std::string> state_names(torch::nn::Module& model) {
  std::vector<std::string> names;
  for (const quant::NamedTensor& item : io::state_of(model)) names.push_back(item.name);
  return names;
}

TEST(Detectors, HavePublishedSizesAndNames) {
  quant::LayerPolicy policy({}, "paper", {});
  ModelOptions options{.policy = policy};
  options.category_ids = {1, 90};
  const auto count = [](torch::nn::Module& model) {
    std::int64_t parameters = 0;
    for (const at::Tensor& p : model.parameters()) parameters += p.numel();
    return parameters;
  };
  // Design/tasks 3.1: 91 channels; with frozen norms their affine terms are no parameters.
  const auto fcos = make_fcos("resnet50", options);
  EXPECT_EQ(count(*fcos), 32'322'720);
  options.freeze_norm = true;
  EXPECT_EQ(count(*make_fcos("resnet50", options)), 32'269'600);
  options.freeze_norm = false;
  const std::vector<std::string> names = state_names(*fcos);
  for (const char* name : {"backbone.body.layer4.2.bn3.running_var", "backbone.fpn.inner_blocks.2.0.bias",
                           "backbone.fpn.layer_blocks.0.0.weight", "backbone.fpn.extra_blocks.p7.bias",
                           "head.classification_head.conv.10.weight", "head.classification_head.cls_logits.bias",
                           "head.regression_head.conv.9.bias", "head.regression_head.bbox_ctrness.weight"}) {
    EXPECT_THAT(names, Contains(name));
  }
  // Design/tasks 2.1.
  options.category_ids.clear();
  options.classes = 80;
  const auto ssd = make_ssd("resnet50", options);
  EXPECT_EQ(count(*ssd), 22'894'902);
  EXPECT_EQ(count(*make_ssd("resnet18", options)), 14'048'310);
  for (const char* name :
       {"feature_extractor.feature_extractor.6.5.conv3.weight", "feature_extractor.feature_extractor.1.running_mean",
        "additional_blocks.4.3.weight", "additional_blocks.0.1.num_batches_tracked", "loc.5.bias", "conf.0.weight"}) {
    EXPECT_THAT(state_names(*ssd), Contains(name));
  }
}

/// Weights by part, as tasks 0.2 counts them.
TEST(Detectors, TellThePolicyWhatEachLayerIs) {
  quant::LayerPolicy policy({}, "paper", {});
  ModelOptions options{.policy = policy};
  options.category_ids = {90};
  std::map<std::string, std::int64_t> weights;
  std::set<std::string> predictions, unnormalized;
  const auto collect = [&](torch::nn::Module& model) {
    weights.clear(), predictions.clear(), unnormalized.clear();
    for (const auto& [name, layer] : weight_layers(model)) {
      const quant::LayerSite& site = layer->site();
      EXPECT_EQ(name, site.name);
      if (!site.first) weights[site.part + (site.extra ? " extra" : "")] += layer->weight_count();
      if (site.prediction) predictions.insert(name);
      if (!site.normalized) unnormalized.insert(name);
    }
  };
  collect(*make_fcos("resnet50", options));
  EXPECT_EQ(weights["backbone"], 23'445'504);
  EXPECT_EQ(weights["fpn"], 3'866'624);
  EXPECT_EQ(weights["head"], 4'939'776);
  EXPECT_THAT(predictions, ElementsAre("head.classification_head.cls_logits", "head.regression_head.bbox_ctrness",
                                       "head.regression_head.bbox_reg"));
  EXPECT_EQ(unnormalized.size(), 8u + 3u);
  options.category_ids.clear();
  options.classes = 80;
  collect(*make_ssd("resnet50", options));
  EXPECT_EQ(weights["backbone"], 8'503'296);
  EXPECT_EQ(weights["head extra"], 3'768'320);
  EXPECT_EQ(weights["head"], 497'664 + 10'077'696);
  EXPECT_EQ(predictions.size(), 12u);
  EXPECT_EQ(unnormalized, predictions);
}

TEST(Detectors, StartAsTheirAuthorsChose) {
  quant::LayerPolicy policy({}, "paper", {});
  const auto fcos = make("fcos", small(policy));
  const auto ssd = make("ssd", small(policy));
  const auto tensor = [](torch::nn::Module& model, const std::string& name) {
    for (const quant::NamedTensor& item : io::state_of(model)) {
      if (item.name == name) return item.tensor.detach();
    }
    ADD_FAILURE() << name;
    return at::zeros({1});
  };
  const at::Tensor logits = tensor(*fcos, "head.classification_head.cls_logits.bias");
  EXPECT_NEAR(logits.min().item<double>(), -4.59512, 1e-5);
  EXPECT_NEAR(logits.max().item<double>(), -4.59512, 1e-5);
  EXPECT_NEAR(tensor(*fcos, "head.regression_head.conv.3.weight").std().item<double>(), 0.01, 1e-3);
  EXPECT_EQ(tensor(*fcos, "head.regression_head.conv.3.bias").abs().max().item<double>(), 0);
  const double bound = std::sqrt(3.0 / (9 * 64));
  EXPECT_NEAR(tensor(*fcos, "backbone.fpn.extra_blocks.p6.weight").abs().max().item<double>(), bound, 0.01 * bound);
  EXPECT_EQ(tensor(*fcos, "backbone.fpn.extra_blocks.p6.bias").abs().max().item<double>(), 0);
  const double xavier = std::sqrt(6.0 / (9 * (256 + 16)));
  EXPECT_NEAR(tensor(*ssd, "loc.0.weight").abs().max().item<double>(), xavier, 0.01 * xavier);
  EXPECT_GT(tensor(*ssd, "loc.0.bias").abs().max().item<double>(), 0);
}

TEST(Detectors, QuantizeActivationsOfQuantizedReadersAlone) {
  // Only the predictions and one tower convolution read quantized values.
  quant::LayerPolicy policy(method("denseshift", 3), "paper",
                            {"backbone.*=fp32", "head.classification_head.*=fp32", "head.regression_head.conv.0=fp32"});
  const auto fcos = make("fcos", small(policy, 4));
  std::vector<std::string> names;
  for (const auto& [name, layer] : activation_layers(*fcos)) {
    names.push_back(name);
    if (name == "head.regression_head.conv.5") {
      EXPECT_THAT(layer->readers(), ElementsAre("head.regression_head.bbox_reg", "head.regression_head.bbox_ctrness"));
    }
  }
  EXPECT_THAT(names, ElementsAre("head.regression_head.conv.2", "head.regression_head.conv.5"));

  quant::LayerPolicy of_ssd(method("denseshift", 3), "paper",
                            {"feature_extractor.*=fp32", "loc.*=fp32", "conf.*=fp32", "additional_blocks.1.*=fp32"});
  const auto ssd = make("ssd", small(of_ssd, 4));
  names.clear();
  for (const auto& [name, layer] : activation_layers(*ssd)) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("feature_extractor.feature_extractor.6.1.act", "additional_blocks.0.2",
                                 "additional_blocks.1.5", "additional_blocks.2.2"));
}

TEST(Detectors, SparseIdsGetChannelsOrNumbersOfTheirOwn) {
  quant::LayerPolicy policy({}, "paper", {});
  const auto channels = [&](std::vector<std::int64_t> ids) {
    ModelOptions options = small(policy);
    options.category_ids = std::move(ids);
    return make("fcos", options)->outputs(at::zeros({1, 3, kSide, kSide}))[0].tensor.size(2);
  };
  EXPECT_EQ(channels({7, 3, 90}), 91);
  EXPECT_EQ(channels({7, 3, 9'000'000'000}), 4);
  EXPECT_EQ(channels({}), 4);
}

TEST(Detectors, BackbonesStartFromClassifiers) {
  quant::LayerPolicy policy({}, "paper", {});
  ModelOptions options = small(policy);
  const auto classifier = make_classifier("resnet18", options);
  initialize(*classifier, 9);
  std::map<std::string, at::Tensor> source;
  for (const quant::NamedTensor& item : io::state_of(*classifier)) source[item.name] = item.tensor;
  for (const std::string kind : {"fcos", "ssd"}) {
    const auto model = make(kind, options);
    (void)load_backbone(*model, source, "classifier.pth");
    const std::string name =
        kind == "fcos" ? "backbone.body.layer3.1.conv2.weight" : "feature_extractor.feature_extractor.6.1.conv2.weight";
    for (const quant::NamedTensor& item : io::state_of(*model)) {
      if (item.name == name) {
        EXPECT_TRUE(at::equal(item.tensor, source["layer3.1.conv2.weight"])) << kind;
      }
    }
  }
}

TEST(Detectors, OldPyramidNamesBecomeNewOnes) {
  const at::Tensor x = at::zeros({1});
  const auto renamed = normalise_detection_names({{"backbone.fpn.inner_blocks.0.weight", x},
                                                  {"backbone.fpn.layer_blocks.12.bias", x},
                                                  {"backbone.fpn.layer_blocks.1.0.bias", x},
                                                  {"backbone.fpn.extra_blocks.p6.weight", x},
                                                  {"backbone.fpn.inner_blocks.weight", x},
                                                  {"backbone.body.conv1.weight", x}});
  std::vector<std::string> names;
  for (const auto& [name, tensor] : renamed) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("backbone.body.conv1.weight", "backbone.fpn.extra_blocks.p6.weight",
                                 "backbone.fpn.inner_blocks.0.0.weight", "backbone.fpn.inner_blocks.weight",
                                 "backbone.fpn.layer_blocks.1.0.bias", "backbone.fpn.layer_blocks.12.0.bias"));
}

TEST(Detectors, RefuseOptionsThatDoNotFit) {
  quant::LayerPolicy policy({}, "paper", {});
  const auto hint = [](const auto& build) -> std::string {
    try {
      (void)build();
    } catch (const Error& error) {
      return std::string(error.what()) + " / " + error.hint();
    }
    return "";
  };
  ModelOptions options = small(policy);
  EXPECT_THAT(hint([&] { return make_fcos("resnet20", options); }), HasSubstr("FCOS cannot use 'resnet20'"));
  EXPECT_THAT(hint([&] { return make_fcos("resnet19", options); }), HasSubstr("resnet18"));
  EXPECT_THAT(hint([&] { return make_ssd("resnet101", options); }), HasSubstr("use resnet18, resnet34 or resnet50"));
  options.fpn_channels = 40;
  EXPECT_THAT(hint([&] { return make_fcos("resnet18", options); }), HasSubstr("fpn_channels: 40 is no multiple of 32"));
  options.image_size = 32;
  EXPECT_THAT(hint([&] { return make_ssd("resnet18", options); }), HasSubstr("image_size: SSD cannot work on 32"));
  options.image_size = 128;
  const auto ssd = make("ssd", options);
  EXPECT_THAT(hint([&] {
                return ssd->outputs(at::zeros({1, 3, 64, 128}));
              }),
              HasSubstr("made for 128x128 pixels and got 64x128"));
}

}  // namespace
}  // namespace denseshift::nn
