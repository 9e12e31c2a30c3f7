// The three implementations of DenseShift weights give equal bits over many steps of training.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "core/nn/layers.h"
#include "core/optim/optimizer.h"
#include "tests/core/quant/denseshift_support.h"

namespace denseshift {
namespace {

using testing::denseshift_options;
using testing::implementations;

/// One training's settings.
struct EqualityCase {
  std::vector<std::int64_t> shape;
  quant::MethodOptions options;
  optim::OptimizerOptions optimizer;
  double weight_decay = 0;
  bool channels_last = false;
};

std::string name_of(const EqualityCase& c) {
  std::string text = c.options.impl + ", " + std::to_string(c.options.wbits) + " bits, " + c.options.gradient + ", " +
                     c.options.zero_convention + ", momentum " + std::to_string(c.optimizer.momentum) +
                     (c.optimizer.nesterov ? " nesterov" : "") + ", decay " + std::to_string(c.weight_decay);
  for (const std::int64_t size : c.shape) text += " " + std::to_string(size);
  return text + (c.channels_last ? " channels_last" : "");
}

/// Everything that a training changes, in a fixed order.
struct Outcome {
  std::vector<at::Tensor> tensors;
};

/// Numbers as trainings meet them, with exact zeros of both signs and denormals among them.
at::Tensor special_values(const std::vector<std::int64_t>& shape, double std, std::uint64_t seed) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  at::Tensor values = at::empty(shape).normal_(0, std, generator);
  const std::vector<float> special = {
      0.0F,   -0.0F,  std::numeric_limits<float>::denorm_min(), -std::numeric_limits<float>::denorm_min(),
      1e-40F, -1e-40F};
  float* data = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); i += 3) {
    data[i] = special[static_cast<std::size_t>(i / 3 + static_cast<std::int64_t>(seed)) % special.size()];
  }
  return values;
}

struct LoneConvolution : torch::nn::Module {
  explicit LoneConvolution(const EqualityCase& c) {
    quant::LayerPolicy policy(c.options, "all", {});
    quant::LayerSite site;
    site.name = "conv";
    conv = register_module(
        "conv", std::make_shared<nn::Conv2d>(site, c.shape[1], c.shape[0], c.shape[2], quant::ConvGeometry{}, policy));
  }
  std::shared_ptr<nn::Conv2d> conv;
};

void fill(quant::WeightQuantizer& quantizer, const EqualityCase& c) {
  std::vector<at::Tensor> values;
  for (const quant::NamedTensor& p : quantizer.parameters()) {
    if (c.channels_last) {
      at::Tensor tensor = p.tensor;
      tensor.set_data(tensor.detach().contiguous(at::MemoryFormat::ChannelsLast));
    }
    values.push_back(special_values(c.shape, 0.01, values.size() + 1));
  }
  testing::set_references(quantizer, values);
}

/// Trains with given gradients of the weight and returns weights after every step, references and momenta at the end.
Outcome train(const EqualityCase& c, int steps) {
  LoneConvolution net(c);
  quant::WeightQuantizer& quantizer = net.conv->quantizer();
  fill(quantizer, c);
  const auto optimizer =
      optim::make_optimizer(c.optimizer, optim::collect_parameters(net, c.weight_decay, /*decay_references=*/true));
  Outcome outcome;
  for (int step = 0; step < steps; ++step) {
    optimizer->zero_grad();
    const at::Tensor weight = quantizer.quantize();
    outcome.tensors.push_back(weight.detach().clone());
    at::Tensor grad = special_values(c.shape, 1.0, 100 + static_cast<std::uint64_t>(step));
    if (c.channels_last) grad = grad.contiguous(at::MemoryFormat::ChannelsLast);
    weight.backward(grad);
    optimizer->step(0.01, 1);
  }
  outcome.tensors.push_back(quantizer.quantize().detach().clone());
  outcome.tensors.push_back(quantizer.codes().clone());
  for (const quant::NamedTensor& p : quantizer.parameters()) outcome.tensors.push_back(p.tensor.detach().clone());
  for (const quant::NamedTensor& s : optimizer->state()) outcome.tensors.push_back(s.tensor.clone());
  return outcome;
}

