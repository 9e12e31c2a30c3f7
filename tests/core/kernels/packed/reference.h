#pragma once
// Matrices with known weights, and products of them in 64-bit integers and doubles.

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "core/kernels/packed/packed.h"
#include "core/kernels/shift_codes.h"

namespace denseshift::kernels::testing {

struct Sample {
  PackedMatrix matrix;
  std::vector<std::int64_t> weights;  ///< rows * cols

  [[nodiscard]] std::int64_t weight(std::size_t row, std::size_t col) const { return weights[row * matrix.cols + col]; }
};

inline Sample make_sample(int bits, std::size_t rows, std::size_t cols, std::vector<std::uint8_t> codes,
                          std::vector<float> scale) {
  Sample sample;
  for (const std::uint8_t code : codes) {
    sample.weights.push_back(static_cast<std::int64_t>(weight_of_packed(code, bits)));
  }
  sample.matrix = pack_matrix(bits, rows, cols, codes, std::move(scale));
  return sample;
}

inline Sample random_sample(int bits, std::size_t rows, std::size_t cols, std::mt19937& random, bool unit_scale) {
  std::vector<std::uint8_t> codes(rows * cols);
  std::vector<float> scale(rows, 1.0F);
  std::uniform_int_distribution<int> code(0, (1 << bits) - 1);
  for (auto& one : codes) one = static_cast<std::uint8_t>(code(random));
  if (!unit_scale) {
    for (float& one : scale) one = std::uniform_real_distribution<float>(0.01F, 2.0F)(random);
  }
  return make_sample(bits, rows, cols, std::move(codes), std::move(scale));
}

/// Bytes as activations with scale 1: the float results are then integers.
inline A8Matrix bytes_matrix(std::size_t rows, std::size_t cols, int zero_point,
                             const std::vector<std::uint8_t>& bytes) {
  A8Matrix x;
  x.rows = rows;
  x.cols = cols;
  x.stride = ((cols + 63) / 64 | 1) * 64;
  x.zero_point = zero_point;
  x.data.assign(rows * x.stride + 64, static_cast<std::uint8_t>(zero_point));
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t col = 0; col < cols; ++col) x.data[row * x.stride + col] = bytes[row * cols + col];
  }
  return x;
}

inline std::vector<std::uint8_t> random_bytes(std::size_t n, std::mt19937& random) {
  std::vector<std::uint8_t> bytes(n);
  std::uniform_int_distribution<int> byte(0, 255);
  for (auto& one : bytes) one = static_cast<std::uint8_t>(byte(random));
  return bytes;
}

/// sum over cols of weight * (byte - zero_point) for one sample and output.
inline std::int64_t exact_sum(const Sample& sample, std::size_t row, const A8Matrix& x, std::size_t which) {
  std::int64_t sum = 0;
  for (std::size_t col = 0; col < sample.matrix.cols; ++col) {
    sum += sample.weight(row, col) * (x.data[which * x.stride + col] - x.zero_point);
  }
  return sum;
}

/// The levels that this CPU can run, each to be set with restrict_isa().
inline std::vector<Isa> supported_levels() {
  std::vector<Isa> levels;
  for (const IsaStatus& level : isa_levels()) {
    if (level.supported) levels.push_back(level.isa);
  }
  return levels;
}

/// Puts dispatch back when a test ends.
struct RestrictIsa {
  explicit RestrictIsa(Isa isa) { restrict_isa(isa); }
  ~RestrictIsa() { unrestrict_isa(); }
  RestrictIsa(const RestrictIsa&) = delete;
  RestrictIsa& operator=(const RestrictIsa&) = delete;
};

}  // namespace denseshift::kernels::testing
