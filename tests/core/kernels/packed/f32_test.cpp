// Float activations: within the rounding of sums in any order of double results, at every level of this CPU.

#include <gmock/gmock.h>

#include "core/kernels/packed/tiles.h"
#include "tests/core/kernels/packed/reference.h"

namespace denseshift::kernels {
namespace {

using namespace testing;

class F32 : public ::testing::TestWithParam<Isa> {
 protected:
  RestrictIsa restriction_{GetParam()};
  std::mt19937 random_{11};
};
INSTANTIATE_TEST_SUITE_P(Levels, F32, ::testing::ValuesIn(supported_levels()), [](const auto& info) {
  std::string name(isa_name(info.param));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

std::vector<float> random_floats(std::size_t n, std::mt19937& random) {
  std::vector<float> x(n);
  std::normal_distribution<float> normal;
  for (float& one : x) one = normal(random);
  return x;
}

/// Compares with double; each of n additions may round once, whatever their order.
void expect_close(const Sample& sample, const float* x, std::size_t m, const std::vector<float>& y) {
  const std::size_t rows = sample.matrix.rows;
  const std::size_t cols = sample.matrix.cols;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t row = 0; row < rows; ++row) {
      double exact = 0;
      double magnitudes = 0;
      for (std::size_t col = 0; col < cols; ++col) {
        const double product = static_cast<double>(sample.weight(row, col)) * static_cast<double>(x[i * cols + col]);
        exact += product;
        magnitudes += std::fabs(product);
      }
      const auto n = static_cast<double>(cols);
      const double bound = 2 * (std::ceil(std::log2(n + 1)) + n / 16) * 0x1p-24 * magnitudes;
      // The scalar reference adds in one chain.
      const double chain = best_isa() == Isa::scalar ? n * 0x1p-24 * magnitudes : 0;
      ASSERT_NEAR(y[i * rows + row], exact, bound + chain + 1e-30)
          << sample.matrix.bits << " bits, " << rows << " x " << cols << ", sample " << i << ", row " << row;
    }
  }
}

TEST_P(F32, EveryLengthAndOddNumbersOfRows) {
  for (int bits = 2; bits <= 4; ++bits) {
    for (std::size_t cols = 1; cols <= 70; ++cols) {
      const Sample sample = random_sample(bits, 1 + cols * 3 % 53, cols, random_, true);
      const F32Weights weights = repack_f32(sample.matrix);
      for (const std::size_t m : {1U, 2U}) {
        // One float behind an aligned address.
        std::vector<float> x = random_floats(m * cols + 1, random_);
        std::vector<float> y(m * sample.matrix.rows + 1, -77.0F);
        gemm_f32(weights, x.data() + 1, m, y.data());
        expect_close(sample, x.data() + 1, m, y);
        EXPECT_EQ(y.back(), -77.0F) << "written behind the end";
      }
    }
    for (const std::size_t rows : {16U, 255U, 257U, 300U}) {
      const Sample sample = random_sample(bits, rows, 1000, random_, true);
      const std::vector<float> x = random_floats(1000, random_);
      std::vector<float> y(rows);
      gemv_f32(repack_f32(sample.matrix), x.data(), y.data());
      expect_close(sample, x.data(), 1, y);
    }
  }
}

// Panels of rows share blocks of inputs.
TEST_P(F32, SeveralPanelsAndBlocks) {
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 1100, 700, random_, true);
    const F32Weights weights = repack_f32(sample.matrix);
    for (const std::size_t m : {3U, 14U}) {
      const std::vector<float> x = random_floats(m * 700, random_);
      std::vector<float> y(m * 1100);
      gemm_f32(weights, x.data(), m, y.data());
      expect_close(sample, x.data(), m, y);
    }
  }
}

TEST_P(F32, EveryNumberOfSamples) {
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 50, 530, random_, true);
    const F32Weights weights = repack_f32(sample.matrix);
    for (std::size_t m = 1; m <= 26; ++m) {
      const std::vector<float> x = random_floats(m * 530, random_);
      std::vector<float> y(m * 50);
      gemm_f32(weights, x.data(), m, y.data());
      expect_close(sample, x.data(), m, y);
    }
  }
}

// With one input that is not zero no sum rounds: every weight must come out exactly.
TEST_P(F32, WeightsAreExact) {
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 48, 40, random_, true);
    const F32Weights weights = repack_f32(sample.matrix);
    for (std::size_t col = 0; col < 40; ++col) {
      std::vector<float> x(80, 0.0F);
      x[col] = x[40 + col] = 1.1754944e-38F * 3;
      std::vector<float> y(96);
      for (const std::size_t m : {1U, 2U}) {
        gemm_f32(weights, x.data(), m, y.data());
        for (std::size_t row = 0; row < 48; ++row) {
          ASSERT_EQ(y[row], static_cast<float>(sample.weight(row, col)) * x[col]) << bits << " bits, input " << col;
        }
      }
    }
  }
}