void expect_equal(const Outcome& a, const Outcome& b, const std::string& what) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size()) << what;
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    ASSERT_TRUE(at::equal(a.tensors[i], b.tensors[i])) << what << ": tensor " << i << " of " << a.tensors.size();
  }
}

void expect_all_implementations_equal(EqualityCase c, int steps) {
  c.options.impl = "reference";
  const Outcome reference = train(c, steps);
  for (const char* impl : {"leaf", "function"}) {
    c.options.impl = impl;
    expect_equal(train(c, steps), reference, name_of(c));
    if (::testing::Test::HasFatalFailure()) return;
  }
}

optim::OptimizerOptions sgd(double momentum, bool nesterov) {
  optim::OptimizerOptions options;
  options.momentum = momentum;
  options.nesterov = nesterov;
  return options;
}

class DenseShiftEquality : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    // The kernels fuse where the tensor library does with its AVX2 build; without FMA the library rounds differently.
    if (!__builtin_cpu_supports("fma")) GTEST_SKIP() << "this CPU has no fused multiply-add";
  }
};

TEST_P(DenseShiftEquality, GradientVariantsZeroConventionsAndOptimisers) {
  for (const char* gradient : {"surrogate", "sign_only", "none"}) {
    for (const char* zero : {"paper", "code"}) {
      for (const auto& [momentum, nesterov, decay] :
           {std::tuple(0.0, false, 0.0), std::tuple(0.9, false, 1e-4), std::tuple(0.9, true, 1e-4),
            std::tuple(0.9, true, 0.0), std::tuple(0.0, false, 1e-2)}) {
        EqualityCase c{{7, 5, 3, 3}, denseshift_options(GetParam(), ""), sgd(momentum, nesterov), decay};
        c.options.gradient = gradient;
        c.options.zero_convention = zero;
        expect_all_implementations_equal(c, 7);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(DenseShiftEquality, ShapesMemoryFormatsAndBias) {
  const std::vector<std::vector<std::int64_t>> shapes = {{1, 1, 1, 1},   {1, 3, 1, 1},   {5, 1, 3, 3},
                                                         {13, 11, 1, 1}, {33, 17, 3, 3}, {64, 31, 3, 3}};
  for (const auto& shape : shapes) {
    for (const bool channels_last : {false, true}) {
      for (const std::int64_t bias : {0, -3}) {
        EqualityCase c{shape, denseshift_options(GetParam(), ""), sgd(0.9, false), 1e-4, channels_last};
        c.options.shift_bias = bias;
        expect_all_implementations_equal(c, 5);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(DenseShiftEquality, GradientInAnotherMemoryFormatThanTheWeight) {
  const std::vector<std::int64_t> shape{6, 5, 3, 3};
  std::vector<std::vector<at::Tensor>> gradients;
  for (const std::string& impl : implementations()) {
    quant::DenseShiftQuantizer quantizer(shape, denseshift_options(GetParam(), impl));
    fill(quantizer, {shape, {}, {}, 0, false});
    const at::Tensor grad = special_values(shape, 1, 9).contiguous(at::MemoryFormat::ChannelsLast);
    quantizer.quantize().backward(grad);
    gradients.push_back(testing::reference_gradients(quantizer));
  }
  for (std::size_t t = 0; t < gradients[0].size(); ++t) {
    EXPECT_TRUE(at::equal(gradients[0][t], gradients[2][t])) << "leaf, reference " << t;
    EXPECT_TRUE(at::equal(gradients[1][t], gradients[2][t])) << "function, reference " << t;
  }
}

TEST_P(DenseShiftEquality, OneAndTwoThreads) {
  const int before = at::get_num_threads();
  for (const char* impl : {"leaf", "function"}) {
    // Two and a bit of the pieces that threads are given, so the split falls inside.
    const EqualityCase c{{64, 65, 3, 3}, denseshift_options(GetParam(), impl), sgd(0.9, true), 1e-4};
    at::set_num_threads(1);
    const Outcome one = train(c, 5);
    at::set_num_threads(2);
    expect_equal(train(c, 5), one, name_of(c));
  }
  at::set_num_threads(before);
}

INSTANTIATE_TEST_SUITE_P(Bits, DenseShiftEquality, ::testing::Values(2, 3, 4),
                         [](const auto& info) { return "Bits" + std::to_string(info.param); });

}  // namespace
}  // namespace denseshift
