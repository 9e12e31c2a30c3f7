#include "core/kernels/densequant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "tests/core/kernels/reference.h"

namespace denseshift::kernels {
namespace {

using reference::Layer;
using reference::same;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

/// Every combination of gates, gradient variant and zero convention.
class DenseQuant : public ::testing::TestWithParam<std::tuple<int, GradientMode, ZeroConvention>> {
 protected:
  [[nodiscard]] static DenseShiftSpec spec(int bias = 0) {
    const auto [gates, gradient, zero] = GetParam();
    return {gates, gradient, zero, bias};
  }
  /// Codes of a layer, and the weight unless null.
  static std::vector<std::uint8_t> codes_of(const DenseShiftSpec& spec, Layer& layer, float* weight = nullptr) {
    std::vector<std::uint8_t> codes(layer.grad.size());
    EXPECT_TRUE(quantize(spec, layer.reference_pointers().data(), weight, codes.data(), 0, layer.size()));
    return codes;
  }
};

INSTANTIATE_TEST_SUITE_P(All, DenseQuant,
                         ::testing::Combine(::testing::Values(1, 2, 3, 7),
                                            ::testing::Values(GradientMode::surrogate, GradientMode::sign_only,
                                                              GradientMode::none),
                                            ::testing::Values(ZeroConvention::paper, ZeroConvention::code)));

// Sizes around the lanes and the block of the implementation.
const std::int64_t kSizes[] = {1, 7, 16, 17, 511, 512, 513, 1025};

TEST_P(DenseQuant, QuantizeEqualsTheEquations) {
  for (const int bias : {0, -64, 64}) {
    for (const std::int64_t n : kSizes) {
      Layer layer(spec().gates, n, 10);
      layer.add_specials(11);
      std::vector<float> weight(layer.grad.size());
      const std::vector<std::uint8_t> codes = codes_of(spec(bias), layer, weight.data());
      for (std::size_t i = 0; i < weight.size(); ++i) {
        ASSERT_EQ(weight[i], reference::weight(spec(bias), layer.references[0][i], layer.gates_of(i)))
            << i << " of " << n;
        ASSERT_EQ(codes[i] & 1, weight[i] < 0 ? 1 : 0);
        ASSERT_EQ(codes[i] >> (spec().gates + 1), 0);
        for (int t = 1; t <= spec().gates; ++t) {
          ASSERT_EQ((codes[i] >> t) & 1, layer.references[static_cast<std::size_t>(t)][i] > 0 ? 1 : 0);
        }
        ASSERT_EQ(shift_of_code(codes[i], spec().gates), reference::shifts(layer.gates_of(i)).back());
      }
      std::vector<float> decoded(weight.size());
      decode(spec(bias), codes.data(), decoded.data(), 0, n);
      ASSERT_EQ(decoded, weight);
    }
  }
}

TEST_P(DenseQuant, EitherOutputMayBeLeftOut) {
  Layer layer(spec().gates, 700, 12);
  std::vector<float> both(700), alone(700);
  const std::vector<std::uint8_t> codes = codes_of(spec(), layer, both.data());
  EXPECT_EQ(codes_of(spec(), layer), codes);
  EXPECT_TRUE(quantize(spec(), layer.reference_pointers().data(), alone.data(), nullptr, 0, 700));
  EXPECT_EQ(alone, both);
}

TEST_P(DenseQuant, NanIsReportedWhereverItIs) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int t = 0; t <= spec().gates; ++t) {
    for (const std::size_t i :
         {std::size_t{0}, std::size_t{14}, std::size_t{511}, std::size_t{512}, std::size_t{999}}) {
      Layer layer(spec().gates, 1000, 13);
      std::vector<float> weight(1000);
      std::vector<std::uint8_t> codes(1000);
      layer.references[static_cast<std::size_t>(t)][i] = i % 2 == 0 ? nan : -nan;
      const std::vector<float*> pointers = layer.reference_pointers();
      EXPECT_FALSE(quantize(spec(), pointers.data(), weight.data(), codes.data(), 0, 1000)) << t << " " << i;
      const auto position = static_cast<std::int64_t>(i);
      EXPECT_TRUE(quantize(spec(), pointers.data(), weight.data(), codes.data(), position + 1, 1000));
      const SgdStep step{0.1F, 0.9F, 1e-4F};
      std::fill(codes.begin(), codes.end(), std::uint8_t{0});
      EXPECT_FALSE(sgd_step(spec(), step, layer.grad.data(), pointers.data(), layer.momentum_pointers().data(),
                            weight.data(), codes.data(), 0, 1000));
    }
  }
}

