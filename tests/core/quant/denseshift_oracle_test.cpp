// The DenseShift entries of the quantizer vectors, computed by each implementation: weights, gradients through a
// convolution, and a training with our SGD.

#include <gtest/gtest.h>

#include "core/kernels/shift_codes.h"
#include "core/nn/layers.h"
#include "core/optim/optimizer.h"
#include "tests/core/quant/denseshift_support.h"
#include "tests/support/quantizer_vectors.h"

namespace denseshift {
namespace {

using nlohmann::json;
using testing::denseshift_options;
using testing::expect_tensor;
using testing::implementations;
using testing::quantizer_vectors;
using testing::reference_gradients;
using testing::values_of;

/// The file's names of the gradient variants and ours.
const std::vector<std::pair<std::string, std::string>>& gradient_names() {
  static const std::vector<std::pair<std::string, std::string>> names = {
      {"surrogate_sqrt", "surrogate"}, {"sign_only", "sign_only"}, {"none", "none"}};
  return names;
}

at::Tensor tensor_of(const json& value) {
  const auto shape = value.at("shape").get<std::vector<std::int64_t>>();
  return at::tensor(testing::tensor(value)).reshape(shape);
}

/// w_sign, w_1 .. w_T.
std::vector<at::Tensor> references_of(const json& entry) {
  const json& inputs = entry.at("inputs");
  std::vector<at::Tensor> references{tensor_of(inputs.at("w_sign"))};
  for (int t = 1; inputs.contains("w_" + std::to_string(t)); ++t) {
    references.push_back(tensor_of(inputs.at("w_" + std::to_string(t))));
  }
  return references;
}

std::string reference_name(std::size_t t) { return t == 0 ? "w_sign" : "w_" + std::to_string(t); }

quant::MethodOptions options_of(const json& entry, const std::string& impl) {
  const json& params = entry.at("params");
  const int gates = static_cast<int>(references_of(entry).size()) - 1;
  quant::MethodOptions options = denseshift_options(kernels::bits_of_gates(gates), impl);
  options.zero_convention = params.value("zero_convention", "paper");
  options.shift_bias = params.value("shift_bias", 0);
  for (const auto& [name, ours] : gradient_names()) {
    if (params.value("grad_mode", "surrogate_sqrt") == name) options.gradient = ours;
  }
  return options;
}

quant::ConvGeometry geometry_of(const json& params) {
  return {params.value("stride", 1), params.value("padding", 0), params.value("dilation", 1),
          params.value("groups", 1)};
}

/// Entries of a kind that hold reference tensors.
std::vector<json> entries_of(const std::string& kind) {
  std::vector<json> result;
  for (const json& entry : quantizer_vectors()) {
    if (entry.at("method") == "DenseShift" && entry.at("kind") == kind && entry.at("inputs").contains("w_sign")) {
      result.push_back(entry);
    }
  }
  return result;
}

void expect_gradients(const json& entry, const std::string& suffix, quant::WeightQuantizer& quantizer) {
  const std::vector<at::Tensor> gradients = reference_gradients(quantizer);
  for (std::size_t t = 0; t < gradients.size(); ++t) {
    expect_tensor(entry, "grad_" + reference_name(t) + suffix, values_of(gradients[t]));
  }
}

class DenseShiftOracle : public ::testing::TestWithParam<std::string> {};

TEST_P(DenseShiftOracle, WeightsAndExponents) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int compared = 0;
  for (const json& entry : entries_of("weight")) {
    const std::vector<at::Tensor> references = references_of(entry);
    quant::DenseShiftQuantizer quantizer(references[0].sizes().vec(), options_of(entry, GetParam()));
    testing::set_references(quantizer, references);
    const json& expected = entry.at("expected");
    if (expected.contains("w_q")) expect_tensor(entry, "w_q", values_of(quantizer.quantize())), ++compared;
    if (expected.contains("shift")) {
      const at::Tensor shift = quantizer.exponents().to(at::kFloat).sub(quantizer.spec().shift_bias);
      expect_tensor(entry, "shift", values_of(shift)), ++compared;
    }
  }
  if (compared == 0) GTEST_SKIP() << "the file has no DenseShift weights";
}

TEST_P(DenseShiftOracle, ElementwiseGradientsOfAllVariants) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int compared = 0;
  for (const json& entry : entries_of("weight")) {
    if (!entry.at("inputs").contains("grad_w_q")) continue;
    const std::vector<at::Tensor> references = references_of(entry);
    for (const auto& [name, ours] : gradient_names()) {
      if (!entry.at("expected").contains("grad_w_sign__" + name)) continue;
      quant::MethodOptions options = options_of(entry, GetParam());
      options.gradient = ours;
      quant::DenseShiftQuantizer quantizer(references[0].sizes().vec(), options);
      testing::set_references(quantizer, references);
      quantizer.quantize().backward(tensor_of(entry.at("inputs").at("grad_w_q")));
      expect_gradients(entry, "__" + name, quantizer);
      ++compared;
    }
  }
  if (compared == 0) GTEST_SKIP() << "the file has no element-wise DenseShift gradients";
}

