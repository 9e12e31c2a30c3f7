// The detectors as networks: names, parts, starts, training steps in full precision and quantized, thresholds.

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
#include "core/optim/optimizer.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kSide = 64;

quant::MethodOptions method(const std::string& name, std::int64_t bits, const std::string& init = "lvr") {
  quant::MethodOptions options;
  options.method = name;
  options.wbits = bits;
  options.init = init;
  return options;
}

/// Small: a few seconds for all tests on one core.
ModelOptions small(quant::LayerPolicy& policy, std::int64_t abits = 32) {
  ModelOptions options{.policy = policy};
  options.classes = 3;
  options.image_size = kSide;
  options.fpn_channels = 64;
  options.head_convs = 2;
  options.abits = abits;
  return options;
}

std::shared_ptr<Detector> make(const std::string& kind, const ModelOptions& options) {
  auto model = kind == "fcos" ? make_fcos("resnet18", options) : make_ssd("resnet18", options);
  initialize(*model, 1);
  return model;
}

/// Two images, the second without objects.
struct Batch {
  at::Tensor images = at::randn({2, 3, kSide, kSide});
  std::vector<ImageTargets> targets = {
      {at::tensor({4.F, 6.F, 30.F, 40.F, 20.F, 10.F, 60.F, 62.F}).view({2, 4}), at::tensor({0L, 2L})},
      {at::zeros({0, 4}), at::zeros({0}, at::kLong)}};
  std::vector<ImageSize> sizes = {{kSide, kSide}, {kSide, 50}};
};

double total(const std::vector<quant::NamedTensor>& losses) {
  double sum = 0;
  for (const quant::NamedTensor& loss : losses) sum += loss.tensor.item<double>();
  return sum;
}

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

struct Training {
  std::string kind, method, init;
  std::int64_t wbits, abits;
};

class DetectorTraining : public ::testing::TestWithParam<Training> {};

