// The list of dot products, what dispatch takes from it, packing, and the check of activations.

#include <gmock/gmock.h>

#include <set>

#include "tests/core/kernels/dot/support.h"

namespace denseshift::kernels {
namespace {

bool fp16_arithmetic(std::string_view variant) { return variant.starts_with("fp16_"); }

bool of_this_architecture(Isa isa) {
#if defined(__aarch64__)
  return isa == Isa::scalar || isa >= Isa::neon;
#elif defined(__x86_64__)
  return isa < Isa::neon;
#else
  return isa == Isa::scalar;
#endif
}

bool has_kernel(std::string_view variant, Isa isa) {
  IsaSet only;
  only.add(isa);
  return find_dot_kernel(variant, only) != nullptr;
}

TEST(DotKernels, EveryVariantInEveryBaseLevel) {
  for (const DotVariant& variant : dot_variants()) {
    for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon}) {
      EXPECT_EQ(has_kernel(variant.variant, isa), of_this_architecture(isa) && !fp16_arithmetic(variant.variant))
          << variant.variant << ' ' << isa_name(isa);
    }
    EXPECT_EQ(has_kernel(variant.variant, Isa::neon_fp16),
              of_this_architecture(Isa::neon_fp16) && fp16_arithmetic(variant.variant));
  }
  for (const Isa isa : {Isa::avx512vnni, Isa::neon_dotprod}) {
    EXPECT_EQ(has_kernel("multiply", isa), of_this_architecture(isa));
    EXPECT_EQ(has_kernel("packed2_i8", isa), of_this_architecture(isa));
  }
}

TEST(DotKernels, EntriesAreConsistent) {
  std::set<std::string_view> names;
  for (const DotKernel& kernel : dot_kernels()) {
    SCOPED_TRACE(kernel.name);
    EXPECT_TRUE(names.insert(kernel.name).second);
    const bool f16 = kernel.family == DotFamily::f16;
    EXPECT_THAT(std::string(kernel.name), ::testing::StartsWith(f16 ? "f16_" : "i8_"));
    EXPECT_EQ(kernel.f16 != nullptr, f16);
    EXPECT_EQ(kernel.i8 != nullptr, !f16);
    EXPECT_EQ(dot_variant(kernel.variant).family, kernel.family);
    EXPECT_EQ(kernel.order > 1, kernel.weights == DotWeights::packed2);
  }
}

TEST(DotKernels, DispatchTakesTheBestAllowed) {
  for (const DotVariant& variant : dot_variants()) {
    EXPECT_EQ(find_dot_kernel(variant.variant, IsaSet()), nullptr);
    for (const IsaStatus& level : isa_levels()) {
      if (!of_this_architecture(level.isa)) continue;
      const IsaSet allowed = isa_with_included(level.isa);
      const DotKernel* found = find_dot_kernel(variant.variant, allowed);
      const DotKernel* best = nullptr;
      for (const DotKernel& kernel : dot_kernels()) {
        const bool candidate = kernel.variant == variant.variant && allowed.has(kernel.isa);
        if (candidate && (best == nullptr || kernel.isa > best->isa)) best = &kernel;
      }
      EXPECT_EQ(found, best) << variant.variant << ' ' << isa_name(level.isa);
      if (!fp16_arithmetic(variant.variant)) {
        EXPECT_NE(found, nullptr);
      }
    }
  }
  EXPECT_EQ(find_dot_kernel("no such variant", isa_with_included(Isa::scalar)), nullptr);
}

TEST(DotKernels, PaperPairsAreVariants) {
  for (const DotFamily family : {DotFamily::f16, DotFamily::i8}) {
    const PaperPair pair = paper_pair(family);
    EXPECT_EQ(dot_variant(pair.baseline).family, family);
    EXPECT_EQ(dot_variant(pair.denseshift).family, family);
    for (const DotVariant& variant : dot_variants()) {
      if (variant.family != family) continue;
      EXPECT_EQ(variant.variant, pair.baseline) << "the first of a family is the baseline";
      break;
    }
  }
  EXPECT_THROW((void)dot_variant("no such variant"), std::invalid_argument);
}

DotKernel kernel_with(DotWeights form, std::string_view variant) {
  DotKernel kernel;
  kernel.variant = variant;
  kernel.weights = form;
  return kernel;
}

