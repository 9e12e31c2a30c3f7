// Exact products of packed weights with float activations: a panel of weights is decoded once and multiplied with all
// columns, inputs in blocks whose panel and columns stay near the core.

#include <algorithm>
#include <limits>

#include "core/kernels/packed/kernels.h"
#include "core/kernels/packed/packed.h"
#include "core/kernels/target_clones.h"

namespace denseshift::kernels {
namespace {

constexpr std::size_t kF32BlockInputs = 384;
/// Panels that take a block of the columns from the second-level cache before the next block replaces it there.
constexpr std::size_t kMostF32Panels = 4;
/// Their sums lie there, too.
constexpr std::size_t kF32SumsBytes = 256 * 1024;

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

/// `columns` columns of `rows` sums, mr apart, to y, whose columns lie `stride` apart.
DENSESHIFT_CLONES void store_f32_columns(const float* sums, std::size_t mr, std::size_t columns, std::size_t rows,
                                         const float* scale, const float* bias, float floor, float* y,
                                         std::size_t stride) {
  for (std::size_t c = 0; c < columns; ++c) {
    DENSESHIFT_INDEPENDENT
    for (std::size_t r = 0; r < rows; ++r) {
      const float value = sums[c * mr + r] * scale[r] + bias[r];
      y[c * stride + r] = value < floor ? floor : value;
    }
  }
}

void store(const F32Weights& w, const Epilogue& epilogue, const float* sums, std::size_t mr, std::size_t row,
           std::size_t m, float* y) {
  const float floor = epilogue.relu ? 0.0F : -std::numeric_limits<float>::infinity();
  const std::size_t rows = std::min(mr, w.rows - row);
  float bias[kMaxPanelRows] = {};
  if (epilogue.bias != nullptr) std::copy_n(epilogue.bias + row, rows, bias);
  store_f32_columns(sums, mr, m, rows, w.scale.data() + row, bias, floor, y + row, w.rows);
}

/// What all panels of a product share.
struct F32Job {
  const F32Weights& weights;
  const GemmF32Kernel& kernel;
  std::size_t block_tiles = 0;
  Columns columns;
};

/// Panels first..first + count - 1 times all columns, into sums[panel][column][row].
void run_panels(const F32Job& job, std::size_t first, std::size_t count, float* panel, float* sums) {
  const F32Weights& w = job.weights;
  const GemmF32Kernel& kernel = job.kernel;
  const Columns& columns = job.columns;
  for (std::size_t block = 0; block < divide_up(w.blocks, job.block_tiles); ++block) {
    const std::size_t inputs = block_inputs(w, job.block_tiles, block);
    const std::size_t first_tile = block * job.block_tiles;
    const float* packed = columns.x.data() + first_tile * w.tile_cols * columns.m;
    for (std::size_t p = 0; p < count; ++p) {
      kernel.decode({w.tiles.data(), divide_up(w.rows, kTileRows), w.blocks, (first + p) * kernel.mr, first_tile,
                     inputs / w.tile_cols, panel});
      for (std::size_t tile = 0; tile < columns.tiles; ++tile) {
        const std::size_t begin = columns.begin(tile);
        const std::size_t n = columns.begin(tile + 1) - begin;
        kernel.tile[n - 1]({panel, packed + begin * inputs, inputs, sums + (p * columns.m + begin) * kernel.mr});
      }
    }
  }
}

}  // namespace

void gemm_f32(const F32Weights& weights, const float* x, std::size_t m, float* y, const Epilogue& epilogue,
              int threads) {
  if (m == 1) return gemv_f32(weights, x, y, epilogue, threads);
  const GemmF32Kernel& kernel = chosen_kernel(gemm_f32_kernels(), weights.bits);
  const std::size_t block_tiles = kF32BlockInputs / weights.tile_cols;
  const F32Job job{weights, kernel, block_tiles, pack_columns(weights, x, m, kernel.nr, block_tiles)};
  const std::size_t panels = divide_up(weights.rows, kernel.mr);
  const std::size_t for_all_threads = panels / (4 * static_cast<std::size_t>(std::max(threads, 1)));
  const std::size_t most = std::clamp<std::size_t>(
      std::min(for_all_threads, kF32SumsBytes / (m * kernel.mr * sizeof(float))), 1, kMostF32Panels);
  const auto tasks = static_cast<std::ptrdiff_t>(divide_up(panels, most));
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    AlignedFloats panel(block_tiles * weights.tile_cols * kernel.mr);
    AlignedFloats sums;
#pragma omp for schedule(dynamic)
    for (std::ptrdiff_t task = 0; task < tasks; ++task) {
      const std::size_t first = static_cast<std::size_t>(task) * most;
      const std::size_t count = std::min(most, panels - first);
      sums.assign(count * m * kernel.mr, 0.0F);
      run_panels(job, first, count, panel.data(), sums.data());
      for (std::size_t p = 0; p < count; ++p) {
        store(weights, epilogue, sums.data() + p * m * kernel.mr, kernel.mr, (first + p) * kernel.mr, m, y);
      }
    }
  }
}

}  // namespace denseshift::kernels
