// The kernels of step-function weights against plain loops, at sizes around the widths of vectors and blocks.

#include "core/kernels/step_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace denseshift::kernels {
namespace {

const std::vector<std::int64_t> kStepSizes = {1, 2, 5, 15, 16, 17, 18, 31, 33, 64, 100, 511, 512, 513, 700, 1025, 4608};

struct Row {
  explicit Row(std::int64_t n, int levels = 4) {
    std::mt19937 generator(static_cast<unsigned>(n));
    std::normal_distribution<float> normal;
    for (std::int64_t i = 0; i < n; ++i) {
      weights.push_back(normal(generator));
      grads.push_back(normal(generator));
      codes.push_back(static_cast<std::uint8_t>(generator() % static_cast<unsigned>(levels)));
    }
    // Values that steps and signs are decided by.
    const std::vector<float> special = {0.0F,
                                        -0.0F,
                                        0.5F,
                                        -0.5F,
                                        1.0F,
                                        -1.0F,
                                        std::numeric_limits<float>::denorm_min(),
                                        -std::numeric_limits<float>::denorm_min(),
                                        1e30F};
    for (std::size_t i = 0; i < special.size() && i + 3 < weights.size(); ++i) weights[i + 3] = special[i];
  }
  std::vector<float> weights, grads;
  std::vector<std::uint8_t> codes;
  [[nodiscard]] std::int64_t size() const { return std::ssize(weights); }
};

TEST(StepWeights, QuantizesByCountingThresholds) {
  for (const std::int64_t n : kStepSizes) {
    for (const int steps : {1, 2, 7, 31, kMaxSteps}) {
      const Row row(n);
      std::vector<float> thresholds, levels;
      for (int k = 0; k < steps; ++k)
        thresholds.push_back(-1.0F + 2.0F * static_cast<float>(k) / static_cast<float>(steps));
      for (int k = 0; k <= steps; ++k) levels.push_back(static_cast<float>(k) * 0.37F - 2.0F);
      std::vector<float> q(row.weights.size());
      std::vector<std::uint8_t> codes(row.weights.size());
      ASSERT_TRUE(
          quantize_steps(row.weights.data(), n, thresholds.data(), levels.data(), steps, q.data(), codes.data()));
      for (std::size_t i = 0; i < q.size(); ++i) {
        int code = 0;
        for (const float threshold : thresholds) code += row.weights[i] > threshold ? 1 : 0;
        ASSERT_EQ(codes[i], code) << n << " " << steps << " " << i;
        ASSERT_EQ(q[i], levels[static_cast<std::size_t>(code)]);
      }
    }
  }
}

TEST(StepWeights, ReportsNaN) {
  const float threshold = 0, levels[] = {-1, 1};
  for (const std::int64_t n : {1, 17, 600}) {
    std::vector<float> weights(static_cast<std::size_t>(n), 0.5F);
    std::vector<float> q(weights.size());
    EXPECT_TRUE(quantize_steps(weights.data(), n, &threshold, levels, 1, q.data(), nullptr));
    weights.back() = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(quantize_steps(weights.data(), n, &threshold, levels, 1, q.data(), nullptr));
    EXPECT_TRUE(std::isnan(row_statistics(weights.data(), n).max_abs));
    EXPECT_TRUE(std::isnan(row_statistics(weights.data(), n).sum_abs));
  }
}

TEST(StepWeights, Statistics) {
  for (const std::int64_t n : kStepSizes) {
    Row row(n);
    for (float& w : row.weights) w = std::min(w, 5.0F);
    double sum = 0, sum_abs = 0, kept_abs = 0, centred_abs = 0, centred_square = 0;
    float largest = 0;
    std::int64_t kept = 0;
    for (const float w : row.weights) {
      sum += static_cast<double>(w);
      sum_abs += std::fabs(static_cast<double>(w));
      largest = std::max(largest, std::fabs(w));
      if (std::fabs(w) > 0.5F) ++kept, kept_abs += std::fabs(static_cast<double>(w));
      const auto d = static_cast<double>(w - 0.25F);
      centred_abs += std::fabs(d);
      centred_square += d * d;
    }
    const RowStatistics all = row_statistics(row.weights.data(), n);
    EXPECT_NEAR(all.sum, sum, 1e-10 * sum_abs);
    EXPECT_NEAR(all.sum_abs, sum_abs, 1e-10 * sum_abs);
    EXPECT_EQ(all.max_abs, largest);
    const KeptStatistics some = kept_statistics(row.weights.data(), n, 0.5F);
    EXPECT_EQ(some.count, kept);
    EXPECT_NEAR(some.sum_abs, kept_abs, 1e-10 * kept_abs);
    const CentredStatistics centred = centred_statistics(row.weights.data(), n, 0.25F);
    EXPECT_NEAR(centred.sum_abs, centred_abs, 1e-10 * centred_abs);
    EXPECT_NEAR(centred.sum_square, centred_square, 1e-10 * centred_square);
  }
}

TEST(StepWeights, TernaryError) {
  for (const std::int64_t n : kStepSizes) {
    Row row(n);
    for (float& w : row.weights) w = std::min(w, 5.0F);
    double expected = 0;
    for (const float w : row.weights) {
      const float q = std::fabs(w) > 0.5F ? std::copysign(1.25F, w) : 0.0F;
      expected += static_cast<double>(std::fabs(w - q));
    }
    EXPECT_NEAR(ternary_error(row.weights.data(), n, 0.5F, 1.25F), expected, 1e-6 * std::max(1.0, expected));
  }
}

TEST(StepWeights, CodeStatistics) {
  for (const std::int64_t n : kStepSizes) {
    for (const int levels : {2, 4, 16}) {
      Row row(n, levels);
      for (float& w : row.weights) w = std::min(w, 5.0F);
      std::vector<std::int64_t> counts(static_cast<std::size_t>(levels)), expected_counts(counts);
      std::vector<double> sums(counts.size()), expected(counts.size());
      add_code_statistics(row.codes.data(), row.weights.data(), n, levels, counts.data(), sums.data());
      for (std::size_t i = 0; i < row.weights.size(); ++i) {
        ++expected_counts[row.codes[i]];
        expected[row.codes[i]] += static_cast<double>(row.weights[i]);
      }
      EXPECT_EQ(counts, expected_counts);
      for (std::size_t c = 0; c < sums.size(); ++c) EXPECT_NEAR(sums[c], expected[c], 1e-9) << n << " " << c;
    }
  }
}

TEST(StepWeights, GradientsAndTheirSums) {
  const std::vector<float> factors = {0.0F, 1.0F, -2.0F, 0.5F};
  const std::vector<float> second = {1.0F, 0.0F, 0.25F, 3.0F};
  for (const std::int64_t n : kStepSizes) {
    Row row(n);
    for (float& w : row.weights) w = std::min(w, 5.0F);
    std::vector<float> out(row.weights.size());
    step_gradient(row.grads.data(), row.codes.data(), row.weights.data(), n, factors.data(), 0.5F, -0.25F, out.data());
    double sum = 0, product = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float expected = row.grads[i] * factors[row.codes[i]] + (0.5F + -0.25F * row.weights[i]);
      ASSERT_EQ(out[i], expected);
      sum += static_cast<double>(row.grads[i]) * static_cast<double>(factors[row.codes[i]]);
      product += static_cast<double>(row.grads[i]) * static_cast<double>(second[row.codes[i]]) *
                 static_cast<double>(row.weights[i]);
    }
    const GradientSums sums =
        step_gradient_sums(row.grads.data(), row.codes.data(), row.weights.data(), n, factors.data(), second.data());
    EXPECT_NEAR(sums.grad, sum, 1e-9);
    EXPECT_NEAR(sums.product, product, 1e-9);
    EXPECT_EQ(
        step_gradient_sums(row.grads.data(), row.codes.data(), row.weights.data(), n, factors.data(), nullptr).product,
        0);
  }
}