TEST(DotWeights, Forms) {
  const std::vector<DotWeight> weight = {{-1, 3}};
  using Bytes = std::vector<std::uint8_t>;
  EXPECT_EQ(pack_dot_weights(kernel_with(DotWeights::f16, "fma"), weight), (Bytes{0x00, 0xc8}));
  EXPECT_EQ(pack_dot_weights(kernel_with(DotWeights::add16, "add16"), weight), (Bytes{0x00, 0x8c}));
  EXPECT_EQ(pack_dot_weights(kernel_with(DotWeights::add8, "add8"), weight), (Bytes{0x8c}));
  EXPECT_EQ(pack_dot_weights(kernel_with(DotWeights::bf16, "bf16"), weight), (Bytes{0x00, 0xc1}));
  EXPECT_EQ(pack_dot_weights(kernel_with(DotWeights::i8, "multiply"), weight), (Bytes{0xf8}));
  EXPECT_EQ(pack_dot_weights(kernel_with(DotWeights::shift8, "denseshift"), weight), (Bytes{0x83}));
  EXPECT_EQ(pack_dot_weights(kernel_with(DotWeights::shift8, "shift_zero_x"), {{0, 0}}), (Bytes{0x7f}));
}

TEST(DotWeights, PackedOrderAndSum) {
  DotKernel kernel = kernel_with(DotWeights::packed2, "packed2");
  kernel.order = 32;
  kernel.unit = 4;  // two words of 16 codes: even weights in the first, odd ones in the second
  std::vector<DotWeight> weights(33, DotWeight{-1, 1});
  weights[3] = {1, 1};
  weights[32] = {-1, 0};
  const auto packed = pack_dot_weights(kernel, weights);
  ASSERT_EQ(packed.size(), 16U + 4U);
  EXPECT_EQ(packed[0], 0);
  EXPECT_EQ(packed[4], 0b1100) << "weight 3 is the second of the second word";
  EXPECT_EQ(packed[8] & 3, 1);
  EXPECT_EQ(packed[12] & 3, 2) << "filling";
  std::int32_t sum = 0;
  std::memcpy(&sum, packed.data() + 16, sizeof sum);
  EXPECT_EQ(sum, 31 * -2 + 2 - 1 + 31);
}

TEST(DotWeights, RefusesWhatAFormCannotHold) {
  for (const DotKernel& kernel : dot_kernels()) {
    const DotVariant& variant = dot_variant(kernel.variant);
    const auto too_large = static_cast<std::int8_t>(1 << (variant.max_bits - 1));
    EXPECT_THROW((void)pack_dot_weights(kernel, {{1, too_large}}), std::invalid_argument) << kernel.name;
    EXPECT_THROW((void)pack_dot_weights(kernel, {{1, -1}}), std::invalid_argument) << kernel.name;
    if (variant.zero_weights) {
      EXPECT_NO_THROW((void)pack_dot_weights(kernel, {{0, 0}})) << kernel.name;
    } else {
      EXPECT_THROW((void)pack_dot_weights(kernel, {{0, 0}}), std::invalid_argument) << kernel.name;
    }
  }
}

// Tried out: every weight up to the exponent, both signs, with the zero-safe scalar kernel.
bool exact_when_tried(std::uint16_t x, int max_exponent, const DotKernel& kernel) {
  if ((x & 0x7c00) == 0x7c00) return false;
  for (int p = 0; p <= max_exponent; ++p) {
    for (const int sign : {1, -1}) {
      const DotWeight weight{static_cast<std::int8_t>(sign), static_cast<std::int8_t>(p)};
      const auto increment = static_cast<std::uint16_t>((sign < 0 ? 0x8000 : 0) + (p << 10));
      if (kernel.f16(&x, &increment, 1) != value_of_half(x) * value_of(weight)) return false;
    }
  }
  return true;
}

TEST(Add16IsExact, AgreesWithTrying) {
  const DotKernel* kernel = find_dot_kernel("add16_safe", isa_with_included(Isa::scalar));
  ASSERT_NE(kernel, nullptr);
  for (int max_exponent = 0; max_exponent <= 12; ++max_exponent) {
    for (std::uint32_t bits = 0; bits < 0x10000; bits += test_stride()) {
      const auto x = static_cast<std::uint16_t>(bits);
      ASSERT_EQ(add16_is_exact(&x, 1, max_exponent), exact_when_tried(x, max_exponent, *kernel))
          << std::hex << bits << ' ' << max_exponent;
    }
  }
}

TEST(Add16IsExact, FindsOneBadValueAnywhere) {
  EXPECT_TRUE(add16_is_exact(nullptr, 0, 7));
  for (std::size_t n = 1; n <= 70; ++n) {
    std::vector<std::uint16_t> x(n, 0x3c00);
    EXPECT_TRUE(add16_is_exact(x.data(), n, 7));
    for (std::size_t i = 0; i < n; ++i) {
      for (const std::uint16_t bad : std::initializer_list<std::uint16_t>{0x7c00, 0xfe00, 0x0001, 0x83ff, 0x6000}) {
        x[i] = bad;
        EXPECT_FALSE(add16_is_exact(x.data(), n, 7)) << n << ' ' << i << ' ' << bad;
      }
      x[i] = 0x8000;
      EXPECT_TRUE(add16_is_exact(x.data(), n, 7));
      x[i] = 0x3c00;
    }
  }
}

}  // namespace
}  // namespace denseshift::kernels
