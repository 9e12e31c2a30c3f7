// DeepLabV3: names and sizes, modes, what is quantized where, a step of training; and the segmentation loss.

#include "core/nn/segmentation/deeplabv3.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "core/io/state_dict.h"
#include "core/nn/activation_layer.h"
#include "core/nn/layers.h"
#include "core/nn/segmentation/loss.h"
#include "core/optim/optimizer.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct WantedDeepLab {
  std::string backbone = "resnet18";
  std::string method = "fp32";
  std::int64_t wbits = 32;
  std::vector<std::string> rules = {};
  std::int64_t abits = 32;
  bool aux = true;
  std::int64_t classes = 4;
};

std::shared_ptr<Segmenter> build_deeplab(const WantedDeepLab& wanted) {
  quant::MethodOptions options;
  options.method = wanted.method;
  options.wbits = wanted.wbits;
  quant::LayerPolicy policy(options, "paper", wanted.rules);
  return make_deeplabv3(
      wanted.backbone,
      ModelOptions{.policy = policy, .classes = wanted.classes, .abits = wanted.abits, .aux = wanted.aux});
}

std::int64_t parameters_of(const torch::nn::Module& model, const std::string& prefix) {
  std::int64_t count = 0;
  for (const auto& item : model.named_parameters()) {
    if (item.key().rfind(prefix, 0) == 0) count += item.value().numel();
  }
  return count;
}

TEST(DeepLabV3, HasTorchvisionsNamesAndSizes) {
  const auto model = build_deeplab({.backbone = "resnet50", .classes = 21});
  EXPECT_EQ(parameters_of(*model, ""), 42'004'074);
  EXPECT_EQ(parameters_of(*model, "backbone."), 23'508'032);
  EXPECT_EQ(parameters_of(*model, "classifier."), 16'130'837);
  EXPECT_EQ(parameters_of(*model, "aux_classifier."), 2'365'205);
  std::vector<std::string> names;
  for (const quant::NamedTensor& item : io::state_of(*model)) names.push_back(item.name);
  for (const char* name :
       {"backbone.conv1.weight", "backbone.layer4.2.bn3.running_var", "classifier.0.convs.0.0.weight",
        "classifier.0.convs.3.1.bias", "classifier.0.convs.4.1.weight", "classifier.0.convs.4.2.running_mean",
        "classifier.0.project.0.weight", "classifier.0.project.1.num_batches_tracked", "classifier.1.weight",
        "classifier.2.weight", "classifier.4.bias", "aux_classifier.0.weight", "aux_classifier.1.bias",
        "aux_classifier.4.weight", "aux_classifier.4.bias"}) {
    EXPECT_THAT(names, Contains(name));
  }
  EXPECT_EQ(parameters_of(*build_deeplab({.backbone = "resnet50", .aux = false, .classes = 21}), ""), 39'638'869);
}

TEST(DeepLabV3, LayersAreNamedAndPlacedForThePolicy) {
  const auto model = build_deeplab({.backbone = "resnet50", .classes = 21});
  std::map<std::string, std::pair<int, std::int64_t>> parts;
  std::vector<std::string> predictions;
  for (const auto& [name, layer] : weight_layers(*model)) {
    EXPECT_EQ(name, layer->site().name);
    EXPECT_EQ(layer->site().first, name == "backbone.conv1");
    EXPECT_EQ(layer->site().normalized, !layer->site().prediction) << name;
    if (layer->site().prediction) predictions.push_back(name);
    if (layer->site().first) continue;
    auto& [layers, weights] = parts[layer->site().part];
    ++layers, weights += layer->weight_count();
  }
  // design/tasks 0.2; the auxiliary head is part of the head.
  EXPECT_EQ(parts["backbone"], std::make_pair(52, std::int64_t{23'445'504}));
  EXPECT_EQ(parts["head"], std::make_pair(10, std::int64_t{16'127'232 + 2'364'672}));
  EXPECT_THAT(predictions, ElementsAre("classifier.4", "aux_classifier.4"));
}

TEST(DeepLabV3, DilationKeepsAnEighthOfTheSide) {
  const at::NoGradGuard no_grad;
  const auto model = build_deeplab({});
  model->eval();
  for (const quant::NamedTensor& item : model->features(at::zeros({1, 3, 33, 49}))) {
    if (item.name.rfind("layer", 0) != 0) continue;
    EXPECT_EQ(item.tensor.size(2), 5) << item.name;
    EXPECT_EQ(item.tensor.size(3), 7) << item.name;
  }
  EXPECT_EQ(model->forward(at::zeros({1, 3, 33, 49})).out.sizes(), at::IntArrayRef({1, 4, 33, 49}));
}