TEST_P(DetectorTraining, StepsHaveFiniteLossesAndReachEveryPart) {
  const Training& p = GetParam();
  at::manual_seed(1);
  quant::LayerPolicy policy(method(p.method, p.wbits, p.init), "paper", {});
  const auto model = make(p.kind, small(policy, p.abits));
  for (const auto& [name, layer] : weight_layers(*model)) {
    EXPECT_EQ(layer->quantizer().bits(), layer->site().first ? 32 : p.wbits) << name;
  }
  EXPECT_EQ(activation_layers(*model).empty(), p.abits == 32);
  const Batch batch;
  const auto optimizer = optim::make_optimizer({}, optim::collect_parameters(*model, 1e-4, true));
  model->train();
  for (int step = 0; step < 3; ++step) {
    optimizer->zero_grad();
    at::Tensor loss;
    for (const quant::NamedTensor& part : model->losses(batch.images, batch.targets, batch.sizes)) {
      EXPECT_TRUE(std::isfinite(part.tensor.item<double>())) << part.name << " before step " << step;
      EXPECT_GT(part.tensor.item<double>(), 0) << part.name;
      loss = loss.defined() ? loss + part.tensor : part.tensor;
    }
    loss.backward();
    const double norm = optimizer->gradient_norm();
    EXPECT_TRUE(std::isfinite(norm));
    if (step == 0) {
      // Also of weights that are leaves of the graph, which parameters() does not list.
      for (const auto& [name, layer] : weight_layers(*model)) {
        quant::LeafUpdate* leaf = layer->quantizer().leaf_update();
        const at::Tensor& trained = leaf != nullptr ? leaf->leaf() : layer->quantizer().parameters()[0].tensor;
        EXPECT_TRUE(trained.grad().defined()) << name;
      }
    }
    optimizer->step(0.002, 10 / std::max(norm, 10.0));
  }
  model->eval();
  const std::vector<FoundBoxes> found = model->detect(batch.images, batch.sizes);
  ASSERT_EQ(found.size(), 2u);
  for (const FoundBoxes& image : found) {
    EXPECT_EQ(image.boxes.sizes(), at::IntArrayRef({image.scores.size(0), 4}));
    EXPECT_EQ(image.labels.size(0), image.scores.size(0));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Methods, DetectorTraining,
    ::testing::Values(Training{"fcos", "fp32", "lvr", 32, 32}, Training{"fcos", "denseshift", "lvr", 3, 4},
                      Training{"fcos", "denseshift", "kaiming", 2, 32}, Training{"ssd", "fp32", "lvr", 32, 32},
                      Training{"ssd", "denseshift", "lvr", 3, 4}, Training{"ssd", "denseshift", "kaiming", 2, 32}),
    [](const auto& info) {
      const Training& p = info.param;
      return p.kind + "_" + p.method + "_" + p.init + "_w" + std::to_string(p.wbits) + "_a" + std::to_string(p.abits);
    });

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

TEST(Detectors, ABatchWithoutObjectsTrains) {
  quant::LayerPolicy policy({}, "paper", {});
  Batch batch;
  batch.targets[0] = batch.targets[1];
  for (const std::string kind : {"fcos", "ssd"}) {
    const auto model = make(kind, small(policy));
    model->train();
    const std::vector<quant::NamedTensor> losses = model->losses(batch.images, batch.targets, batch.sizes);
    at::Tensor sum = losses[0].tensor;
    for (std::size_t i = 1; i < losses.size(); ++i) sum = sum + losses[i].tensor;
    EXPECT_TRUE(std::isfinite(sum.item<double>())) << kind;
    if (kind == "ssd") {
      EXPECT_EQ(sum.item<double>(), 0);
    }
    sum.backward();
    for (const auto& item : model->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
}

TEST(Detectors, LossesDependOnTheObjects) {
  quant::LayerPolicy policy({}, "paper", {});
  for (const std::string kind : {"fcos", "ssd"}) {
    Batch batch;
    const auto model = make(kind, small(policy));
    model->eval();
    const double before = total(model->losses(batch.images, batch.targets, batch.sizes));
    batch.targets[0].labels = at::tensor({1L, 2L});
    const double other_label = total(model->losses(batch.images, batch.targets, batch.sizes));
    batch.targets[0].boxes = batch.targets[0].boxes + 2;
    const double other_box = total(model->losses(batch.images, batch.targets, batch.sizes));
    EXPECT_NE(before, other_label) << kind;
    EXPECT_NE(other_label, other_box) << kind;
  }
}

TEST(Detectors, RefuseTargetsThatCannotBeLearnt) {
  quant::LayerPolicy policy({}, "paper", {});
  for (const std::string kind : {"fcos", "ssd"}) {
    const auto model = make(kind, small(policy));
    const auto message = [&](const Batch& batch) -> std::string {
      try {
        (void)model->losses(batch.images, batch.targets, batch.sizes);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
      }
      return "";
    };
    Batch label;
    label.targets[0].labels = at::tensor({0L, 3L});
    EXPECT_THAT(message(label), HasSubstr("image 0 of the batch: label 3 is not one of the 3 classes"));
    Batch box;
    box.targets[0].boxes[1] = at::tensor({20.F, 10.F, 20.F, 62.F});
    EXPECT_THAT(message(box), HasSubstr("image 0 of the batch: box 1 from (20, 10) to (20, 62) has no area"));
  }
}

TEST(Detectors, KeepWhatTheThresholdsSay) {
  quant::LayerPolicy policy({}, "paper", {});
  const at::NoGradGuard no_grad;
  for (const std::string kind : {"fcos", "ssd"}) {
    const Batch batch;
    const auto model = make(kind, small(policy));
    model->eval();
    DetectionThresholds thresholds = model->thresholds();
    thresholds.score = 0.001;
    thresholds.kept = 7;
    model->set_thresholds(thresholds);
    for (const FoundBoxes& found : model->detect(batch.images, batch.sizes)) {
      ASSERT_EQ(found.scores.size(0), 7) << kind;
      EXPECT_TRUE((found.scores.slice(0, 1) <= found.scores.slice(0, 0, 6)).all().item<bool>()) << kind;
      EXPECT_GE(found.labels.min().item<std::int64_t>(), 0) << kind;
      EXPECT_LT(found.labels.max().item<std::int64_t>(), 3) << kind;
    }
    thresholds.score = 1;
    model->set_thresholds(thresholds);
    EXPECT_EQ(model->detect(batch.images, batch.sizes)[0].scores.size(0), 0) << kind;
  }
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
  const auto classifier = make_model("resnet18", options);
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