TEST_P(DenseQuant, GradientHasTheBitsOfAutomaticDifferentiation) {
  for (const std::int64_t n : kSizes) {
    Layer layer(spec().gates, n, 20);
    layer.add_specials(21);
    RandomStream random(22);
    for (float& g : layer.grad) {
      const float specials[] = {
          0.0F, -0.0F, 1e-42F, -3e38F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
      if (random.below(8) == 0) g = specials[random.below(std::size(specials))];
    }
    const std::vector<std::uint8_t> codes = codes_of(spec(), layer);
    Layer out(spec().gates, n, 23);
    expand_gradient(spec(), layer.grad.data(), codes.data(), out.reference_pointers().data(), 0, n);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const std::vector<float> expected =
          reference::gradients(spec(), layer.grad[i], layer.references[0][i], layer.gates_of(i));
      for (std::size_t t = 0; t < expected.size(); ++t) {
        ASSERT_TRUE(same(out.references[t][i], expected[t]))
            << "reference " << t << ", element " << i << ": " << out.references[t][i] << " instead of " << expected[t];
      }
    }
  }
}

TEST_P(DenseQuant, GradientIsThatOfThePaperAndIgnoresTheBias) {
  Layer layer(spec().gates, 600, 24);
  const std::vector<std::uint8_t> codes = codes_of(spec(-7), layer);
  Layer out(spec().gates, 600, 25);
  expand_gradient(spec(-7), layer.grad.data(), codes.data(), out.reference_pointers().data(), 0, 600);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::vector<double> expected = reference::exact_gradients(spec(), static_cast<double>(layer.grad[i]),
                                                                    layer.references[0][i], layer.gates_of(i));
    for (std::size_t t = 0; t < expected.size(); ++t) {
      ASSERT_NEAR(out.references[t][i], expected[t], 5e-7 * std::abs(expected[t])) << t << " " << i;
    }
  }
}

TEST_P(DenseQuant, SquareSumIsThatOfTheExpandedGradient) {
  for (const std::int64_t n : kSizes) {
    Layer layer(spec().gates, n, 30);
    const std::vector<std::uint8_t> codes = codes_of(spec(), layer);
    Layer out(spec().gates, n, 31);
    expand_gradient(spec(), layer.grad.data(), codes.data(), out.reference_pointers().data(), 0, n);
    double expected = 0;
    for (const std::vector<float>& grad : out.references) {
      for (const float g : grad) expected += static_cast<double>(g) * static_cast<double>(g);
    }
    EXPECT_NEAR(gradient_square_sum(spec(), layer.grad.data(), codes.data(), nullptr, 0, n), expected,
                1e-13 * expected);
  }
}