TEST(DeepLabV3, ThreeByThreeConvolutionsAreDilatedAsPublished) {
  // What a pixel of the output sees: one changed input pixel moves the outputs at multiples of the dilation.
  const auto reach = [](const std::shared_ptr<Conv2d>& conv) {
    const at::NoGradGuard no_grad;
    conv->quantizer().parameters()[0].tensor.fill_(1);
    at::Tensor x = at::zeros({1, conv->weight_shape()[1], 1, 33});
    x.select(3, 16).fill_(1);
    const at::Tensor y = conv->forward(x)[0][0][0];
    return (y.nonzero().max() - 16).item<std::int64_t>();
  };
  const auto model = build_deeplab({.backbone = "resnet50"});
  std::map<std::string, std::int64_t> dilation;
  for (const auto& item : model->named_modules("", false)) {
    const auto conv = std::dynamic_pointer_cast<Conv2d>(item.value());
    if (!conv || item.key().find("conv2") == std::string::npos) continue;
    if (item.key().find("layer3") != std::string::npos || item.key().find("layer4") != std::string::npos) {
      dilation[item.key().substr(9, 8)] = reach(conv);
    }
  }
  const std::map<std::string, std::int64_t> wanted = {{"layer3.0", 1}, {"layer3.1", 2}, {"layer3.2", 2},
                                                      {"layer3.3", 2}, {"layer3.4", 2}, {"layer3.5", 2},
                                                      {"layer4.0", 2}, {"layer4.1", 4}, {"layer4.2", 4}};
  EXPECT_EQ(dilation, wanted);
}

TEST(DeepLabV3, EvaluationHasNoDropoutAndNoAuxiliaryHead) {
  const auto model = build_deeplab({});
  initialize(*model, 1);
  const at::Tensor images = at::randn({2, 3, 33, 33});
  const at::NoGradGuard no_grad;
  model->train();
  EXPECT_EQ(model->forward(images).aux.sizes(), at::IntArrayRef({2, 4, 33, 33}));
  EXPECT_EQ(model->outputs(images).size(), 2u);
  EXPECT_FALSE(at::equal(model->forward(images).out, model->forward(images).out));
  model->eval();
  EXPECT_FALSE(model->forward(images).aux.defined());
  EXPECT_EQ(model->outputs(images).size(), 1u);
  EXPECT_TRUE(at::equal(model->forward(images).out, model->forward(images).out));
}

std::string refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(DeepLabV3, OneImageCannotTrainThePooledBranch) {
  const auto model = build_deeplab({});
  model->train();
  EXPECT_THAT(refusal_of([&] { (void)model->forward(at::zeros({1, 3, 33, 33})); }), HasSubstr("one value per channel"));
  EXPECT_THAT(refusal_of([] { (void)build_deeplab({.backbone = "resnet20"}); }), HasSubstr("no backbone resnet20"));
}

TEST(DeepLabV3, QuantizedActivationsAreTheInputsOfQuantizedLayers) {
  const WantedDeepLab everything{.method = "denseshift", .wbits = 3, .abits = 4};
  const auto names = [](const WantedDeepLab& wanted) {
    std::vector<std::string> result;
    for (const auto& [name, layer] : activation_layers(*build_deeplab(wanted))) result.push_back(name);
    return result;
  };
  const std::vector<std::string> all = names(everything);
  for (const char* name : {"backbone.act", "backbone.layer3.1.act", "backbone.layer4.1.act", "classifier.0.convs.0.2",
                           "classifier.0.convs.3.2", "classifier.0.convs.4.0", "classifier.0.convs.4.3",
                           "classifier.0.project.2", "classifier.3", "aux_classifier.2"}) {
    EXPECT_THAT(all, Contains(name));
  }
  WantedDeepLab backbone = everything;
  backbone.rules = {"*classifier.*=fp32"};
  for (const std::string& name : names(backbone)) EXPECT_THAT(name, HasSubstr("backbone."));
  EXPECT_THAT(names(backbone), Not(Contains("backbone.layer4.1.act")));  // its only readers are the branches
  EXPECT_THAT(names(backbone), Contains("backbone.layer3.1.act"));
  WantedDeepLab last = everything;
  last.rules = {"classifier.4=fp32"};
  EXPECT_THAT(names(last), Not(Contains("classifier.3")));
}

