#pragma once
// Matrices and convolutions with packed DenseShift weights of 2, 3 or 4 bits.
//
//   PackedMatrix          what a file holds: codes row by row, independent of the CPU
//   F32Weights, A8Weights tiles in memory, repacked once at load, for float and for 8-bit activations
//   gemv_*, gemm_*, conv_a8   y = activation(scale * (W x) + bias); one output channel is one row of W
//
// A weight is ±2^p without its minimum exponent, which is part of the row's scale. Float paths multiply exact weights;
// 8-bit paths are exact in integers before the scale. docs/kernels.md explains layouts and bounds.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/kernels/isa.h"
#include "core/kernels/packed/aligned.h"
#include "core/kernels/packed/kernel_info.h"

namespace denseshift::kernels {

/// Weights of one layer in the neutral layout: row r begins at byte r * row_bytes(), its codes as in pack_bits().
struct PackedMatrix {
  int bits = 2;
  std::size_t rows = 0;             ///< output channels
  std::size_t cols = 0;             ///< inputs of one output; for convolutions taps * channels, channels innermost
  std::vector<std::uint8_t> codes;  ///< rows * row_bytes()
  std::vector<float> scale;         ///< one for each row

  [[nodiscard]] std::size_t row_bytes() const;
};
/// Packs `codes` (rows * cols packed codes, see shift_codes.h) and `scale` (rows). Throws std::invalid_argument when a
/// size or a code does not fit.
[[nodiscard]] PackedMatrix pack_matrix(int bits, std::size_t rows, std::size_t cols,
                                       const std::vector<std::uint8_t>& codes, std::vector<float> scale);
/// Inverse of pack_matrix(): rows * cols packed codes.
[[nodiscard]] std::vector<std::uint8_t> unpack_matrix(const PackedMatrix& matrix);

/// Tiles for float activations. See docs/kernels.md, "float tiles".
struct F32Weights {
  int bits = 2;
  std::size_t rows = 0, cols = 0;
  std::size_t tile_cols = 0;  ///< inputs of one tile: 16, 10 or 8 at 2, 3, 4 bits
  std::size_t blocks = 0;     ///< tiles along the inputs
  AlignedBytes tiles;
  AlignedFloats scale;  ///< padded to whole tiles with 0
};
[[nodiscard]] F32Weights repack_f32(const PackedMatrix& matrix);

/// Tiles for 8-bit activations. See docs/kernels.md, "8-bit tiles".
struct A8Weights {
  int bits = 2;
  std::size_t rows = 0, cols = 0;  ///< cols without padding
  std::size_t taps = 1;            ///< kernel positions of a convolution
  std::size_t tap_cols = 0;        ///< channels of one tap, padded to whole tiles
  std::size_t tile_cols = 0;       ///< inputs of one tile: 16, 32 or 8 at 2, 3, 4 bits
  AlignedBytes tiles;
  AlignedFloats scale;   ///< padded to whole tiles with 0
  AlignedInts row_sums;  ///< sum of a row's weights, padding included
};
/// `taps` divides matrix.cols. Throws std::invalid_argument otherwise.
[[nodiscard]] A8Weights repack_a8(const PackedMatrix& matrix, std::size_t taps = 1);

/// Rows of 8-bit activations: value = scale * (byte - zero_point). Rows are padded to `stride` with the zero point.
struct A8Matrix {
  std::size_t rows = 0, cols = 0;
  std::size_t stride = 0;  ///< bytes from row to row, a multiple of 64 beyond cols
  float scale = 1;
  int zero_point = 128;
  AlignedBytes data;
};
/// Symmetric quantization of a whole float matrix: scale = max|x| / 127, zero point 128. Values that are not finite
/// give a scale that is not finite, so they reach the result.
void quantize_a8(const float* x, std::size_t rows, std::size_t cols, A8Matrix& out);

/// What happens to scale * sum before it is stored.
struct Epilogue {
  const float* bias = nullptr;  ///< one for each row of W, or none
  bool relu = false;
};
/// Requantization of the result to bytes: round(y / scale) + zero_point, clamped to 0..255.
struct A8Output {
  std::uint8_t* data = nullptr;
  std::size_t stride = 0;  ///< bytes from one column of results (one sample or pixel) to the next
  float scale = 1;
  int zero_point = 0;
};

/// Every kernel compiled for this architecture, best instruction set first within a family and bit width.
[[nodiscard]] const std::vector<PackedKernelInfo>& packed_kernels();
/// The kernel that dispatch takes now, from allowed_isa().
[[nodiscard]] const PackedKernelInfo& chosen_packed_kernel(std::string_view family, int bits);

/// y[rows] for float x[cols]. All families split rows over `threads`.
void gemv_f32(const F32Weights& weights, const float* x, float* y, const Epilogue& epilogue = {}, int threads = 1);
/// y[rows] for one row of 8-bit activations.
void gemv_a8(const A8Weights& weights, const A8Matrix& x, float* y, const Epilogue& epilogue = {}, int threads = 1);
/// y[m * rows] (a sample's outputs side by side) for float x[m * cols].
void gemm_f32(const F32Weights& weights, const float* x, std::size_t m, float* y, const Epilogue& epilogue = {},
              int threads = 1);
/// y[m * rows] for m = x.rows samples.
void gemm_a8(const A8Weights& weights, const A8Matrix& x, float* y, const Epilogue& epilogue = {}, int threads = 1);
/// The same, requantized.
void gemm_a8(const A8Weights& weights, const A8Matrix& x, const A8Output& y, const Epilogue& epilogue = {},
             int threads = 1);

/// Geometry of a convolution over NHWC images, dilation 1, one group.
struct ConvShape {
  std::size_t batch = 1, height = 0, width = 0, channels = 0;
  std::size_t kernel_height = 1, kernel_width = 1;
  std::size_t stride = 1, padding = 0;

  [[nodiscard]] std::size_t out_height() const;
  [[nodiscard]] std::size_t out_width() const;
};
/// Direct convolution: x has a row for each pixel (batch * height * width) and a column for each channel, y a pixel's
/// output channels side by side. Padding is the zero point. weights.taps must be kernel_height * kernel_width.
void conv_a8(const A8Weights& weights, const ConvShape& shape, const A8Matrix& x, float* y,
             const Epilogue& epilogue = {}, int threads = 1);
void conv_a8(const A8Weights& weights, const ConvShape& shape, const A8Matrix& x, const A8Output& y,
             const Epilogue& epilogue = {}, int threads = 1);

}  // namespace denseshift::kernels
