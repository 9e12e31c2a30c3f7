// Matrix-vector products: groups of row tiles over threads, and what happens to the sums.

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/kernels/packed/kernels.h"
#include "core/kernels/packed/packed.h"

namespace denseshift::kernels {
namespace {

float floor_of(const Epilogue& epilogue) { return epilogue.relu ? 0.0F : -std::numeric_limits<float>::infinity(); }

std::size_t row_tiles(std::size_t rows) { return (rows + kTileRows - 1) / kTileRows; }

/// Calls body(first row tile, tiles) for every group.
template <class Body>
void for_groups(std::size_t tiles, std::size_t group_tiles, int threads, const Body& body) {
  const auto groups = static_cast<std::ptrdiff_t>((tiles + group_tiles - 1) / group_tiles);
#pragma omp parallel for num_threads(threads) if (threads > 1)
  for (std::ptrdiff_t group = 0; group < groups; ++group) {
    const std::size_t first = static_cast<std::size_t>(group) * group_tiles;
    body(first, std::min(group_tiles, tiles - first));
  }
}

}  // namespace

void gemv_f32(const F32Weights& weights, const float* x, float* y, const Epilogue& epilogue, int threads) {
  const GemvF32Kernel& kernel = chosen_kernel(gemv_f32_kernels(), weights.bits);
  AlignedFloats padded;
  if (weights.cols != weights.blocks * weights.tile_cols) {
    padded.assign(x, x + weights.cols);
    padded.resize(weights.blocks * weights.tile_cols, 0.0F);
    x = padded.data();
  }
  const float floor = floor_of(epilogue);
  for_groups(row_tiles(weights.rows), kF32GroupTiles, threads, [&](std::size_t first, std::size_t tiles) {
    alignas(64) float sums[kF32GroupTiles * kTileRows];
    kernel.run({weights.tiles.data() + first * weights.blocks * kCacheLine, weights.blocks, tiles, x, sums});
    const std::size_t row = first * kTileRows;
    const std::size_t rows = std::min(tiles * kTileRows, weights.rows - row);
    for (std::size_t r = 0; r < rows; ++r) {
      float value = sums[r] * weights.scale[row + r];
      if (epilogue.bias != nullptr) value += epilogue.bias[row + r];
      y[row + r] = value < floor ? floor : value;
    }
  });
}

void gemv_a8(const A8Weights& weights, const A8Matrix& x, float* y, const Epilogue& epilogue, int threads) {
  if (x.rows != 1 || x.cols != weights.cols || weights.taps != 1) {
    throw std::invalid_argument("the activations have another shape than the weights");
  }
  const GemvA8Kernel& kernel = chosen_kernel(gemv_a8_kernels(), weights.bits);
  const std::size_t blocks = weights.tap_cols / weights.tile_cols;
  const std::size_t tile_bytes = a8_tile_bytes(weights.bits);
  const float floor = floor_of(epilogue);
  const std::int32_t offset = kernel.x_offset - x.zero_point;
  for_groups(row_tiles(weights.rows), kA8GroupTiles, threads, [&](std::size_t first, std::size_t tiles) {
    alignas(64) std::int32_t sums[kA8GroupTiles * kTileRows];
    kernel.run({weights.tiles.data() + first * blocks * tile_bytes, blocks, tiles, x.data.data(), sums});
    const std::size_t row = first * kTileRows;
    const std::size_t rows = std::min(tiles * kTileRows, weights.rows - row);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::int32_t sum = sums[r] + offset * weights.row_sums[row + r];
      float value = static_cast<float>(sum) * (weights.scale[row + r] * x.scale);
      if (epilogue.bias != nullptr) value += epilogue.bias[row + r];
      y[row + r] = value < floor ? floor : value;
    }
  });
}

}  // namespace denseshift::kernels