TEST(StepWeights, ClampsMagnitudesButNotZeros) {
  for (const std::int64_t n : kStepSizes) {
    const Row row(n);
    std::vector<float> clamped = row.weights;
    clamp_magnitude(clamped.data(), n, 0.125F, 1.0F);
    for (std::size_t i = 0; i < clamped.size(); ++i) {
      const float w = row.weights[i];
      const float expected = w == 0 ? w : std::copysign(std::clamp(std::fabs(w), 0.125F, 1.0F), w);
      ASSERT_EQ(clamped[i], expected) << i;
      ASSERT_EQ(std::signbit(clamped[i]), std::signbit(w));
    }
  }
}

TEST(StepWeights, FixedPoint) {
  const std::vector<float> in = {0.0F, 1.0F, -1.0F, 0.3F, -0.3F, 1e-6F, -1e-6F, 40000.0F, -40000.0F, 32767.0F};
  std::vector<float> out(in.size());
  fixed_point(in.data(), std::ssize(in), 16, 16, out.data());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double exact = std::clamp(std::floor(static_cast<double>(in[i]) * 65536) / 65536, -32768.0, 32767.0);
    EXPECT_EQ(static_cast<double>(out[i]), exact) << in[i];
  }
}

TEST(StepWeights, SignedPowersRoundHalfToEven) {
  const std::vector<float> shift = {0.0F, -0.5F, -1.5F, -2.5F, -30.0F, -1.2F, -0.49F};
  const std::vector<float> sign = {1.0F, 0.5F, -0.51F, 1.5F, -1.0F, -0.5F, 0.9F};
  std::vector<float> out(shift.size());
  ASSERT_TRUE(signed_powers(shift.data(), sign.data(), std::ssize(shift), out.data()));
  const std::vector<float> expected = {1.0F, 0.0F, -0.25F, 0.25F, -std::ldexp(1.0F, -30), 0.0F, 1.0F};
  EXPECT_EQ(out, expected);
  std::vector<float> broken = shift;
  broken[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(signed_powers(broken.data(), sign.data(), std::ssize(shift), out.data()));
}

TEST(StepWeights, EdeGradientIsTheDerivativeOfTheStandardisedTanh) {
  // loss(w) = sum g * factor / t * tanh(t h(w)), h = (w - mean) / std with n-1; derivative by central differences.
  const std::int64_t n = 37;
  const Row row(n);
  std::vector<double> w(row.weights.begin(), row.weights.end());
  for (double& value : w) value = std::min(value, 3.0);
  const double t = 1.7, factor = 0.6;
  const auto loss = [&](const std::vector<double>& values) {
    double mean = 0, square = 0, sum = 0;
    for (const double v : values) mean += v / static_cast<double>(n);
    for (const double v : values) square += (v - mean) * (v - mean);
    const double deviation = std::sqrt(square / static_cast<double>(n - 1));
    for (std::size_t i = 0; i < values.size(); ++i) {
      sum += static_cast<double>(row.grads[i]) * factor / t * std::tanh(t * (values[i] - mean) / deviation);
    }
    return sum;
  };
  double mean = 0, square = 0;
  for (const double v : w) mean += v / static_cast<double>(n);
  for (const double v : w) square += (v - mean) * (v - mean);
  const double deviation = std::sqrt(square / static_cast<double>(n - 1));
  std::vector<float> weights(w.begin(), w.end());
  std::vector<float> out(weights.size());
  affine(weights.data(), n, static_cast<float>(t / deviation), static_cast<float>(-mean * t / deviation), out.data());
  for (float& value : out) value = std::tanh(value);
  ede_gradient(row.grads.data(), weights.data(), n, static_cast<float>(mean), static_cast<float>(deviation),
               static_cast<float>(factor), out.data());
  for (std::size_t i = 0; i < w.size(); ++i) {
    std::vector<double> up = w, down = w;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    EXPECT_NEAR(static_cast<double>(out[i]), (loss(up) - loss(down)) / 2e-5, 2e-5) << i;
  }
}

}  // namespace
}  // namespace denseshift::kernels