/// One sgd_step against its three parts, for every kind of momentum.
TEST_P(DenseQuant, StepHasTheBitsOfItsParts) {
  for (const SgdStep& step :
       {SgdStep{0.1F, 0.9F, 1e-4F}, SgdStep{0.05F, 0.9F, 5e-4F, 0.37F, true}, SgdStep{0.1F, 0.0F, 1e-4F},
        SgdStep{0.1F, 0.9F, 0.0F}, SgdStep{0.1F, 0.0F, 0.0F, 0.25F}}) {
    for (const std::int64_t n : kSizes) {
      Layer layer(spec().gates, n, 40);
      layer.add_specials(41);
      for (std::vector<float>& reference : layer.references) {
        for (float& value : reference) value = std::isinf(value) ? 1.0F : value;
      }
      std::vector<float> weight(layer.grad.size());
      std::vector<std::uint8_t> codes = codes_of(spec(2), layer, weight.data());
      Layer expected = layer;
      Layer expanded(spec().gates, n, 42);
      expand_gradient(spec(2), layer.grad.data(), codes.data(), expanded.reference_pointers().data(), 0, n);
      for (std::size_t t = 0; t < expected.references.size(); ++t) {
        for (std::size_t i = 0; i < codes.size(); ++i) {
          reference::sgd(step, expanded.references[t][i], expected.references[t][i], expected.momenta[t][i]);
        }
      }
      std::vector<float> expected_weight(weight.size());
      const std::vector<std::uint8_t> expected_codes = codes_of(spec(2), expected, expected_weight.data());

      const bool with_momentum = step.momentum != 0;
      ASSERT_TRUE(sgd_step(spec(2), step, layer.grad.data(), layer.reference_pointers().data(),
                           with_momentum ? layer.momentum_pointers().data() : nullptr, weight.data(), codes.data(), 0,
                           n));
      ASSERT_EQ(weight, expected_weight);
      ASSERT_EQ(codes, expected_codes);
      for (std::size_t t = 0; t < expected.references.size(); ++t) {
        for (std::size_t i = 0; i < codes.size(); ++i) {
          // Without decay torch adds nothing, the kernel adds 0: a difference in the sign of a zero at most.
          ASSERT_EQ(layer.references[t][i], expected.references[t][i]) << t << " " << i << " of " << n;
          ASSERT_EQ(layer.momenta[t][i], expected.momenta[t][i]) << t << " " << i << " of " << n;
        }
      }
    }
  }
}

TEST_P(DenseQuant, RangesTouchNothingElseAndSplitFreely) {
  const std::int64_t n = 3000, begin = 37, middle = 1111, end = 2903;
  Layer whole(spec().gates, n, 50);
  std::vector<float> weight(static_cast<std::size_t>(n), 99.0F);
  std::vector<std::uint8_t> codes = codes_of(spec(), whole);
  Layer split = whole;
  const Layer before = whole;
  std::vector<float> split_weight = weight;
  std::vector<std::uint8_t> split_codes = codes;
  const SgdStep step{0.5F, 0.9F, 1e-4F};
  ASSERT_TRUE(sgd_step(spec(), step, whole.grad.data(), whole.reference_pointers().data(),
                       whole.momentum_pointers().data(), weight.data(), codes.data(), begin, end));
  for (const auto& [from, to] : {std::pair(begin, middle), std::pair(middle, middle), std::pair(middle, end)}) {
    ASSERT_TRUE(sgd_step(spec(), step, split.grad.data(), split.reference_pointers().data(),
                         split.momentum_pointers().data(), split_weight.data(), split_codes.data(), from, to));
  }
  EXPECT_EQ(weight, split_weight);
  EXPECT_EQ(codes, split_codes);
  EXPECT_EQ(whole.references, split.references);
  EXPECT_EQ(whole.momenta, split.momenta);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i);
    if (position >= begin && position < end) continue;
    EXPECT_EQ(weight[i], 99.0F);
    EXPECT_EQ(whole.references[0][i], before.references[0][i]);
    EXPECT_EQ(whole.momenta[0][i], before.momenta[0][i]);
  }
}

// A learning rate and an initial deviation enlarged by the same power of two are the same training (no decay).
TEST_P(DenseQuant, LargerStartWithLargerRateQuantizesAlike) {
  const std::int64_t n = 1500;
  Layer small(spec().gates, n, 60);
  Layer large = small;
  for (std::size_t t = 0; t < large.references.size(); ++t) {
    for (float& value : large.references[t]) value *= 8;
    std::fill(small.momenta[t].begin(), small.momenta[t].end(), 0.0F);
    std::fill(large.momenta[t].begin(), large.momenta[t].end(), 0.0F);
  }
  std::vector<float> small_weight(1500), large_weight(1500);
  std::vector<std::uint8_t> small_codes = codes_of(spec(), small, small_weight.data());
  std::vector<std::uint8_t> large_codes = codes_of(spec(), large, large_weight.data());
  const std::vector<std::uint8_t> first_codes = small_codes;
  RandomStream random(61);
  for (int k = 0; k < 20; ++k) {
    for (float& g : small.grad) g = 1e-3F * static_cast<float>(random.normal());
    ASSERT_TRUE(sgd_step(spec(), {0.1F, 0.9F}, small.grad.data(), small.reference_pointers().data(),
                         small.momentum_pointers().data(), small_weight.data(), small_codes.data(), 0, n));
    ASSERT_TRUE(sgd_step(spec(), {0.8F, 0.9F}, small.grad.data(), large.reference_pointers().data(),
                         large.momentum_pointers().data(), large_weight.data(), large_codes.data(), 0, n));
    ASSERT_EQ(small_weight, large_weight) << "step " << k;
  }
  EXPECT_NE(small_codes, first_codes) << "nothing moved, so nothing was compared";
}

