// 8-bit activations: bit for bit against 64-bit integers, at every level of this CPU.

#include <gmock/gmock.h>

#include <functional>

#include "tests/core/kernels/packed/reference.h"

namespace denseshift::kernels {
namespace {

using namespace testing;

class A8 : public ::testing::TestWithParam<Isa> {
 protected:
  RestrictIsa restriction_{GetParam()};
  std::mt19937 random_{7};
};
INSTANTIATE_TEST_SUITE_P(Levels, A8, ::testing::ValuesIn(supported_levels()), [](const auto& info) {
  std::string name(isa_name(info.param));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

void expect_exact(const Sample& sample, const A8Matrix& x, const std::string& what) {
  const std::size_t rows = sample.matrix.rows;
  const A8Weights weights = repack_a8(sample.matrix);
  std::vector<float> y(rows * x.rows + 1, -77.0F);
  gemm_a8(weights, x, y.data());
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t row = 0; row < rows; ++row) {
      const auto exact = static_cast<float>(exact_sum(sample, row, x, i));
      ASSERT_EQ(y[i * rows + row], exact) << what << ", " << sample.matrix.bits << " bits, " << rows << " x "
                                          << sample.matrix.cols << ", sample " << i << ", row " << row;
    }
  }
  EXPECT_EQ(y.back(), -77.0F) << "written behind the end";
}

TEST_P(A8, EveryLengthAndOddNumbersOfRows) {
  for (int bits = 2; bits <= 4; ++bits) {
    for (std::size_t cols = 1; cols <= 70; ++cols) {
      for (const std::size_t m : {1U, 3U}) {
        const Sample sample = random_sample(bits, 1 + cols % 37, cols, random_, true);
        expect_exact(sample, bytes_matrix(m, cols, 128, random_bytes(m * cols, random_)), "random");
      }
    }
    for (const std::size_t rows : {15U, 16U, 17U, 31U, 33U, 127U, 129U, 300U}) {
      const Sample sample = random_sample(bits, rows, 100, random_, true);
      for (const std::size_t m : {1U, 2U}) {
        expect_exact(sample, bytes_matrix(m, 100, 3, random_bytes(m * 100, random_)), "rows");
      }
    }
  }
}

// Weights are decoded for about 512 inputs at a time; sums go on from one such block to the next.
TEST_P(A8, SeveralBlocksOfInputs) {
  for (int bits = 2; bits <= 4; ++bits) {
    for (const std::size_t cols : {600U, 800U, 1025U, 1300U}) {
      const Sample sample = random_sample(bits, 70, cols, random_, true);
      for (const std::size_t m : {2U, 27U}) {
        expect_exact(sample, bytes_matrix(m, cols, 131, random_bytes(m * cols, random_)), "blocks");
      }
    }
  }
}

TEST_P(A8, EveryNumberOfSamples) {
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 40, 75, random_, true);
    for (std::size_t m = 1; m <= 30; ++m) {
      expect_exact(sample, bytes_matrix(m, 75, 200, random_bytes(m * 75, random_)), "samples");
    }
  }
}

// Largest weights and activations of one sign fill the narrow sums as fast as anything can; signs that alternate with
// several periods catch lanes that are added to the wrong partner.
TEST_P(A8, NarrowSumsDoNotOverflow) {
  const std::size_t rows = 33;
  const std::size_t cols = 4096;
  for (int bits = 2; bits <= 4; ++bits) {
    const int codes = 1 << bits;
    const int lowest = bits == 2 ? 0 : codes - 1;               // the most negative weight
    const int highest = bits == 2 ? codes - 1 : codes / 2 - 1;  // the most positive weight
    for (const std::size_t period : {0U, 1U, 2U, 4U, 8U, 16U, 64U}) {
      std::vector<std::uint8_t> matrix(rows * cols);
      for (std::size_t i = 0; i < matrix.size(); ++i) {
        const bool negative = period == 0 ? (i / cols) % 2 == 1 : (i % cols / period) % 2 == 1;
        matrix[i] = static_cast<std::uint8_t>(negative ? lowest : highest);
      }
      const Sample sample = make_sample(bits, rows, cols, matrix, std::vector<float>(rows, 1.0F));
      for (const int byte : {255, 0, 128, 1}) {
        for (const std::size_t m : {1U, 2U}) {
          const std::vector<std::uint8_t> x(m * cols, static_cast<std::uint8_t>(byte));
          expect_exact(sample, bytes_matrix(m, cols, 128, x), "constant " + std::to_string(byte));
        }
      }
      std::vector<std::uint8_t> with(2 * cols);
      for (std::size_t i = 0; i < with.size(); ++i) with[i] = matrix[i] == lowest ? 0 : 255;
      expect_exact(sample, bytes_matrix(2, cols, 128, with), "all products of one sign");
    }
  }
}

