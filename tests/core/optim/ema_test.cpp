// Averages of a network's state.

#include "core/optim/ema.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/io/state_dict.h"
#include "core/nn/layers.h"
#include "core/nn/model.h"
#include "tests/core/quant/denseshift_support.h"

namespace denseshift::optim {
namespace {

using testing::implementations;

struct Numbers : torch::nn::Module {
  Numbers() {
    parameter = register_parameter("parameter", at::zeros({2}));
    buffer = register_buffer("buffer", at::ones({1}));
    counter = register_buffer("counter", at::zeros({}, at::kLong));
  }
  at::Tensor parameter, buffer, counter;
};

TEST(Ema, AgreesWithTheFormula) {
  Numbers model;
  Ema ema(model, 0.5);
  double average[2] = {0, 0};
  double buffer_average = 1;
  const at::NoGradGuard no_grad;
  for (int n = 0; n < 12; ++n) {
    const double x[2] = {n * 0.5 + 1, -2.0 * n};
    model.parameter.copy_(at::tensor({x[0], x[1]}));
    model.buffer.fill_(n * n);
    ema.update();
    const double decay = std::min(0.5, (1.0 + n) / (10.0 + n));
    for (int i = 0; i < 2; ++i) average[i] = decay * average[i] + (1 - decay) * x[i];
    buffer_average = decay * buffer_average + (1 - decay) * n * n;
  }
  const std::vector<quant::NamedTensor> state = ema.state();
  ASSERT_EQ(state.size(), 3u);  // the counter is a whole number and is not averaged
  EXPECT_EQ(state[0].name, "parameter");
  EXPECT_NEAR(state[0].tensor[0].item<double>(), average[0], 1e-6 * average[0]);
  EXPECT_NEAR(state[0].tensor[1].item<double>(), average[1], -1e-6 * average[1]);
  EXPECT_EQ(state[1].name, "buffer");
  EXPECT_NEAR(state[1].tensor[0].item<double>(), buffer_average, 1e-6 * buffer_average);
  EXPECT_EQ(state[2].name, "updates");
  EXPECT_EQ(state[2].tensor.item<std::int64_t>(), 12);
}

class EmaOfNetwork : public ::testing::TestWithParam<std::string> {};

/// State and quantized weights.
std::vector<at::Tensor> snapshot(nn::Classifier& model) {
  std::vector<at::Tensor> tensors;
  for (const quant::NamedTensor& item : io::state_of(model)) tensors.push_back(item.tensor.detach().clone());
  for (const auto& [name, layer] : nn::weight_layers(model)) {
    tensors.push_back(layer->quantizer().quantize().detach().clone());
  }
  return tensors;
}

bool equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const at::Tensor& x, const at::Tensor& y) { return at::equal(x, y); });
}

TEST_P(EmaOfNetwork, SwappingTwiceChangesNothing) {
  quant::LayerPolicy policy(testing::denseshift_options(3, GetParam()), "paper", {});
  const auto model = nn::make_classifier("resnet20", 10, policy);
  nn::initialize(*model, 1);
  Ema ema(*model, 0.9);
  const std::vector<at::Tensor> start = snapshot(*model);
  nn::initialize(*model, 2);
  ema.update();
  const std::vector<at::Tensor> live = snapshot(*model);
  ema.swap();
  const std::vector<at::Tensor> average = snapshot(*model);
  EXPECT_FALSE(equal(average, live));
  EXPECT_FALSE(equal(average, start));
  for (const auto& [name, layer] : nn::weight_layers(*model)) {
    if (layer->options().method == "fp32") continue;
    // The references are averaged and quantized again: the weights are powers of two, not means of them.
    const at::Tensor exponents = layer->quantizer().quantize().detach().abs().log2();
    EXPECT_TRUE(at::equal(exponents, exponents.round())) << name;
    std::vector<at::Tensor> references;
    for (const quant::NamedTensor& p : layer->quantizer().parameters()) references.push_back(p.tensor.detach());
    auto& quantizer = dynamic_cast<quant::DenseShiftQuantizer&>(layer->quantizer());
    EXPECT_TRUE(at::equal(quant::denseshift_composed(references, quantizer.spec()), quantizer.quantize())) << name;
  }
  ema.swap();
  EXPECT_TRUE(equal(snapshot(*model), live));
}

INSTANTIATE_TEST_SUITE_P(Implementations, EmaOfNetwork, ::testing::ValuesIn(implementations()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace denseshift::optim
