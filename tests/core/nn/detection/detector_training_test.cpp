// The detectors at work: training steps in full precision and quantized, losses, targets, thresholds.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/nn/activation_layer.h"
#include "core/nn/layers.h"
#include "core/optim/optimizer.h"
#include "core/util/error.h"
#include "tests/core/nn/detection/small_detectors.h"

namespace denseshift::nn {
namespace {

using testing::Batch;
using ::testing::HasSubstr;
using testing::make;
using testing::method;
using testing::small;

double total(const std::vector<quant::NamedTensor>& losses) {
  double sum = 0;
  for (const quant::NamedTensor& loss : losses) sum += loss.tensor.item<double>();
  return sum;
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

}  // namespace
}  // namespace denseshift::nn