TEST_P(A8, OneInputAtATime) {
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 48, 64, random_, true);
    for (std::size_t col = 0; col < 64; ++col) {
      std::vector<std::uint8_t> x(64, 128);
      x[col] = 129;
      expect_exact(sample, bytes_matrix(1, 64, 128, x), "gemv, input " + std::to_string(col));
      std::vector<std::uint8_t> two(128, 128);
      two[64 + col] = 127;
      expect_exact(sample, bytes_matrix(2, 64, 128, two), "gemm, input " + std::to_string(col));
    }
  }
}

TEST_P(A8, ScaleBiasReluAndBytes) {
  const std::size_t rows = 37;
  const std::size_t cols = 90;
  const std::size_t m = 15;
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, rows, cols, random_, false);
    A8Matrix x = bytes_matrix(m, cols, 100, random_bytes(m * cols, random_));
    x.scale = 0.01F;
    std::vector<float> bias(rows);
    for (float& one : bias) one = std::uniform_real_distribution<float>(-20, 20)(random_);
    const Epilogue epilogue{bias.data(), true};
    std::vector<float> y(rows * m);
    gemm_a8(repack_a8(sample.matrix), x, y.data(), epilogue);
    std::vector<std::uint8_t> bytes(64 * m, 9);
    const A8Output output{bytes.data(), 64, 0.25F, 7};
    gemm_a8(repack_a8(sample.matrix), x, output, epilogue);
    bool clamped = false;
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t row = 0; row < rows; ++row) {
        const double exact = static_cast<double>(exact_sum(sample, row, x, i)) *
                                 static_cast<double>(sample.matrix.scale[row]) * static_cast<double>(x.scale) +
                             static_cast<double>(bias[row]);
        const float got = y[i * rows + row];
        EXPECT_NEAR(got, std::max(exact, 0.0), 1e-6 * (std::fabs(exact) + 20));
        const int level = static_cast<int>(std::nearbyint(got / 0.25F)) + 7;
        clamped = clamped || level > 255;
        EXPECT_EQ(bytes[i * 64 + row], std::clamp(level, 0, 255));
      }
      EXPECT_EQ(bytes[i * 64 + rows], 9) << "padding of the output touched";
    }
    EXPECT_TRUE(clamped || bits == 2) << "the case should contain values beyond 255";
  }
}

/// A convolution as its definition says it.
std::int64_t conv_sum(const Sample& sample, const ConvShape& s, const A8Matrix& x, std::size_t image, std::size_t oy,
                      std::size_t ox, std::size_t row) {
  std::int64_t sum = 0;
  for (std::size_t tap = 0; tap < s.kernel_height * s.kernel_width; ++tap) {
    const auto iy =
        static_cast<std::ptrdiff_t>(oy * s.stride + tap / s.kernel_width) - static_cast<std::ptrdiff_t>(s.padding);
    const auto ix =
        static_cast<std::ptrdiff_t>(ox * s.stride + tap % s.kernel_width) - static_cast<std::ptrdiff_t>(s.padding);
    if (iy < 0 || ix < 0 || iy >= static_cast<std::ptrdiff_t>(s.height) || ix >= static_cast<std::ptrdiff_t>(s.width)) {
      continue;
    }
    const std::size_t pixel =
        (image * s.height + static_cast<std::size_t>(iy)) * s.width + static_cast<std::size_t>(ix);
    for (std::size_t c = 0; c < s.channels; ++c) {
      sum += sample.weight(row, tap * s.channels + c) * (x.data[pixel * x.stride + c] - x.zero_point);
    }
  }
  return sum;
}

