// One DenseShift weight: levels, codes, export, values that must be refused.

#include "core/quant/denseshift_quantizer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "core/nn/layers.h"
#include "core/optim/optimizer.h"
#include "tests/core/quant/denseshift_support.h"

namespace denseshift::quant {
namespace {

using testing::denseshift_options;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::implementations;
using testing::values_of;

at::Generator generator_of(std::uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class DenseShiftWeight : public ::testing::TestWithParam<std::string> {};

TEST_P(DenseShiftWeight, HandExampleOfThreeGates) {
  const std::vector<at::Tensor> references = {
      at::tensor({0.2F, -0.1F, 0.0F, -0.3F}), at::tensor({0.5F, -0.5F, 0.1F, 0.2F}),
      at::tensor({0.4F, 0.3F, -0.2F, 0.1F}), at::tensor({0.6F, 0.7F, 0.8F, -0.9F})};
  for (const std::string zero : {"paper", "code"}) {
    MethodOptions options = denseshift_options(3, GetParam());
    options.zero_convention = zero;
    DenseShiftQuantizer quantizer({4}, options);
    testing::set_references(quantizer, references);
    EXPECT_THAT(values_of(quantizer.quantize()), ElementsAre(8, -4, zero == "paper" ? -2 : 2, -1));
    EXPECT_THAT(values_of(quantizer.exponents()), ElementsAre(3, 2, 1, 0));
  }
}

TEST_P(DenseShiftWeight, AllLevelsAppearAndNoOther) {
  for (const std::int64_t bits : {2, 3, 4}) {
    MethodOptions options = denseshift_options(bits, GetParam());
    options.shift_bias = 2;
    DenseShiftQuantizer quantizer({4096}, options);
    quantizer.initialize(generator_of(5));
    const std::vector<double> levels = quantizer.levels();
    EXPECT_EQ(levels.size(), std::size_t{1} << bits);
    EXPECT_TRUE(std::is_sorted(levels.begin(), levels.end()));
    EXPECT_DOUBLE_EQ(levels.back(), std::ldexp(4.0, gates_of_bits(bits)));
    const std::vector<double> values = values_of<double>(quantizer.quantize());
    EXPECT_EQ(std::set<double>(values.begin(), values.end()), std::set<double>(levels.begin(), levels.end()));
  }
}

TEST_P(DenseShiftWeight, ExportedCodesTimesScaleAreTheWeight) {
  for (const std::int64_t bits : {2, 3, 4}) {
    for (const std::int64_t bias : {0, -3, 5}) {
      MethodOptions options = denseshift_options(bits, GetParam());
      options.shift_bias = bias;
      DenseShiftQuantizer quantizer({9, 7, 3, 3}, options);
      quantizer.initialize(generator_of(static_cast<std::uint64_t>(bits)));
      const ExportedCodes exported = quantizer.export_codes();
      EXPECT_EQ(exported.bits, bits);
      EXPECT_EQ(exported.integers.size(), std::size_t{1} << bits);
      EXPECT_EQ(exported.scale.item<float>(), std::ldexp(1.0F, static_cast<int>(bias)));
      EXPECT_TRUE(at::equal(unpack(exported), quantizer.quantize().detach())) << bits << " bits, bias " << bias;
    }
  }
}

TEST_P(DenseShiftWeight, NotANumberIsRefused) {
  DenseShiftQuantizer quantizer({3, 5}, denseshift_options(3, GetParam()));
  for (const NamedTensor& p : quantizer.parameters()) {
    quantizer.initialize(generator_of(1));
    EXPECT_NO_THROW(quantizer.state_changed());
    p.tensor.detach().flatten()[7].fill_(std::numeric_limits<float>::quiet_NaN());
    EXPECT_THAT(message_of([&] { quantizer.state_changed(); }), HasSubstr("NaN")) << p.name;
    if (quantizer.leaf_update() == nullptr) {  // a leaf keeps the codes it had
      EXPECT_THAT(message_of([&] { (void)quantizer.codes(); }), HasSubstr("NaN")) << p.name;
    }
  }
}

TEST_P(DenseShiftWeight, InfinityIsASignLikeAnyOther) {
  DenseShiftQuantizer quantizer({2}, denseshift_options(2, GetParam()));
  const float infinity = std::numeric_limits<float>::infinity();
  testing::set_references(quantizer, {at::tensor({infinity, -infinity}), at::tensor({-infinity, infinity})});
  EXPECT_THAT(values_of(quantizer.quantize()), ElementsAre(1, -2));
}

TEST_P(DenseShiftWeight, InitialSpread) {
  const std::vector<std::int64_t> shape{128, 64, 3, 3};
  for (const std::string init : {"lvr", "kaiming"}) {
    MethodOptions options = denseshift_options(3, GetParam());
    options.init = init;
    DenseShiftQuantizer quantizer(shape, options);
    quantizer.initialize(generator_of(3));
    const double expected = init == "lvr" ? 1e-3 : std::sqrt(2.0 / (128 * 9));
    std::set<float> first_values;
    for (const NamedTensor& p : quantizer.parameters()) {
      EXPECT_NEAR(p.tensor.detach().std().item<double>(), expected, 0.02 * expected) << p.name;
      EXPECT_NEAR(p.tensor.detach().mean().item<double>(), 0, 0.02 * expected) << p.name;
      first_values.insert(values_of(p.tensor)[0]);
    }
    EXPECT_EQ(first_values.size(), quantizer.parameters().size()) << "references must be independent draws";
  }
}

INSTANTIATE_TEST_SUITE_P(Implementations, DenseShiftWeight, ::testing::ValuesIn(implementations()),
                         [](const auto& info) { return info.param; });

TEST(DenseShiftLeaf, StepWithAnInfiniteGradientNamesTheLayer) {
  struct Net : torch::nn::Module {
    Net() {
      LayerPolicy policy(denseshift_options(3, "leaf"), "all", {});
      LayerSite site;
      site.name = "conv";
      conv = register_module("conv", std::make_shared<nn::Conv2d>(site, 8, 8, 3, ConvGeometry{}, policy));
    }
    std::shared_ptr<nn::Conv2d> conv;
  } net;
  nn::initialize(net, 1);
  const auto optimizer = optim::make_optimizer({}, optim::collect_parameters(net, 1e-4, true));
  net.conv->quantizer().quantize().backward(at::full({8, 8, 3, 3}, std::numeric_limits<float>::infinity()));
  EXPECT_THAT(message_of([&] { optimizer->step(0.1, 1); }), HasSubstr("conv: a reference weight became NaN"));
}

TEST(DenseShiftOptions, UnknownValuesAreNamed) {
  const auto message = [](const std::function<void(MethodOptions&)>& change) {
    MethodOptions options = denseshift_options(3, "auto");
    change(options);
    return message_of([&] { DenseShiftQuantizer quantizer({2, 2}, options); });
  };
  EXPECT_EQ(message([](MethodOptions&) {}), "no error");
  EXPECT_THAT(message([](MethodOptions& o) { o.impl = "leave"; }), HasSubstr("impl: unknown value 'leave'"));
  EXPECT_THAT(message([](MethodOptions& o) { o.gradient = "x"; }), HasSubstr("gradient: unknown value 'x'"));
  EXPECT_THAT(message([](MethodOptions& o) { o.zero_convention = "x"; }), HasSubstr("zero_convention: unknown"));
}

TEST(DenseShiftOptions, ShiftBiasOfLayersWithoutNormalization) {
  // -round(0.5 log2(fan_in E[q^2])), E[q^2] = 2.5, 11.5, 191.5.
  EXPECT_EQ(unnormalized_shift_bias(2304, 2), -6);  // log2(5760) = 12.49
  EXPECT_EQ(unnormalized_shift_bias(512, 3), -6);   // log2(5888) = 12.52
  EXPECT_EQ(unnormalized_shift_bias(512, 4), -8);   // log2(98048) = 16.58
  EXPECT_EQ(unnormalized_shift_bias(2048, 4), -9);  // log2(392192) = 18.58
}

}  // namespace
}  // namespace denseshift::quant
