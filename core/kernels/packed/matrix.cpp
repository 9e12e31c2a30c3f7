// From codes to the neutral layout and from there to tiles.

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/kernels/packed/packed.h"
#include "core/kernels/packed/tiles.h"
#include "core/kernels/shift_codes.h"

namespace denseshift::kernels {
namespace {

std::size_t round_up(std::size_t n, std::size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

unsigned code_at(const PackedMatrix& matrix, std::size_t row, std::size_t col) {
  const std::size_t bits = static_cast<std::size_t>(matrix.bits);
  const std::size_t begin = col * bits;
  const std::uint8_t* bytes = matrix.codes.data() + row * matrix.row_bytes();
  unsigned pair = bytes[begin / 8];
  if (begin % 8 + bits > 8) pair |= static_cast<unsigned>(bytes[begin / 8 + 1]) << 8;
  return (pair >> (begin % 8)) & ((1U << bits) - 1);
}

void check(const PackedMatrix& matrix) {
  (void)gates_of_bits(matrix.bits);
  if (matrix.rows == 0 || matrix.cols == 0) throw std::invalid_argument("a packed matrix has no rows or no columns");
  if (matrix.codes.size() != matrix.rows * matrix.row_bytes() || matrix.scale.size() != matrix.rows) {
    throw std::invalid_argument("a packed matrix has other sizes than its rows and columns say");
  }
}

void set_bits(std::uint8_t* byte, unsigned value, std::size_t shift) {
  *byte = static_cast<std::uint8_t>(*byte | (value << shift));
}

// Stores a code of input `input` (within the tile) of row `row` (within the tile).
void put_a8(std::uint8_t* tile, int bits, std::size_t row, std::size_t input, unsigned code) {
  const std::size_t step = input / 4;
  std::uint8_t* byte = tile + row * 4 + input % 4;
  if (bits == 2) {
    set_bits(byte, code, 2 * step);
  } else if (bits == 4) {
    set_bits(byte, code, 4 * step);
  } else if (step < 6) {
    set_bits(byte + step / 2 * kCacheLine, code, step % 2 * 4);
  } else {
    for (unsigned bit = 0; bit < 3; ++bit) {
      set_bits(byte + bit * kCacheLine, (code >> bit) & 1, step == 6 ? 3 : 7);
    }
  }
}

AlignedFloats padded_scale(const PackedMatrix& matrix) {
  AlignedFloats scale(round_up(matrix.rows, 2 * kTileRows), 0.0F);
  std::copy(matrix.scale.begin(), matrix.scale.end(), scale.begin());
  return scale;
}

}  // namespace

std::size_t PackedMatrix::row_bytes() const { return packed_bytes(cols, bits); }

PackedMatrix pack_matrix(int bits, std::size_t rows, std::size_t cols, const std::vector<std::uint8_t>& codes,
                         std::vector<float> scale) {
  PackedMatrix matrix{bits, rows, cols, {}, std::move(scale)};
  if (codes.size() != rows * cols) throw std::invalid_argument("there are not rows * cols codes");
  (void)gates_of_bits(bits);
  matrix.codes.reserve(rows * matrix.row_bytes());
  for (std::size_t row = 0; row < rows; ++row) {
    const std::vector<std::uint8_t> one(codes.begin() + static_cast<std::ptrdiff_t>(row * cols),
                                        codes.begin() + static_cast<std::ptrdiff_t>((row + 1) * cols));
    if (std::any_of(one.begin(), one.end(), [&](std::uint8_t code) { return code >> bits != 0; })) {
      throw std::invalid_argument("a code has more bits than the matrix");
    }
    const std::vector<std::uint8_t> packed = pack_bits(one, bits);
    matrix.codes.insert(matrix.codes.end(), packed.begin(), packed.end());
  }
  check(matrix);
  return matrix;
}

std::vector<std::uint8_t> unpack_matrix(const PackedMatrix& matrix) {
  check(matrix);
  std::vector<std::uint8_t> codes;
  codes.reserve(matrix.rows * matrix.cols);
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    for (std::size_t col = 0; col < matrix.cols; ++col) {
      codes.push_back(static_cast<std::uint8_t>(code_at(matrix, row, col)));
    }
  }
  return codes;
}

F32Weights repack_f32(const PackedMatrix& matrix) {
  check(matrix);
  F32Weights weights{matrix.bits, matrix.rows, matrix.cols, f32_tile_cols(matrix.bits), 0, {}, padded_scale(matrix)};
  weights.blocks = round_up(matrix.cols, weights.tile_cols) / weights.tile_cols;
  const std::size_t tiles = round_up(matrix.rows, kTileRows) / kTileRows;
  // The kernels read up to 3 bytes behind a tile.
  weights.tiles.assign((tiles * weights.blocks + 1) * kCacheLine, 0);
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    for (std::size_t col = 0; col < matrix.cols; ++col) {
      std::uint8_t* word =
          weights.tiles.data() +
          tile_offset(row / kTileRows, tiles, col / weights.tile_cols, weights.blocks, kF32GroupTiles, kCacheLine) +
          row % kTileRows * 4;
      const std::size_t begin = col % weights.tile_cols * static_cast<std::size_t>(matrix.bits);
      const unsigned code = code_at(matrix, row, col) << (begin % 8);
      set_bits(word + begin / 8, code & 0xff, 0);
      if (code > 0xff) set_bits(word + begin / 8 + 1, code >> 8, 0);
    }
  }
  return weights;
}

A8Weights repack_a8(const PackedMatrix& matrix, std::size_t taps) {
  check(matrix);
  if (taps == 0 || matrix.cols % taps != 0) throw std::invalid_argument("the taps do not divide the columns");
  const std::size_t tile_cols = a8_tile_cols(matrix.bits);
  const std::size_t channels = matrix.cols / taps;
  A8Weights weights{matrix.bits, matrix.rows, matrix.cols, taps, round_up(channels, tile_cols), tile_cols, {}, {}, {}};
  const std::size_t inputs = taps * weights.tap_cols;
  const auto largest = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  if (inputs > largest / static_cast<std::size_t>(2 * 255 * largest_weight(matrix.bits))) {
    throw std::invalid_argument("a row has so many inputs that 32-bit sums could overflow");
  }
  weights.scale = padded_scale(matrix);
  weights.row_sums.assign(weights.scale.size(), 0);
  const std::size_t tiles = round_up(matrix.rows, kTileRows) / kTileRows;
  const std::size_t blocks = inputs / tile_cols;
  const std::size_t tile_bytes = a8_tile_bytes(matrix.bits);
  weights.tiles.assign(tiles * blocks * tile_bytes + kCacheLine, 0);
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    std::int32_t sum = 0;
    for (std::size_t input = 0; input < inputs; ++input) {
      const std::size_t tap = input / weights.tap_cols;
      const std::size_t channel = input % weights.tap_cols;
      const unsigned code = channel < channels ? code_at(matrix, row, tap * channels + channel) : 0;
      sum += weight_of_code(code, matrix.bits);
      put_a8(weights.tiles.data() +
                 tile_offset(row / kTileRows, tiles, input / tile_cols, blocks, kA8GroupTiles, tile_bytes),
             matrix.bits, row % kTileRows, input % tile_cols, code);
    }
    weights.row_sums[row] = sum;
  }
  return weights;
}

}  // namespace denseshift::kernels