TEST(DenseQuantLevels, AllGatePatternsGiveExactlyTheLevels) {
  for (const int gates : {1, 3, 7}) {
    std::set<float> levels, expected;
    for (int k = 0; k <= gates; ++k) expected.insert({std::ldexp(1.0F, k), -std::ldexp(1.0F, k)});
    const std::size_t patterns = std::size_t{2} << gates;
    std::vector<std::vector<float>> references(static_cast<std::size_t>(gates) + 1, std::vector<float>(patterns));
    std::vector<const float*> pointers;
    for (std::size_t t = 0; t < references.size(); ++t) {
      for (std::size_t i = 0; i < patterns; ++i) references[t][i] = (i >> t) & 1 ? 0.5F : -0.5F;
      pointers.push_back(references[t].data());
    }
    std::vector<float> weight(patterns);
    ASSERT_TRUE(quantize({gates}, pointers.data(), weight.data(), nullptr, 0, static_cast<std::int64_t>(patterns)));
    levels.insert(weight.begin(), weight.end());
    EXPECT_EQ(levels, expected);
  }
}

TEST(DenseQuantHandExample, ThreeBits) {
  std::vector<std::vector<float>> references = {
      {0.2F, -0.1F, 0.0F, -0.3F}, {0.5F, -0.5F, 0.1F, 0.2F}, {0.4F, 0.3F, -0.2F, 0.1F}, {0.6F, 0.7F, 0.8F, -0.9F}};
  std::vector<const float*> pointers;
  for (const auto& reference : references) pointers.push_back(reference.data());
  const float g[] = {1, 2, -1, 0.5F};
  std::vector<float> weight(4);
  std::vector<std::uint8_t> codes(4);
  DenseShiftSpec spec;
  const auto expanded = [&] {
    std::vector<std::vector<float>> grads(4, std::vector<float>(4));
    std::vector<float*> out;
    for (auto& grad : grads) out.push_back(grad.data());
    EXPECT_TRUE(quantize(spec, pointers.data(), weight.data(), codes.data(), 0, 4));
    expand_gradient(spec, g, codes.data(), out.data(), 0, 4);
    return grads;
  };
  const auto near = [](std::vector<float> values) { return Pointwise(FloatNear(2e-6F), std::move(values)); };

  auto grads = expanded();
  EXPECT_THAT(weight, ElementsAre(8, -4, -2, -1));
  EXPECT_THAT(grads[0], near({2, 3.464102F, -1.414214F, 0.5F}));
  EXPECT_THAT(grads[3], near({0.75F, -1.154701F, 0.353553F, -0.75F}));
  EXPECT_THAT(grads[2], near({0.5F, -0.577350F, 0.707107F, 0}));
  EXPECT_THAT(grads[1], near({0.25F, -0.577350F, 0, 0}));

  spec.gradient = GradientMode::none;
  grads = expanded();
  EXPECT_THAT(grads[0], near({8, 8, -2, 0.5F}));
  EXPECT_THAT(grads[3], near({16.635532F, -11.090355F, 1.386294F, -1.039721F}));
  EXPECT_THAT(grads[2], near({11.090355F, -5.545177F, 2.772589F, 0}));
  EXPECT_THAT(grads[1], near({5.545177F, -5.545177F, 0, 0}));

  spec.zero = ZeroConvention::code;
  expanded();
  EXPECT_THAT(weight, ElementsAre(8, -4, 2, -1));
}

}  // namespace
}  // namespace denseshift::kernels