TEST_P(A8, Convolutions) {
  //                        batch, h, w, channels, kernel, stride, padding
  const ConvShape shapes[] = {{1, 7, 7, 16, 3, 3, 1, 1},  {2, 5, 9, 20, 3, 3, 1, 1},   {1, 8, 6, 64, 3, 3, 2, 1},
                              {3, 4, 4, 33, 1, 1, 1, 0},  {1, 9, 9, 5, 1, 1, 2, 0},    {1, 6, 6, 7, 5, 3, 1, 2},
                              {1, 3, 3, 40, 3, 3, 1, 1},  {1, 14, 14, 12, 7, 7, 2, 3}, {1, 4, 3, 130, 3, 3, 1, 1},
                              {1, 3, 3, 290, 3, 3, 1, 1}, {1, 3, 2, 800, 2, 2, 1, 0}};
  for (int bits = 2; bits <= 4; ++bits) {
    for (const ConvShape& shape : shapes) {
      const std::size_t rows = std::min<std::size_t>(1 + shape.channels * 2, 130);
      const std::size_t taps = shape.kernel_height * shape.kernel_width;
      const Sample sample = random_sample(bits, rows, taps * shape.channels, random_, true);
      const std::size_t pixels = shape.batch * shape.height * shape.width;
      const A8Matrix x = bytes_matrix(pixels, shape.channels, 119, random_bytes(pixels * shape.channels, random_));
      const std::size_t out = shape.batch * shape.out_height() * shape.out_width();
      std::vector<float> y(out * rows);
      conv_a8(repack_a8(sample.matrix, taps), shape, x, y.data());
      for (std::size_t i = 0; i < out; ++i) {
        const std::size_t image = i / (shape.out_height() * shape.out_width());
        const std::size_t oy = i / shape.out_width() % shape.out_height();
        for (std::size_t row = 0; row < rows; row += 5) {
          ASSERT_EQ(y[i * rows + row],
                    static_cast<float>(conv_sum(sample, shape, x, image, oy, i % shape.out_width(), row)))
              << bits << " bits, " << shape.channels << " channels, kernel " << shape.kernel_height << ", pixel " << i
              << ", row " << row;
        }
      }
    }
  }
}

TEST_P(A8, ThreadsGiveTheSameBits) {
  for (int bits = 2; bits <= 4; ++bits) {
    const Sample sample = random_sample(bits, 200, 130, random_, false);
    const A8Weights weights = repack_a8(sample.matrix);
    for (const std::size_t m : {1U, 50U}) {
      const A8Matrix x = bytes_matrix(m, 130, 128, random_bytes(m * 130, random_));
      std::vector<float> one(200 * m);
      std::vector<float> three(200 * m);
      gemm_a8(weights, x, one.data());
      gemm_a8(weights, x, three.data(), {}, 3);
      EXPECT_EQ(one, three);
    }
  }
}

TEST_P(A8, WrongShapesAreRefused) {
  const Sample sample = random_sample(2, 4, 18, random_, true);
  const A8Matrix x = bytes_matrix(1, 17, 128, random_bytes(17, random_));
  std::vector<float> y(4);
  EXPECT_THROW(gemv_a8(repack_a8(sample.matrix), x, y.data()), std::invalid_argument);
  EXPECT_THROW(gemm_a8(repack_a8(sample.matrix), x, y.data()), std::invalid_argument);
  EXPECT_THROW(conv_a8(repack_a8(sample.matrix, 9), {1, 1, 1, 1, 3, 3, 1, 1}, x, y.data()), std::invalid_argument);
  EXPECT_THROW((void)repack_a8(sample.matrix, 4), std::invalid_argument);
}

TEST(QuantizeA8, SymmetricRoundedAndPadded) {
  const std::vector<float> x = {-2.0F, 1.0F, 0.0F, 0.51F, 2.0F, -0.004F};
  A8Matrix bytes;
  quantize_a8(x.data(), 2, 3, bytes);
  EXPECT_FLOAT_EQ(bytes.scale, 2.0F / 127.0F);
  EXPECT_EQ(bytes.zero_point, 128);
  EXPECT_EQ(bytes.stride % 128, 64U);
  EXPECT_THAT(std::vector<int>(bytes.data.begin(), bytes.data.begin() + 4), ::testing::ElementsAre(1, 192, 128, 128));
  EXPECT_THAT(std::vector<int>(bytes.data.begin() + static_cast<std::ptrdiff_t>(bytes.stride),
                               bytes.data.begin() + static_cast<std::ptrdiff_t>(bytes.stride) + 4),
              ::testing::ElementsAre(160, 255, 128, 128));
}

TEST(QuantizeA8, ZerosAndValuesThatAreNotFinite) {
  A8Matrix bytes;
  const std::vector<float> zeros(70, 0.0F);
  quantize_a8(zeros.data(), 1, 70, bytes);
  EXPECT_EQ(bytes.scale, 1.0F);
  EXPECT_THAT(bytes.data, ::testing::Each(128));
  std::vector<float> bad(70, 1.0F);
  for (const float value : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    bad[41] = value;
    quantize_a8(bad.data(), 1, 70, bytes);
    EXPECT_TRUE(std::isnan(bytes.scale));
    std::mt19937 random(1);
    const Sample sample = random_sample(2, 3, 70, random, true);
    std::vector<float> y(3);
    gemv_a8(repack_a8(sample.matrix), bytes, y.data(), {nullptr, true});
    EXPECT_TRUE(std::isnan(y[0])) << "a bad input must not become an ordinary result";
  }
}

}  // namespace
}  // namespace denseshift::kernels