TEST_P(DenseShiftOracle, ConvolutionForwardAndBackward) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int compared = 0;
  for (const json& entry : entries_of("weight")) {
    const json& inputs = entry.at("inputs");
    if (!inputs.contains("x") || !inputs.contains("grad_y")) continue;
    const std::vector<at::Tensor> references = references_of(entry);
    quant::DenseShiftQuantizer quantizer(references[0].sizes().vec(), options_of(entry, GetParam()));
    testing::set_references(quantizer, references);
    const at::Tensor x = tensor_of(inputs.at("x")).requires_grad_(true);
    const at::Tensor y = quantizer.convolve(x, geometry_of(entry.at("params").at("conv")));
    expect_tensor(entry, "y", values_of(y));
    y.backward(tensor_of(inputs.at("grad_y")));
    expect_tensor(entry, "grad_x", values_of(x.grad()));
    if (quantizer.leaf_update() != nullptr && entry.at("expected").contains("grad_w_q")) {
      expect_tensor(entry, "grad_w_q", values_of(quantizer.leaf().grad()));
    }
    expect_gradients(entry, "", quantizer);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "the file has no DenseShift convolution";
}

/// A network of one convolution, so that the optimiser finds its tensors as in any network.
struct OneConvolution : torch::nn::Module {
  OneConvolution(const std::vector<std::int64_t>& shape, const quant::ConvGeometry& geometry,
                 const quant::MethodOptions& options) {
    quant::LayerPolicy policy(options, "all", {});
    quant::LayerSite site;
    site.name = "conv";
    conv = register_module(
        "conv", std::make_shared<nn::Conv2d>(site, shape[1] * geometry.groups, shape[0], shape[2], geometry, policy));
  }
  std::shared_ptr<nn::Conv2d> conv;
};

TEST_P(DenseShiftOracle, TrainingWithSgd) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int compared = 0;
  for (const json& entry : entries_of("training")) {
    const json& params = entry.at("params");
    const std::vector<at::Tensor> references = references_of(entry);
    OneConvolution net(references[0].sizes().vec(), geometry_of(params), options_of(entry, GetParam()));
    quant::WeightQuantizer& quantizer = net.conv->quantizer();
    testing::set_references(quantizer, references);
    optim::OptimizerOptions options;
    options.momentum = params.value("momentum", 0.0);
    options.nesterov = params.value("nesterov", false);
    const auto optimizer =
        optim::make_optimizer(options, optim::collect_parameters(net, params.value("weight_decay", 0.0), true));

    const at::Tensor x = tensor_of(entry.at("inputs").at("x"));
    const at::Tensor target = tensor_of(entry.at("inputs").at("target"));
    std::vector<double> losses;
    for (int step = 0; step < params.at("steps").get<int>(); ++step) {
      optimizer->zero_grad();
      const at::Tensor loss = net.conv->forward(x).sub(target).square().mean();
      loss.backward();
      losses.push_back(loss.item<double>());
      optimizer->step(params.at("lr").get<double>(), 1);
    }
    expect_tensor(entry, "losses", losses);
    std::size_t t = 0;
    for (const quant::NamedTensor& p : quantizer.parameters()) {
      expect_tensor(entry, reference_name(t++) + "_after", values_of(p.tensor));
    }
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "the file has no DenseShift training";
}

INSTANTIATE_TEST_SUITE_P(Implementations, DenseShiftOracle, ::testing::ValuesIn(implementations()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace denseshift
