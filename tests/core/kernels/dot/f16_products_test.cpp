// Every product of every FP16 dot product, one activation and one weight at a time, and what the integer add is known
// to do to special values.

#include "tests/core/kernels/dot/support.h"

namespace denseshift::kernels {
namespace {

unsigned added(unsigned x, const DotWeight& weight) {
  return (x + (weight.sign < 0 ? 0x8000U : 0U) + (static_cast<unsigned>(weight.exponent) << 10)) & 0xffffU;
}

// Exponent 31 is an exponent like the others.
double value_without_infinity(unsigned bits) {
  if ((bits >> 10 & 31) != 31) return value_of_half(bits);
  const double magnitude = std::ldexp(1024 + (bits & 0x3ff), 31 - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// What the variant promises for one product.
double promised(std::string_view variant, unsigned x, const DotWeight& weight) {
  const double exact = value_of_half(x) * value_of(weight);
  const bool masked = (x & 0x7c00) == 0;
  if (variant == "add16_1acc" || variant == "add16" || variant == "add8" || variant == "fp16_add") {
    return value_of_half(added(x, weight));
  }
  if (variant == "add16_safe" || variant == "add8_safe") return masked ? 0 : value_of_half(added(x, weight));
  if (variant == "shift_convert") return value_without_infinity(added(x, weight));
  if (variant == "shift_convert_safe") return masked ? 0 : value_without_infinity(added(x, weight));
  if (variant == "fp16_fma" && std::abs(exact) >= 65520) {  // rounds to infinity in FP16
    return std::copysign(std::numeric_limits<double>::infinity(), exact);
  }
  return exact;
}

const std::vector<std::uint16_t>& special_values() {
  static const std::vector<std::uint16_t> values = {0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400,
                                                    0x3c00, 0xbc00, 0x5fff, 0x6000, 0x63ff, 0x77ff, 0x7800, 0x7bff,
                                                    0xfbff, 0x7c00, 0xfc00, 0x7c01, 0xfdff, 0x7e00, 0xfe00, 0xffff};
  return values;
}

class F16Products : public ::testing::TestWithParam<DotKernel> {};

TEST_P(F16Products, SingleElement) {
  const DotKernel& kernel = GetParam();
  for (const DotWeight& weight : weights_of(kernel.variant)) {
    const auto packed = pack_dot_weights(kernel, {weight});
    const auto check = [&](std::uint16_t x) {
      const double got = kernel.f16(&x, packed.data(), 1);
      const double want = promised(kernel.variant, x, weight);
      if (same_value(got, want)) return true;
      ADD_FAILURE() << "x " << std::hex << x << ", weight " << value_of(weight) << ": " << got << ", not " << want;
      return false;
    };
    for (std::uint32_t x = 0; x < 0x10000; x += test_stride()) {
      if (!check(static_cast<std::uint16_t>(x))) return;
    }
    for (const std::uint16_t x : special_values()) {
      if (!check(x)) return;
    }
  }
}

// The others are +0 with the weight +1, which is 0 in every variant.
TEST_P(F16Products, EveryLaneOfABlock) {
  const DotKernel& kernel = GetParam();
  const std::size_t block = kernel.isa == Isa::scalar ? 8 : std::max<std::size_t>(64, kernel.order);
  std::vector<std::uint16_t> x(block);
  for (const DotWeight& weight : weights_of(kernel.variant)) {
    for (std::size_t lane = 0; lane < block; ++lane) {
      std::vector<DotWeight> weights(block);
      weights[lane] = weight;
      const auto packed = pack_dot_weights(kernel, weights);
      const auto check = [&](std::uint16_t value) {
        x[lane] = value;
        const double got = kernel.f16(x.data(), packed.data(), block);
        const double want = promised(kernel.variant, value, weight);
        if (same_value(got, want)) return true;
        ADD_FAILURE() << "lane " << lane << ", x " << std::hex << value << ", weight " << value_of(weight) << ": "
                      << got << ", not " << want;
        return false;
      };
      for (std::size_t value = lane; value < 0x10000; value += block * test_stride()) {
        if (!check(static_cast<std::uint16_t>(value))) return;
      }
      for (const std::uint16_t value : special_values()) {
        if (!check(value)) return;
      }
      x[lane] = 0;
    }
  }
}

TEST_P(F16Products, FlagsOfTheVariant) {
  const DotKernel& kernel = GetParam();
  const DotVariant& about = dot_variant(kernel.variant);
  const DotWeight largest = weights_of(kernel.variant).back();
  const auto packed = pack_dot_weights(kernel, {largest});
  const std::uint16_t zero = 0;
  EXPECT_EQ(kernel.f16(&zero, packed.data(), 1) == 0.0F, about.zero_safe);
  bool robust = true;
  for (const std::uint16_t x : std::initializer_list<std::uint16_t>{0x7c00, 0xfc00})
    robust = robust && std::isinf(kernel.f16(&x, packed.data(), 1));
  for (const std::uint16_t x : std::initializer_list<std::uint16_t>{0x7c01, 0x7e00, 0xffff})
    robust = robust && std::isnan(kernel.f16(&x, packed.data(), 1));
  EXPECT_EQ(robust, about.robust);
  if (about.zero_weights) {
    const std::uint16_t x = 0x4500;
    EXPECT_EQ(kernel.f16(&x, pack_dot_weights(kernel, {{0, 0}}).data(), 1), 0.0F);
  }
}

class F16Robust : public ::testing::TestWithParam<DotKernel> {};

// One NaN or infinity anywhere in a long input.
TEST_P(F16Robust, SpecialValuesReachTheSum) {
  const DotKernel& kernel = GetParam();
  std::vector<std::uint16_t> x(333, 0x3c00);
  const auto packed = pack_dot_weights(kernel, std::vector<DotWeight>(x.size(), DotWeight{-1, 1}));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 0x7e00;
    EXPECT_TRUE(std::isnan(kernel.f16(x.data(), packed.data(), x.size()))) << i;
    x[i] = 0x7c00;
    EXPECT_EQ(kernel.f16(x.data(), packed.data(), x.size()), -std::numeric_limits<float>::infinity()) << i;
    x[i] = 0x3c00;
  }
}

INSTANTIATE_TEST_SUITE_P(All, F16Products, ::testing::ValuesIn(runnable(DotFamily::f16)),
                         [](const auto& info) { return std::string(info.param.name); });

std::vector<DotKernel> robust_kernels() {
  std::vector<DotKernel> kernels = runnable(DotFamily::f16);
  std::erase_if(kernels, [](const DotKernel& kernel) { return !dot_variant(kernel.variant).robust; });
  return kernels;
}
INSTANTIATE_TEST_SUITE_P(All, F16Robust, ::testing::ValuesIn(robust_kernels()),
                         [](const auto& info) { return std::string(info.param.name); });

// The case list of docs/kernels.md, "Special values", for weights that kernels do not get: 2^e with any e from -7 to 7.
void check_case(unsigned x, int e, bool negative, double got) {
  const int exponent = static_cast<int>(x >> 10 & 31);
  const unsigned mantissa = x & 0x3ff;
  const double sign = ((x & 0x8000) != 0) != negative ? -1 : 1;
  const double infinity = std::numeric_limits<double>::infinity();
  const int sum = exponent + e;
  if (e == 0) {
    EXPECT_TRUE(same_value(got, value_of_half(x) * (negative ? -1 : 1)));
  } else if (exponent == 0 && e > 0) {
    EXPECT_EQ(got, sign * std::ldexp(1 + mantissa / 1024.0, e - 15)) << "zeros and subnormals get an exponent";
  } else if (exponent == 0 && mantissa == 0) {
    EXPECT_EQ(got, e == -1 ? -sign * infinity : -sign * std::ldexp(1.0, 17 + e)) << "zero borrows from the sign";
  } else if (exponent == 0) {
    EXPECT_TRUE(std::isnan(got) || std::abs(got) >= 1024) << "subnormals become huge";
  } else if (exponent == 31 && mantissa != 0) {
    EXPECT_FALSE(std::isnan(got)) << "NaN vanishes";
  } else if (exponent == 31) {
    EXPECT_LE(std::abs(got), e > 0 ? std::ldexp(1.0, e - 16) : std::ldexp(1.0, 16 + e)) << "infinity becomes finite";
  } else if (sum >= 1 && sum <= 30) {
    EXPECT_EQ(got, sign * std::abs(value_of_half(x)) * std::ldexp(1.0, e)) << "the exact case";
  } else if (sum == 0) {
    EXPECT_EQ(got, sign * std::ldexp(mantissa, -24)) << "the leading one is lost";
  } else if (sum < 0) {
    EXPECT_TRUE(std::isnan(got) || got * sign <= -2048) << "the borrow flips the sign";
  } else if (sum == 31) {
    EXPECT_TRUE(mantissa == 0 ? got == sign * infinity : std::isnan(got)) << "out of the range of a half";
  } else {
    EXPECT_TRUE(got * sign <= 0 && std::abs(got) < 0.01) << "the carry flips the sign";
  }
}

TEST(F16AddSpecialValues, AsDocumented) {
  IsaSet only;
  only.add(Isa::scalar);
  const DotKernel* kernel = find_dot_kernel("add16", only);
  ASSERT_NE(kernel, nullptr);
  for (int e = -7; e <= 7; ++e) {
    for (const bool negative : {false, true}) {
      const auto increment = static_cast<std::uint16_t>(e * 0x400 + (negative ? 0x8000 : 0));
      for (std::uint32_t bits = 0; bits < 0x10000; bits += test_stride()) {
        const auto x = static_cast<std::uint16_t>(bits);
        check_case(x, e, negative, kernel->f16(&x, &increment, 1));
        if (::testing::Test::HasFailure())
          FAIL() << "x " << std::hex << bits << ", e " << std::dec << e << ' ' << negative;
      }
    }
  }
}

}  // namespace
}  // namespace denseshift::kernels
