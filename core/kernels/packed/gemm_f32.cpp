// Exact products of packed weights with float activations: a panel of weights is decoded once and multiplied with all
// columns, inputs in blocks whose panel and columns stay near the core.

#include <algorithm>
#include <limits>

#include "core/kernels/packed/kernels.h"
#include "core/kernels/packed/packed.h"

namespace denseshift::kernels {
namespace {

constexpr std::size_t kBlockInputs = 256;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

struct Columns {
  std::size_t m = 0, tiles = 0;
  AlignedFloats x;  ///< [block of inputs][tile of columns][input][column]

  [[nodiscard]] std::size_t begin(std::size_t tile) const { return m * tile / tiles; }
};

/// Inputs of block `block`, padded to whole weight tiles.
std::size_t block_inputs(const F32Weights& w, std::size_t block_tiles, std::size_t block) {
  return std::min(block_tiles, w.blocks - block * block_tiles) * w.tile_cols;
}

Columns pack_columns(const F32Weights& w, const float* x, std::size_t m, std::size_t nr, std::size_t block_tiles) {
  Columns columns{m, divide_up(m, nr), {}};
  columns.x.assign(w.blocks * w.tile_cols * m, 0.0F);
  const std::size_t inputs = block_tiles * w.tile_cols;
  for (std::size_t first = 0; first < w.cols; first += inputs) {
    const std::size_t padded = block_inputs(w, block_tiles, first / inputs);
    for (std::size_t tile = 0; tile < columns.tiles; ++tile) {
      const std::size_t begin = columns.begin(tile);
      const std::size_t n = columns.begin(tile + 1) - begin;
      float* to = columns.x.data() + first * m + begin * padded;
      for (std::size_t c = 0; c < n; ++c) {
        const float* from = x + (begin + c) * w.cols + first;
        for (std::size_t i = 0; i < std::min(inputs, w.cols - first); ++i) to[i * n + c] = from[i];
      }
    }
  }
  return columns;
}

void store(const F32Weights& w, const Epilogue& epilogue, const float* sums, std::size_t mr, std::size_t row,
           std::size_t m, float* y) {
  const float floor = epilogue.relu ? 0.0F : -std::numeric_limits<float>::infinity();
  const std::size_t rows = std::min(mr, w.rows - row);
  float bias[kMaxPanelRows] = {};
  if (epilogue.bias != nullptr) std::copy_n(epilogue.bias + row, rows, bias);
  for (std::size_t c = 0; c < m; ++c) {
    for (std::size_t r = 0; r < rows; ++r) {
      const float value = sums[c * mr + r] * w.scale[row + r] + bias[r];
      y[c * w.rows + row + r] = value < floor ? floor : value;
    }
  }
}

}  // namespace

void gemm_f32(const F32Weights& weights, const float* x, std::size_t m, float* y, const Epilogue& epilogue,
              int threads) {
  if (m == 1) return gemv_f32(weights, x, y, epilogue, threads);
  const GemmF32Kernel& kernel = chosen_kernel(gemm_f32_kernels(), weights.bits);
  const std::size_t block_tiles = kBlockInputs / weights.tile_cols;
  const std::size_t blocks = divide_up(weights.blocks, block_tiles);
  const Columns columns = pack_columns(weights, x, m, kernel.nr, block_tiles);
  const auto panels = static_cast<std::ptrdiff_t>(divide_up(weights.rows, kernel.mr));
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    AlignedFloats panel(block_tiles * weights.tile_cols * kernel.mr);
    AlignedFloats sums;
#pragma omp for schedule(dynamic)
    for (std::ptrdiff_t p = 0; p < panels; ++p) {
      const std::size_t row = static_cast<std::size_t>(p) * kernel.mr;
      sums.assign(m * kernel.mr, 0.0F);
      for (std::size_t block = 0; block < blocks; ++block) {
        const std::size_t inputs = block_inputs(weights, block_tiles, block);
        kernel.decode({weights.tiles.data(), divide_up(weights.rows, kTileRows), weights.blocks, row,
                       block * block_tiles, inputs / weights.tile_cols, panel.data()});
        const float* packed = columns.x.data() + block * block_tiles * weights.tile_cols * m;
        for (std::size_t tile = 0; tile < columns.tiles; ++tile) {
          const std::size_t begin = columns.begin(tile);
          const std::size_t n = columns.begin(tile + 1) - begin;
          kernel.tile[n - 1]({panel.data(), packed + begin * inputs, inputs, sums.data() + begin * kernel.mr});
        }
      }
      store(weights, epilogue, sums.data(), kernel.mr, row, m, y);
    }
  }
}

}  // namespace denseshift::kernels