TEST(DeepLabV3, QuantizedPredictionsStartSmall) {
  const auto model = build_deeplab({.method = "denseshift", .wbits = 3});
  initialize(*model, 2);
  for (const auto& [name, layer] : weight_layers(*model)) {
    if (layer->site().prediction) {
      EXPECT_EQ(layer->options().method, "denseshift") << name;
      EXPECT_LT(layer->options().shift_bias, 0) << name;
    }
  }
  model->train();
  const at::NoGradGuard no_grad;
  const SegmentationOutput output = model->forward(at::randn({4, 3, 33, 33}));
  EXPECT_LT(output.out.std().item<double>(), 5);
  EXPECT_LT(output.aux.std().item<double>(), 5);
}

at::Tensor summed(const std::vector<quant::NamedTensor>& losses) {
  at::Tensor sum = losses.front().tensor;
  for (std::size_t i = 1; i < losses.size(); ++i) sum = sum + losses[i].tensor;
  return sum;
}

TEST(DeepLabV3, TrainsWithEveryPartQuantized) {
  at::manual_seed(3);
  const at::Tensor images = at::randn({2, 3, 33, 33});
  const at::Tensor target = at::randint(4, {2, 33, 33}, at::kLong);
  for (const WantedDeepLab& wanted : {WantedDeepLab{.method = "denseshift", .wbits = 3},
                                      WantedDeepLab{.method = "denseshift", .wbits = 2, .abits = 4},
                                      WantedDeepLab{.method = "twn", .wbits = 2, .abits = 4, .aux = false}}) {
    const auto model = build_deeplab(wanted);
    initialize(*model, 1);
    model->train();
    const auto optimizer = optim::make_optimizer({}, optim::collect_parameters(*model, 1e-4, true));
    double first = 0, last = 0;
    for (int step = 0; step < 2; ++step) {
      optimizer->zero_grad();
      const at::Tensor loss = summed(segmentation_losses(model->forward(images), target));
      last = loss.item<double>();
      ASSERT_TRUE(std::isfinite(last)) << wanted.method;
      if (step == 0) first = last;
      loss.backward();
      for (const auto& item : model->named_parameters()) {
        if (item.value().requires_grad()) {
          EXPECT_TRUE(item.value().grad().defined()) << item.key();
        }
      }
      optimizer->step(0.02, 1);
    }
    EXPECT_NE(first, last) << wanted.method;
    model->eval();
    EXPECT_TRUE(model->forward(images).out.isfinite().all().item<bool>()) << wanted.method;
  }
}

TEST(SegmentationLoss, IsTheMeanOverLabelledPixels) {
  at::manual_seed(5);
  const at::Tensor out = at::randn({2, 3, 4, 5}), aux = at::randn({2, 3, 4, 5});
  at::Tensor target = at::randint(3, {2, 4, 5}, at::kLong);
  target[0].fill_(kIgnoredPixel);
  const auto losses = segmentation_losses({out, aux}, target.to(at::kByte));
  ASSERT_EQ(losses.size(), 2u);
  const at::Tensor labels = target.slice(0, 1, 2);
  const double wanted_out = at::cross_entropy_loss(out.slice(0, 1, 2), labels).item<double>();
  const double wanted_aux = at::cross_entropy_loss(aux.slice(0, 1, 2), labels).item<double>();
  EXPECT_NEAR(losses[0].tensor.item<double>(), wanted_out, 1e-6);
  EXPECT_NEAR(losses[1].tensor.item<double>(), 0.5 * wanted_aux, 1e-6);
  EXPECT_EQ(segmentation_losses({out, {}}, target).size(), 1u);
}

TEST(SegmentationLoss, IsZeroWithoutALabelledPixel) {
  const at::Tensor out = at::randn({1, 3, 4, 5}).requires_grad_(true);
  const at::Tensor loss = summed(segmentation_losses({out, {}}, at::full({1, 4, 5}, kIgnoredPixel, at::kLong)));
  EXPECT_EQ(loss.item<double>(), 0);
  loss.backward();
  EXPECT_TRUE(at::equal(out.grad(), at::zeros_like(out)));
}

TEST(SegmentationLoss, TheAuxiliaryHeadLearnsTenTimesFaster) {
  EXPECT_EQ(segmentation_rate_factor("aux_classifier.0.weight"), 10);
  EXPECT_EQ(segmentation_rate_factor("aux_classifier.4.w_sign"), 10);
  EXPECT_EQ(segmentation_rate_factor("classifier.4.bias"), 1);
  EXPECT_EQ(segmentation_rate_factor("backbone.conv1.weight"), 1);
}

}  // namespace
}  // namespace denseshift::nn
