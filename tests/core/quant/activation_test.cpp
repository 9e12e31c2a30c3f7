// Activation quantizers: values, gradients, state; the fused passes against tensor operations.

#include "core/quant/activation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/util/error.h"

namespace denseshift::quant {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

ActivationOptions make(const std::string& method, std::int64_t bits, double alpha = 10) {
  ActivationOptions options;
  options.method = method;
  options.bits = bits;
  options.alpha = alpha;
  options.channels = 3;
  return options;
}

std::vector<float> activation_values(const at::Tensor& x) {
  const at::Tensor flat = x.detach().contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

struct Pass {
  at::Tensor y, dx, dalpha;
};

Pass pass(ActivationQuantizer& quantizer, const at::Tensor& input, const at::Tensor& grad) {
  at::Tensor x = input.detach().clone().requires_grad_(true);
  for (const NamedTensor& p : quantizer.parameters()) at::Tensor(p.tensor).mutable_grad() = at::Tensor();
  const at::Tensor y = quantizer.forward(x);
  y.backward(grad);
  return {y.detach(), x.grad(),
          quantizer.parameters().empty() ? at::Tensor() : quantizer.parameters()[0].tensor.grad()};
}

/// Equal numbers; NaN equals NaN, and 0 equals -0.
void expect_same(const at::Tensor& a, const at::Tensor& b) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_TRUE(at::allclose(a, b, 0, 0, /*equal_nan=*/true)) << at::stack({a.flatten(), b.flatten()});
}

/// Both implementations on the same input, several passes so that state moves, too.
void expect_equal_implementations(ActivationOptions options, const at::Tensor& x, const at::Tensor& grad) {
  const auto fused = make_activation(options);
  options.reference = true;
  const auto composed = make_activation(options);
  for (int i = 0; i < 3; ++i) {
    const Pass a = pass(*fused, x, grad);
    const Pass b = pass(*composed, x, grad);
    expect_same(a.y, b.y);
    expect_same(a.dx, b.dx);
    if (a.dalpha.defined()) {
      const double sum = b.dalpha.item<double>();
      if (!std::isnan(sum)) {
        EXPECT_NEAR(a.dalpha.item<double>(), sum, 1e-6 * (1 + std::abs(sum)));
      }
    }
    for (std::size_t k = 0; k < fused->buffers().size(); ++k) {
      const at::Tensor p = fused->buffers()[k].tensor.to(at::kDouble);
      EXPECT_TRUE(at::allclose(p, composed->buffers()[k].tensor.to(at::kDouble), 1e-6, 1e-9));
    }
    const at::NoGradGuard no_grad;
    EXPECT_TRUE(at::allclose(fused->forward(x), composed->forward(x), 1e-6, 1e-9, true));
  }
}

std::vector<ActivationOptions> all_kinds() {
  std::vector<ActivationOptions> kinds;
  for (const std::int64_t bits : {2, 3, 4, 5, 6, 7, 8}) {
    kinds.push_back(make("pact", bits, 1.7));
    kinds.push_back(make("pact", bits, 1.7));
    kinds.back().signed_input = true;
  }
  for (const std::int64_t bits : {2, 3, 4}) kinds.push_back(make("lq-nets", bits));
  for (const char* name : {"hwgq", "hwgq-nonuniform"}) {
    kinds.push_back(make(name, 2));
    kinds.back().bare = true;
  }
  return kinds;
}

TEST(Activations, FusedEqualsComposedOnOddSizes) {
  at::manual_seed(5);
  for (const ActivationOptions& options : all_kinds()) {
    SCOPED_TRACE(options.method + " " + std::to_string(options.bits));
    for (const std::int64_t n : {1, 15, 17, 513, 16384, 50021}) {
      expect_equal_implementations(options, at::randn({n}) * 2, at::randn({n}));
    }
    const at::Tensor channels_last = at::randn({2, 3, 5, 7}).contiguous(at::MemoryFormat::ChannelsLast);
    expect_equal_implementations(options, channels_last, at::randn({2, 3, 5, 7}));
    expect_equal_implementations(options, at::randn({6, 5}).slice(1, 1, 4), at::ones({}).expand({6, 3}));
  }
}

TEST(Activations, FusedEqualsComposedOnSpecialValues) {
  for (ActivationOptions options : all_kinds()) {
    SCOPED_TRACE(options.method + " " + std::to_string(options.bits));
    std::vector<float> x = {0.0F, -0.0F, 1e-40F, -1e-40F, std::numeric_limits<float>::max()};
    std::vector<double> levels = make_activation(options)->levels();
    for (std::size_t i = 0; i < levels.size(); ++i) {
      x.push_back(static_cast<float>(levels[i]));
      if (i > 0) x.push_back(static_cast<float>((levels[i - 1] + levels[i]) / 2));  // a threshold, exactly or nearly
    }
    for (const float v : std::vector<float>(x)) {
      x.push_back(std::nextafter(v, kInfinity));
      x.push_back(std::nextafter(v, -kInfinity));
      x.push_back(-v);
    }
    expect_equal_implementations(options, at::tensor(x), at::randn({static_cast<std::int64_t>(x.size())}));
    if (options.method == "lq-nets") continue;  // an infinite input leaves its basis as it is, tested below
    x.insert(x.end(), {kInfinity, -kInfinity, kNaN});
    expect_equal_implementations(options, at::tensor(x), at::randn({static_cast<std::int64_t>(x.size())}));
  }
}

TEST(Activations, NotANumberStaysOne) {
  for (const ActivationOptions& options : all_kinds()) {
    const auto quantizer = make_activation(options);
    const at::Tensor y = quantizer->forward(at::tensor({1.0F, kNaN, 0.5F}));
    EXPECT_TRUE(std::isnan(y[1].item<float>())) << options.method;
    EXPECT_FALSE(std::isnan(y[0].item<float>()) || std::isnan(y[2].item<float>())) << options.method;
  }
}

TEST(Pact, HandExample) {
  const at::Tensor x = at::tensor({-1.0F, 0.0F, 0.25F, 1.5F, 3.0F, 4.0F});
  EXPECT_THAT(activation_values(make_activation(make("pact", 4, 3))->forward(x)),
              Pointwise(FloatNear(1e-6F), {0.0F, 0.0F, 0.2F, 1.6F, 3.0F, 3.0F}));
  EXPECT_THAT(activation_values(make_activation(make("pact", 8, 3))->forward(x)),
              Pointwise(FloatNear(1e-6F), {0.0F, 0.0F, 0.247059F, 1.505882F, 3.0F, 3.0F}));
}

TEST(Pact, GradientAtTheLimitsGoesBothWays) {
  const auto quantizer = make_activation(make("pact", 4, 3));
  const Pass p =
      pass(*quantizer, at::tensor({-1.0F, 0.0F, 1.0F, 3.0F, 4.0F}), at::tensor({1.0F, 2.0F, 4.0F, 8.0F, 16.0F}));
  EXPECT_THAT(activation_values(p.dx), ElementsAre(0.0F, 2.0F, 4.0F, 8.0F, 0.0F));
  EXPECT_EQ(p.dalpha.item<float>(), 24.0F);
}

TEST(Pact, SignedInputsHaveAnOddNumberOfLevels) {
  ActivationOptions options = make("pact", 3, 3);
  options.signed_input = true;
  const auto quantizer = make_activation(options);
  EXPECT_THAT(quantizer->levels(), ElementsAre(-3, -2, -1, 0, 1, 2, 3));
  const Pass p = pass(*quantizer, at::tensor({-4.0F, -3.0F, -1.6F, 0.4F, 0.5F, 1.5F, 3.0F, 5.0F}),
                      at::tensor({1.0F, 2.0F, 4.0F, 8.0F, 16.0F, 32.0F, 64.0F, 128.0F}));
  EXPECT_THAT(activation_values(p.y), ElementsAre(-3.0F, -3.0F, -2.0F, 0.0F, 0.0F, 2.0F, 3.0F, 3.0F));
  EXPECT_THAT(activation_values(p.dx), ElementsAre(0.0F, 2.0F, 4.0F, 8.0F, 16.0F, 32.0F, 64.0F, 0.0F));
  EXPECT_EQ(p.dalpha.item<float>(), 64.0F + 128.0F - 1.0F - 2.0F);
}

TEST(Pact, GradientOfAlphaIsSummedInDoublePrecision) {
  at::manual_seed(2);
  const at::Tensor x = at::randn({64, 16, 33, 31}) * 3;
  const at::Tensor grad = at::randn({64, 16, 33, 31}) + 1;
  const auto quantizer = make_activation(make("pact", 8, 2.5));
  const double expected = grad.to(at::kDouble).masked_select(x.ge(2.5)).sum().item<double>();
  EXPECT_NEAR(pass(*quantizer, x, grad).dalpha.item<double>(), expected, 1e-7 * std::abs(expected));
  // The function of alpha whose derivative it is: the clipped, unrounded activation.
  const double h = 1e-6;
  const at::Tensor wide = x.to(at::kDouble);
  const auto clipped = [&](double alpha) { return (wide.clamp(0, alpha) * grad).sum().item<double>(); };
  EXPECT_NEAR((clipped(2.5 + h) - clipped(2.5 - h)) / (2 * h), expected, 1e-3 * std::abs(expected));
}

TEST(Pact, AlphaHasAFloorFromWhichItCanReturn) {
  for (const bool reference : {false, true}) {
    ActivationOptions options = make("pact", 4, -2);
    options.reference = reference;
    const auto quantizer = make_activation(options);
    const Pass p = pass(*quantizer, at::tensor({-1.0F, 1.0F}), at::tensor({1.0F, -3.0F}));
    EXPECT_THAT(activation_values(p.y), Pointwise(FloatNear(1e-9F), {0.0F, 1e-3F}));
    EXPECT_EQ(p.dalpha.item<float>(), -3.0F);
  }
}

TEST(Pact, HalfPrecisionInputsKeepTheirType) {
  const auto quantizer = make_activation(make("pact", 4, 3));
  at::Tensor x = at::tensor({-1.0F, 1.5F, 4.0F}).to(at::kBFloat16).requires_grad_(true);
  const at::Tensor y = quantizer->forward(x);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.sum().backward();
  EXPECT_EQ(x.grad().scalar_type(), at::kBFloat16);
  EXPECT_THAT(activation_values(x.grad().to(at::kFloat)), ElementsAre(0.0F, 1.0F, 0.0F));
}

TEST(Hwgq, HandExample) {
  ActivationOptions options = make("hwgq", 2);
  options.bare = true;
  const at::Tensor x = at::tensor({-1.0F, 0.0F, 0.001F, 0.807F, 0.81F, 1.4F, 2.0F});
  const Pass p = pass(*make_activation(options), x, at::ones({7}));
  EXPECT_THAT(activation_values(p.y), ElementsAre(0.0F, 0.0F, 0.538F, 0.538F, 1.076F, 1.614F, 1.614F));
  EXPECT_THAT(activation_values(p.dx), ElementsAre(0.0F, 0.0F, 1.0F, 1.0F, 1.0F, 1.0F, 0.0F));
}

TEST(Hwgq, NormalizesItsInput) {
  at::manual_seed(1);
  const auto quantizer = make_activation(make("hwgq", 2));
  const at::Tensor x = at::randn({16, 3, 8, 8});
  const at::Tensor y = quantizer->forward(x);
  const at::Tensor moved = quantizer->forward(x * 4 + 8);
  EXPECT_LT(moved.ne(y).to(at::kFloat).mean().item<float>(), 0.01F);  // rounding may move a few over a threshold
  EXPECT_EQ(quantizer->buffers().at(2).tensor.item<std::int64_t>(), 2);
  quantizer->set_training(false);
  const at::Tensor mean = quantizer->buffers().at(0).tensor.clone();
  (void)quantizer->forward(x);
  EXPECT_TRUE(at::equal(mean, quantizer->buffers().at(0).tensor));
}

TEST(LqNets, EvaluationChangesNothing) {
  at::manual_seed(3);
  const auto quantizer = make_activation(make("lq-nets", 3));
  quantizer->set_training(false);
  const std::vector<double> before = quantizer->levels();
  (void)quantizer->forward(at::randn({1000}));
  EXPECT_EQ(quantizer->levels(), before);
  quantizer->set_training(true);
  (void)quantizer->forward(at::randn({1000}));
  EXPECT_NE(quantizer->levels(), before);
}

TEST(LqNets, KeepsTheBasisThatNoInputUses) {
  for (const bool reference : {false, true}) {
    ActivationOptions options = make("lq-nets", 2);
    options.reference = reference;
    const auto quantizer = make_activation(options);
    const std::vector<double> before = quantizer->levels();
    (void)quantizer->forward(at::zeros({1000}));  // level 0 only
    (void)quantizer->forward(at::tensor({kInfinity, 1.0F}));
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(quantizer->levels()[i], before[i], 1e-6);
    (void)quantizer->forward(at::full({1000}, 1.4F));  // the top level only: the system is singular
    for (const double level : quantizer->levels()) EXPECT_TRUE(std::isfinite(level) && level > -1e-6 && level < 1.5);
  }
}

TEST(LqNets, ActsAsIfBehindAReLU) {
  const at::Tensor x = at::tensor({-1.0F, 0.0F, 0.5F, 9.0F});
  EXPECT_THAT(activation_values(pass(*make_activation(make("lq-nets", 2)), x, at::ones({4})).dx),
              ElementsAre(0.0F, 1.0F, 1.0F, 0.0F));
  ActivationOptions bare = make("lq-nets", 2);
  bare.bare = true;
  EXPECT_THAT(activation_values(pass(*make_activation(bare), x, at::ones({4})).dx),
              ElementsAre(1.0F, 1.0F, 1.0F, 0.0F));
}

TEST(LqNets, TheErrorFallsWithTheBasis) {
  at::manual_seed(7);
  const at::Tensor x = at::randn({20000}).relu() * 3;
  const auto quantizer = make_activation(make("lq-nets", 2));
  const double before = (quantizer->forward(x) - x).square().mean().item<double>();
  for (int i = 0; i < 20; ++i) (void)quantizer->forward(x);
  EXPECT_LT((quantizer->forward(x) - x).square().mean().item<double>(), 0.5 * before);
}

std::string usage_of(const std::string& method, std::int64_t bits) {
  try {
    check_activation_bits(method, bits);
  } catch (const Error& error) {
    return std::string(error.what()) + "; " + error.hint();
  }
  return "";
}

TEST(Activations, BitsAreChecked) {
  EXPECT_EQ(usage_of("pact", 8), "");
  EXPECT_EQ(usage_of("hwgq", 4), "abits: hwgq has no 4-bit activations; use 2, or 32 for floating point");
  EXPECT_EQ(usage_of("lq-nets", 8), "abits: lq-nets has no 8-bit activations; use 2, 3 or 4, or 32 for floating point");
  EXPECT_THAT(usage_of("pcat", 8), HasSubstr("did you mean pact?"));
}

}  // namespace
}  // namespace denseshift::quant
