// INT8 dot products against 64-bit sums, bit for bit, on inputs made to overflow whatever is too narrow.

#include "tests/core/kernels/dot/support.h"

namespace denseshift::kernels {
namespace {

class I8Dot : public ::testing::TestWithParam<DotKernel> {
 protected:
  void check(const std::vector<std::int8_t>& x, const std::vector<DotWeight>& weights, const std::string& what) {
    const DotKernel& kernel = GetParam();
    std::int64_t exact = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      exact += std::int64_t{x[i]} * weights[i].sign * (1 << weights[i].exponent);
    }
    const auto packed = pack_dot_weights(kernel, weights);
    EXPECT_EQ(kernel.i8(x_memory_.place(x), weight_memory_.place(packed), x.size()), exact)
        << what << ", n " << x.size();
  }

  DotWeight largest(int sign) const {
    DotWeight weight = weights_of(GetParam().variant).back();
    weight.sign = static_cast<std::int8_t>(sign);
    return weight;
  }

  std::mt19937 random_{11};
  const DotWeight largest_[2] = {largest(1), largest(-1)};

 private:
  GuardedMemory x_memory_{140000};
  GuardedMemory weight_memory_{140000};
};

TEST_P(I8Dot, Random) {
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t n : lengths()) {
      std::vector<std::int8_t> x(n);
      for (std::int8_t& value : x) value = static_cast<std::int8_t>(random_());
      check(x, random_weights(GetParam().variant, n, random_), "random");
    }
  }
}

TEST_P(I8Dot, EveryProductInEveryLane) {
  const DotKernel& kernel = GetParam();
  const std::size_t block = std::max<std::size_t>(128, kernel.order);
  std::vector<DotWeight> all = weights_of(kernel.variant);
  if (dot_variant(kernel.variant).zero_weights) all.push_back({0, 0});
  for (const DotWeight& weight : all) {
    std::vector<DotWeight> weights(block, DotWeight{});
    for (std::size_t lane = 0; lane < block; ++lane) {
      weights.assign(block, DotWeight{});
      weights[lane] = weight;
      const auto packed = pack_dot_weights(kernel, weights);
      std::vector<std::int8_t> x(block);
      const int step = static_cast<int>(test_stride() > 1 ? 15 : 1);
      for (int value = -128; value <= 127; value += step) {
        x[lane] = static_cast<std::int8_t>(value);
        const int want = value * weight.sign * (1 << weight.exponent);
        ASSERT_EQ(kernel.i8(x.data(), packed.data(), block), want) << "lane " << lane << ", x " << value;
      }
    }
    for (int value = -128; value <= 127; ++value) {
      check({static_cast<std::int8_t>(value)}, {weight}, "alone");
    }
  }
}

TEST_P(I8Dot, ConstantExtremes) {
  for (const std::size_t n : {1U, 15U, 33U, 64U, 127U, 256U, 1000U, 9000U}) {
    for (const int x_value : {-128, 127}) {
      for (const int sign : {1, -1}) {
        check(std::vector<std::int8_t>(n, static_cast<std::int8_t>(x_value)), std::vector<DotWeight>(n, largest(sign)),
              "constant");
      }
    }
  }
}

TEST_P(I8Dot, AlternatingExtremes) {
  for (const std::size_t n : {15U, 64U, 127U, 300U, 4100U}) {
    for (const std::size_t x_period : {2U, 4U, 8U, 16U}) {
      for (const std::size_t weight_period : {1U, 2U, 4U, 8U, 16U}) {
        std::vector<std::int8_t> x(n);
        std::vector<DotWeight> weights(n);
        for (std::size_t i = 0; i < n; ++i) {
          x[i] = i % x_period < x_period / 2 ? -128 : 127;
          weights[i] = largest_[i % weight_period < weight_period / 2 ? 1 : 0];
        }
        check(x, weights, "periods " + std::to_string(x_period) + " and " + std::to_string(weight_period));
      }
    }
  }
}

TEST_P(I8Dot, OneHot) {
  const std::size_t n = 300;
  const std::vector<DotWeight> weights = random_weights(GetParam().variant, n, random_);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::int8_t> x(n);
    x[i] = -128;
    check(x, weights, "one-hot at " + std::to_string(i));
  }
}

// The longest inputs whose result always fits 32 bits, see DotKernel::i8.
TEST_P(I8Dot, LongestInput) {
  const std::size_t n = 131071;
  for (const int sign : {1, -1}) {
    check(std::vector<std::int8_t>(n, -128), std::vector<DotWeight>(n, largest(sign)), "longest");
  }
}

INSTANTIATE_TEST_SUITE_P(All, I8Dot, ::testing::ValuesIn(runnable(DotFamily::i8)),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace denseshift::kernels
