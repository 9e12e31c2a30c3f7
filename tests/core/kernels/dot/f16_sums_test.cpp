// Sums of the FP16 dot products: every length, placed where a read too far faults.

#include "tests/core/kernels/dot/support.h"

namespace denseshift::kernels {
namespace {

class F16Sums : public ::testing::TestWithParam<DotKernel> {
 protected:
  struct Result {
    double got = 0, exact = 0, magnitude = 0;
  };

  Result run(const std::vector<std::uint16_t>& x, const std::vector<DotWeight>& weights) {
    const DotKernel& kernel = GetParam();
    Result result;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double product = value_of_half(x[i]) * value_of(weights[i]);
      result.exact += product;
      result.magnitude += std::abs(product);
    }
    const auto packed = pack_dot_weights(kernel, weights);
    result.got = kernel.f16(x_memory_.place(x), weight_memory_.place(packed), x.size());
    return result;
  }

  bool sums_in_fp16() const { return GetParam().variant.starts_with("fp16_"); }

  std::mt19937 random_{7};

 private:
  GuardedMemory x_memory_{16384};
  GuardedMemory weight_memory_{32768};
};

int lanes(Isa isa) { return isa == Isa::scalar ? 1 : isa == Isa::avx2 ? 8 : isa == Isa::avx512 ? 16 : 4; }

// |error| <= 2 (ceil(log2 n) + n / lanes / sums) u sum|x w|, with u = 2^-24, or 2^-11 where sums are FP16.
TEST_P(F16Sums, WithinTheBound) {
  const DotKernel& kernel = GetParam();
  const bool one_sum = kernel.variant == "fma_split" || kernel.variant == "add16_1acc" || kernel.isa == Isa::scalar;
  for (const std::size_t n : lengths()) {
    std::vector<std::uint16_t> x(n);
    for (std::uint16_t& value : x) {
      const auto exponent = static_cast<unsigned>(6 + random_() % (sums_in_fp16() ? 6 : 17));
      value = static_cast<std::uint16_t>((random_() & 0x83ff) | exponent << 10);
    }
    const Result result = run(x, random_weights(GetParam().variant, n, random_));
    const double length = static_cast<double>(n);
    const double steps = (n > 0 ? std::ceil(std::log2(length)) : 0) + length / lanes(kernel.isa) / (one_sum ? 1 : 4);
    const double unit = std::ldexp(1.0, sums_in_fp16() ? -11 : -24);
    EXPECT_LE(std::abs(result.got - result.exact), 2 * steps * unit * result.magnitude) << "n " << n;
  }
}

// Sums of integers that a float holds exactly show a lane that is missing, counted twice or paired with another weight.
TEST_P(F16Sums, IntegersAreExact) {
  const int largest = sums_in_fp16() ? 1 : 32;
  for (const std::size_t n : lengths()) {
    if (sums_in_fp16() && n > 70) break;
    std::vector<std::uint16_t> x(n);
    for (std::uint16_t& value : x) {
      const int integer = 1 + static_cast<int>(random_() % static_cast<unsigned>(largest));
      int exponent = 0;
      const double fraction = std::frexp(integer, &exponent);  // in [0.5, 1)
      const auto mantissa = static_cast<unsigned>(std::ldexp(fraction, 11)) & 0x3ff;
      value = static_cast<std::uint16_t>((random_() & 0x8000) | static_cast<unsigned>(exponent + 14) << 10 | mantissa);
      ASSERT_EQ(std::abs(value_of_half(value)), integer);
    }
    std::vector<DotWeight> weights = random_weights(GetParam().variant, n, random_);
    for (DotWeight& weight : weights) {
      if (sums_in_fp16()) weight.exponent = static_cast<std::int8_t>(weight.exponent % 4);
    }
    const Result result = run(x, weights);
    EXPECT_EQ(result.got, result.exact) << "n " << n;
  }
}

// The largest activation and weight of a checked input; shift_convert's sums reach their largest value here.
TEST_P(F16Sums, LargestValues) {
  if (sums_in_fp16()) return;  // an FP16 sum overflows
  const DotWeight largest = weights_of(GetParam().variant).back();
  for (const std::size_t n : {std::size_t{1}, std::size_t{64}, std::size_t{4096}}) {
    const auto half = static_cast<std::uint16_t>((30 - largest.exponent) << 10);
    const Result result = run(std::vector<std::uint16_t>(n, half), std::vector<DotWeight>(n, largest));
    EXPECT_EQ(result.got, result.exact) << "n " << n;
  }
}

INSTANTIATE_TEST_SUITE_P(All, F16Sums, ::testing::ValuesIn(runnable(DotFamily::f16)),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace denseshift::kernels