TEST_P(F32, SpecialValuesReachTheResult) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 33, 50, random_, true);
    const F32Weights weights = repack_f32(sample.matrix);
    for (const std::size_t m : {1U, 3U}) {
      for (const float value : {infinity, -infinity, nan}) {
        std::vector<float> x(m * 50, 1.0F);
        x[37] = value;
        std::vector<float> y(m * 33);
        gemm_f32(weights, x.data(), m, y.data());
        for (std::size_t row = 0; row < 33; ++row) {
          EXPECT_EQ(std::isnan(y[row]), std::isnan(value));
          if (!std::isnan(value)) {
            EXPECT_EQ(y[row], value * static_cast<float>(sample.weight(row, 37)));
          }
          if (m > 1) {
            EXPECT_TRUE(std::isfinite(y[33 + row])) << "another sample was touched";
          }
        }
        gemm_f32(weights, x.data(), m, y.data(), {nullptr, true});
        EXPECT_EQ(std::isnan(y[0]), std::isnan(value)) << "ReLU must not hide a NaN";
      }
    }
  }
}

TEST_P(F32, ScaleBiasAndRelu) {
  const Sample sample = random_sample(3, 35, 64, random_, false);
  std::vector<float> bias(35);
  for (float& one : bias) one = std::uniform_real_distribution<float>(-3, 3)(random_);
  const std::vector<float> x = random_floats(128, random_);
  for (const std::size_t m : {1U, 2U}) {
    std::vector<float> y(35 * m);
    std::vector<float> plain(35 * m);
    gemm_f32(repack_f32(sample.matrix), x.data(), m, y.data(), {bias.data(), true});
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t row = 0; row < 35; ++row) {
        double sum = 0;
        for (std::size_t col = 0; col < 64; ++col) {
          sum += static_cast<double>(sample.weight(row, col)) * static_cast<double>(x[i * 64 + col]);
        }
        const double exact =
            std::max(0.0, sum * static_cast<double>(sample.matrix.scale[row]) + static_cast<double>(bias[row]));
        EXPECT_NEAR(y[i * 35 + row], exact, 1e-4);
      }
    }
  }
}

TEST_P(F32, ThreadsGiveTheSameBits) {
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 600, 130, random_, false);
    const F32Weights weights = repack_f32(sample.matrix);
    for (const std::size_t m : {1U, 20U}) {
      const std::vector<float> x = random_floats(m * 130, random_);
      std::vector<float> one(600 * m);
      std::vector<float> three(600 * m);
      gemm_f32(weights, x.data(), m, one.data());
      gemm_f32(weights, x.data(), m, three.data(), {}, 3);
      EXPECT_EQ(one, three);
    }
  }
}

TEST(PackedMatrix, PackAndUnpackIsTheIdentity) {
  std::mt19937 random(3);
  for (int bits = 2; bits <= 4; ++bits) {
    for (const std::size_t cols : {1U, 7U, 8U, 9U, 100U}) {
      std::vector<std::uint8_t> codes(5 * cols);
      for (auto& code : codes) code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1));
      const PackedMatrix matrix = pack_matrix(bits, 5, cols, codes, std::vector<float>(5, 1.0F));
      EXPECT_EQ(matrix.codes.size(), 5 * ((cols * static_cast<std::size_t>(bits) + 7) / 8));
      EXPECT_EQ(unpack_matrix(matrix), codes);
    }
  }
}

TEST(PackedMatrix, WrongSizesAreRefused) {
  EXPECT_THROW((void)pack_matrix(2, 2, 2, {0, 1, 2}, {1, 1}), std::invalid_argument);
  EXPECT_THROW((void)pack_matrix(2, 2, 2, {0, 1, 2, 4}, {1, 1}), std::invalid_argument);
  EXPECT_THROW((void)pack_matrix(2, 2, 2, {0, 1, 2, 3}, {1}), std::invalid_argument);
  EXPECT_THROW((void)pack_matrix(5, 1, 1, {0}, {1}), std::invalid_argument);
  EXPECT_THROW((void)pack_matrix(2, 0, 1, {}, {}), std::invalid_argument);
}

TEST(Tiles, FactorsMakeUpTheWeight) {
  for (int bits = 2; bits <= 4; ++bits) {
    for (unsigned code = 0; code < 1U << bits; ++code) {
      int weight = 0;
      for (std::size_t pass = 0; pass < a8_passes(bits); ++pass) {
        weight = weight * 16 + factor_of_code(code, bits, pass);
        EXPECT_LE(std::abs(factor_of_code(code, bits, pass)), largest_factor(bits));
      }
      EXPECT_EQ(static_cast<float>(weight), weight_of_packed(static_cast<std::uint8_t>(code), bits));
      EXPECT_LE(std::abs(weight), largest_weight(bits));
    }
  }
}

TEST(PackedKernels, EveryFamilyHasAKernelForEveryWidthAtEveryLevel) {
  for (const Isa isa : supported_levels()) {
    const RestrictIsa restriction(isa);
    for (const char* family : {"gemv_f32", "gemm_f32", "gemv_a8", "gemm_a8"}) {
      for (int bits = 2; bits <= 4; ++bits) {
        const PackedKernelInfo& info = chosen_packed_kernel(family, bits);
        EXPECT_EQ(info.bits, bits);
        EXPECT_TRUE(isa_with_included(isa).has(info.isa)) << info.name;
        if (std::string_view(family).ends_with("a8")) {
          EXPECT_EQ(info.isa, isa == Isa::neon_fp16 ? Isa::neon : isa);
        }
      }
    }
  }
  EXPECT_THROW((void)chosen_packed_kernel("gemv_a9", 2), std::invalid_argument);
}

}  // namespace
}  // namespace denseshift::kernels
