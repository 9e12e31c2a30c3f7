// What single methods promise beyond the contract: worked examples of the design, stages, frozen weights, solvers.

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/nn/layers.h"
#include "core/optim/optimizer.h"
#include "core/quant/methods/baselines.h"
#include "core/quant/zero_free.h"
#include "core/util/error.h"
#include "tests/core/quant/baselines_support.h"
#include "tests/core/quant/denseshift_support.h"

namespace denseshift {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using testing::make;
using testing::named;
using ::testing::Pointwise;
using testing::values_of;

/// A network of one convolution, 6 to 8 channels, 3x3.
struct OneConvolution : torch::nn::Module {
  explicit OneConvolution(const quant::MethodOptions& options) {
    quant::LayerPolicy policy(options, "all", {});
    quant::LayerSite site;
    site.name = "conv";
    conv =
        register_module("conv", std::make_shared<nn::Conv2d>(site, 6, 8, 3, quant::ConvGeometry{1, 1, 1, 1}, policy));
  }
  std::shared_ptr<nn::Conv2d> conv;
};

/// The weight and the upstream gradient of the design's worked examples: one filter of six.
at::Tensor standard_weight() { return at::tensor({0.90F, -0.60F, 0.35F, -0.20F, 0.05F, -1.30F}).reshape({1, 1, 2, 3}); }
at::Tensor standard_gradient() { return at::tensor({1.0F, -2.0F, 3.0F, -4.0F, 5.0F, -6.0F}).reshape({1, 1, 2, 3}); }

std::vector<float> evaluated(const std::string& method, std::int64_t bits,
                             std::map<std::string, std::string> options = {}) {
  const auto quantizer = make(method, bits, {1, 1, 2, 3}, "function", std::move(options));
  EXPECT_TRUE(quantizer->start_from(standard_weight()));
  quantizer->set_training(false);
  return values_of(quantizer->quantize());
}

MATCHER(NearlyEqual, "") { return std::abs(std::get<0>(arg) - std::get<1>(arg)) <= 1e-5F; }

TEST(WorkedExamples, OfTheDesign) {
  const auto near = [](const std::vector<float>& expected) { return Pointwise(NearlyEqual(), expected); };
  EXPECT_THAT(evaluated("twn", 2), near({0.933333F, -0.933333F, 0, 0, 0, -0.933333F}));
  EXPECT_THAT(evaluated("bwn", 1), near({0.566667F, -0.566667F, 0.566667F, -0.566667F, 0.566667F, -0.566667F}));
  EXPECT_THAT(evaluated("inq", 2), near({1, -1, 0, 0, 0, -1}));
  EXPECT_THAT(evaluated("inq", 3), near({1, -0.5F, 0.5F, 0, 0, -1}));
  EXPECT_THAT(evaluated("inq", 4), near({1, -0.5F, 0.25F, -0.25F, 0, -1}));
  EXPECT_THAT(evaluated("inq", 5), near({1, -0.5F, 0.25F, -0.25F, 0.0625F, -1}));
  EXPECT_THAT(evaluated("deepshift-q", 3), near({1, -0.5F, 0.25F, -0.25F, 0.125F, -1}));
  EXPECT_THAT(evaluated("deepshift-q", 4), near({1, -0.5F, 0.25F, -0.25F, 0.0625F, -1}));
  EXPECT_THAT(evaluated("ste-pot", 3), near({0.65F, -0.65F, 0.325F, 0, 0, -1.3F}));
  EXPECT_THAT(evaluated("ste-pot", 4), near({0.65F, -0.65F, 0.325F, -0.1625F, 0.040625F, -1.3F}));
  EXPECT_THAT(evaluated("ste-pot", 3, {{"scale", "power_of_two"}}), near({1, -0.5F, 0.25F, -0.25F, 0, -1}));
  EXPECT_THAT(evaluated("lsq", 3), near({0.65433F, -0.65433F, 0.65433F, 0, 0, -1.308661F}));
}

TEST(WorkedExamples, Gradients) {
  const auto ttq = make("ttq", 2, {1, 1, 2, 3}, "function");
  ASSERT_TRUE(ttq->start_from(standard_weight()));
  testing::set(*ttq, "w_p", at::full({1}, 0.8));
  testing::set(*ttq, "w_n", at::full({1}, 1.2));
  const at::Tensor q = ttq->quantize();
  EXPECT_THAT(values_of(q), Pointwise(NearlyEqual(), std::vector<float>{0.8F, -1.2F, 0.8F, -1.2F, 0, -1.2F}));
  q.backward(standard_gradient());
  EXPECT_THAT(values_of(named(*ttq, "weight").grad()),
              Pointwise(NearlyEqual(), std::vector<float>{0.8F, -2.4F, 2.4F, -4.8F, 5, -7.2F}));
  EXPECT_FLOAT_EQ(named(*ttq, "w_p").grad().item<float>(), 4);
  EXPECT_FLOAT_EQ(named(*ttq, "w_n").grad().item<float>(), 12);

  const auto lsq = make("lsq", 3, {1, 1, 2, 3}, "function");
  ASSERT_TRUE(lsq->start_from(standard_weight()));
  lsq->quantize().backward(standard_gradient());
  EXPECT_NEAR(named(*lsq, "step").grad().item<double>(), -0.079988, 1e-5);
}

TEST(Inq, FrozenWeightsStayTheSameBitsThroughTraining) {
  OneConvolution net(testing::method_options("inq", 4, "function", {{"portions", "0.3,0.6,1"}}));
  nn::Conv2d& layer = *net.conv;
  ASSERT_TRUE(layer.quantizer().start_from(testing::normal_weight({8, 6, 3, 3}, 0.1, 1)));
  optim::OptimizerOptions sgd;
  sgd.momentum = 0.9;
  const auto optimizer = optim::make_optimizer(sgd, optim::collect_parameters(net, 1e-2, true));
  const at::Tensor frozen = named(layer.quantizer(), "frozen");
  for (const std::int64_t stage : {0, 1}) {
    layer.quantizer().on_stage(stage);
    const at::Tensor mask = frozen.ne(0).clone();
    EXPECT_EQ(mask.sum().item<std::int64_t>(),
              static_cast<std::int64_t>(std::ceil(static_cast<double>(stage + 1) * 0.3 * 432)));
    const at::Tensor before = named(layer.quantizer(), "weight").detach().clone();
    layer.train();
    for (int step = 0; step < 100; ++step) {
      optimizer->zero_grad();
      at::manual_seed(static_cast<std::uint64_t>(step));
      layer.forward(at::randn({2, 6, 5, 5})).square().mean().backward();
      optimizer->step(0.1, 1);
      layer.quantizer().on_step(step + 1);
    }
    const at::Tensor after = named(layer.quantizer(), "weight").detach();
    EXPECT_TRUE(at::equal(before.index({mask}).view(at::kInt), after.index({mask}).view(at::kInt)));
    const at::Tensor moved = before.ne(after).index({mask.logical_not()});
    EXPECT_TRUE(moved.all().item<bool>()) << "the others train";
  }
}

TEST(Inq, FreezesTheLargestFirst) {
  const at::Tensor weight = at::tensor({0.1F, -0.9F, 0.5F, -0.5F, 0.7F});
  const at::Tensor frozen = at::tensor({0, 0, 0, 0, 1}).to(at::kByte);
  EXPECT_THAT(quant::inq_select(weight, frozen, 2), ::testing::UnorderedElementsAre(1, 2));
  EXPECT_THAT(quant::inq_select(weight, frozen, 99), ::testing::UnorderedElementsAre(0, 1, 2, 3));
}

TEST(Inq, ATieGoesUpOrDown) {
  for (const auto& [tie, expected] : {std::pair{"up", 0.5F}, std::pair{"down", 0.25F}}) {
    const auto quantizer = make("inq", 4, {1, 4}, "function", {{"tie", tie}});
    ASSERT_TRUE(quantizer->start_from(at::tensor({0.375F, -0.375F, 1.0F, 0.1F}).reshape({1, 4})));
    quantizer->set_training(false);
    EXPECT_EQ(values_of(quantizer->quantize())[0], expected);
    EXPECT_EQ(values_of(quantizer->quantize())[1], -expected);
  }
}

TEST(LqNets, ALeastSquaresStepDoesNotRaiseTheError) {
  const at::Tensor weight = testing::normal_weight({4, 8, 3, 3}, 0.1, 5);
  const auto quantizer = make("lq-nets", 2, {4, 8, 3, 3}, "function");
  ASSERT_TRUE(quantizer->start_from(weight));
  double last = 1e9;
  for (int pass = 0; pass < 20; ++pass) {
    const double error = (quantizer->quantize().detach() - weight).square().sum().item<double>();
    EXPECT_LE(error, last * (1 + 1e-3));
    last = error;
  }
}

TEST(Bwhn, TheSolverReachesWhatBruteForceFindsAndNeverClimbs) {
  at::manual_seed(2);
  for (int trial = 0; trial < 5; ++trial) {
    const at::Tensor x = at::randn({7, 12}, at::kDouble);
    const at::Tensor gram = at::matmul(x, x.t()).contiguous();
    const at::Tensor w = at::randn({7}, at::kDouble);
    const std::vector<double> weight(w.data_ptr<double>(), w.data_ptr<double>() + 7);
    const quant::BinaryFit fit =
        quant::bwhn_solve({gram.data_ptr<double>(), gram.data_ptr<double>() + 49}, weight, 50, true);
    for (std::size_t i = 1; i < fit.history.size(); ++i) EXPECT_LE(fit.history[i], fit.history[i - 1] + 1e-9);
    const at::Tensor target = at::matmul(x.t(), w);
    double best = 1e300;
    for (int code = 0; code < 128; ++code) {
      std::vector<double> b;
      for (int i = 0; i < 7; ++i) b.push_back((code >> i) & 1 ? 1 : -1);
      const at::Tensor output = at::matmul(x.t(), at::tensor(b, at::kDouble));
      const double alpha = std::max(0.0, (output * target).sum().item<double>() / output.square().sum().item<double>());
      best = std::min(best, (target - alpha * output).square().sum().item<double>());
    }
    // Coordinate descent may stop at a local optimum, but not below the best there is.
    EXPECT_GE(fit.history.back(), best - 1e-9);
    EXPECT_LE(fit.history.back(), fit.history.front());
  }
}

TEST(Bwhn, CalibrationBringsOutputsNearerThanPlainSigns) {
  at::manual_seed(6);
  const at::Tensor weight = testing::normal_weight({8, 6, 3, 3}, 0.1, 7);
  const at::Tensor x = at::randn({8, 6, 10, 10}).relu();
  const at::Tensor target = at::conv2d(x, weight, {}, 1, 1);
  const auto quantizer = make("bwhn", 1, {8, 6, 3, 3}, "function", {{"patches", "500"}});
  ASSERT_TRUE(quantizer->start_from(weight));
  const at::NoGradGuard no_grad;
  const double before = (quantizer->convolve(x, {1, 1, 1, 1}) - target).square().mean().item<double>();
  quantizer->begin_calibration();
  EXPECT_TRUE(quantizer->wants_samples());
  (void)quantizer->convolve(x, {1, 1, 1, 1});
  EXPECT_FALSE(quantizer->wants_samples());
  quantizer->end_calibration();
  EXPECT_LT((quantizer->convolve(x, {1, 1, 1, 1}) - target).square().mean().item<double>(), 0.9 * before);
}

TEST(SqTwn, StagesQuantizeAGrowingShareOfFilters) {
  const at::Tensor weight = testing::normal_weight({8, 6, 3, 3}, 0.1, 7);
  const auto quantizer = make("sq-twn", 2, {8, 6, 3, 3}, "function");
  ASSERT_TRUE(quantizer->start_from(weight));
  std::vector<std::int64_t> real;
  ASSERT_EQ(quantizer->stages(), 4);
  for (std::int64_t stage = 0; stage < 4; ++stage) {
    quantizer->on_stage(stage);
    const at::Tensor q = quantizer->quantize().detach();
    std::int64_t same = 0;
    for (std::int64_t row = 0; row < 8; ++row) same += at::equal(q[row], weight[row]) ? 1 : 0;
    real.push_back(same);
  }
  EXPECT_THAT(real, ElementsAre(4, 2, 1, 0));
}

TEST(DeepShiftQ, AnExactZeroStaysInTrainingAndHasACodeInEvaluation) {
  const auto quantizer = make("deepshift-q", 4, {1, 3}, "function");
  ASSERT_TRUE(quantizer->start_from(at::tensor({0.0F, 0.3F, -0.0F}).reshape({1, 3})));
  EXPECT_THAT(values_of(quantizer->quantize()), ElementsAre(0.0F, 0.25F, 0.0F));
  quantizer->set_training(false);
  EXPECT_THAT(values_of(quantizer->quantize()), ElementsAre(0.0078125F, 0.25F, 0.0078125F));
}

/// S3 by its three implementations: one step of each must leave the same bits.
TEST(S3, LeafFunctionAndReferenceTrainToTheSameBits) {
  for (const std::int64_t bits : {2, 3, 4}) {
    std::vector<std::vector<at::Tensor>> results;
    for (const char* impl : {"leaf", "function", "reference"}) {
      OneConvolution net(testing::method_options("s3", bits, impl, {{"sparse_penalty", "0.01"}}));
      nn::Conv2d& layer = *net.conv;
      layer.initialize(at::make_generator<at::CPUGeneratorImpl>(3));
      optim::OptimizerOptions sgd;
      sgd.momentum = 0.9;
      const auto optimizer = optim::make_optimizer(sgd, optim::collect_parameters(net, 1e-3, true));
      for (int step = 0; step < 5; ++step) {
        optimizer->zero_grad();
        at::manual_seed(static_cast<std::uint64_t>(step));
        at::Tensor loss = layer.forward(at::randn({2, 6, 5, 5})).square().mean();
        if (const at::Tensor extra = layer.quantizer().regularizer(); extra.defined()) loss = loss + extra;
        loss.backward();
        optimizer->step(0.01, 1);
        layer.quantizer().on_step(step + 1);
      }
      results.emplace_back();
      for (const quant::NamedTensor& p : layer.quantizer().parameters()) results.back().push_back(p.tensor.detach());
      results.back().push_back(layer.quantizer().quantize().detach());
    }
    for (std::size_t i = 1; i < results.size(); ++i) {
      for (std::size_t t = 0; t < results[0].size(); ++t) {
        EXPECT_TRUE(at::equal(results[0][t].view(at::kInt), results[i][t].view(at::kInt)))
            << bits << " bits, implementation " << i << ", tensor " << t << ", differs by "
            << (results[0][t] - results[i][t]).abs().max();
      }
    }
  }
}

TEST(ZeroFree, EveryLevelIsTheSumOfTwoZeroFreeOnes) {
  for (const auto& [method, bits] : std::vector<std::pair<std::string, std::int64_t>>{
           {"s3", 2}, {"s3", 3}, {"s3", 4}, {"inq", 5}, {"inq", 3}, {"deepshift-ps", 4}, {"lr-net", 2}}) {
    const auto quantizer = make(method, bits, {6, 5, 3, 3}, "function");
    if (!quantizer->start_from(testing::normal_weight({6, 5, 3, 3}, 0.3, 2))) {
      quantizer->initialize(at::make_generator<at::CPUGeneratorImpl>(4));
    }
    quantizer->set_training(false);
    const at::Tensor q = quantizer->quantize().detach();
    const quant::PowerWeights powers = quant::power_weights(quantizer->export_codes(), method);
    EXPECT_TRUE(powers.has_zero);
    const quant::ZeroFreePair pair = quant::zero_free_pair(powers);
    const auto value = [&](const at::Tensor& sign, const at::Tensor& shift) {
      return sign.to(at::kFloat) * (shift.to(at::kFloat) + static_cast<double>(powers.bias)).exp2();
    };
    EXPECT_TRUE(pair.first_sign.ne(0).all().item<bool>());
    EXPECT_TRUE(pair.second_sign.ne(0).all().item<bool>());
    EXPECT_TRUE(at::equal(value(pair.first_sign, pair.first_shift) + value(pair.second_sign, pair.second_shift), q))
        << method << " " << bits;
  }
}

TEST(ZeroFree, ReferencesReproduceSignsAndShifts) {
  for (const std::int64_t bits : {2, 3, 4}) {
    const auto quantizer = make("denseshift", bits, {2, 8}, "function");
    const std::int64_t gates = quant::gates_of_bits(bits);
    const at::Tensor shift = at::arange(16).remainder(gates + 1).to(at::kChar).reshape({2, 8});
    const at::Tensor sign = at::tensor({1, -1}).to(at::kChar).reshape({2, 1}).expand({2, 8}).contiguous();
    testing::set_references(*quantizer, quant::references_for(sign, shift, static_cast<int>(gates)));
    EXPECT_TRUE(at::equal(quantizer->quantize().detach(), sign.to(at::kFloat) * shift.to(at::kFloat).exp2()));
  }
}

TEST(ZeroFree, RefusesScalesThatAreNoPowersOfTwo) {
  for (const auto& [method, bits] : std::vector<std::pair<std::string, std::int64_t>>{
           {"twn", 2}, {"ste-pot", 4}, {"lq-nets", 2}, {"apot", 4}, {"lsq", 3}, {"bwn", 1}}) {
    const auto quantizer = make(method, bits, {6, 5, 3, 3}, "function");
    ASSERT_TRUE(quantizer->start_from(testing::normal_weight({6, 5, 3, 3}, 0.3, 2)));
    EXPECT_THROW((void)quant::power_weights(quantizer->export_codes(), method), Error) << method;
  }
}

}  // namespace
}  // namespace denseshift
