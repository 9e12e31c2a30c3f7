// Products of packed weights with many columns of bytes: samples of a matrix, or pixels of a convolution that is never
// unfolded. Both give a pointer for every column and tap.

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/kernels/packed/kernels.h"
#include "core/kernels/packed/packed.h"

namespace denseshift::kernels {
namespace {

/// x that is used again for every panel of weights should stay in the second-level cache beside it.
constexpr std::size_t kBlockBytes = 512 * 1024;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// Part `i` of n items split as evenly as possible into `parts`.
struct Part {
  std::size_t begin = 0, size = 0;
};
Part part(std::size_t n, std::size_t parts, std::size_t i) {
  const std::size_t begin = n * i / parts;
  return {begin, n * (i + 1) / parts - begin};
}

/// Where the results go: floats or bytes.
struct Target {
  float* y = nullptr;
  A8Output bytes;
};

struct Job {
  const A8Weights& weights;
  const GemmA8Kernel& kernel;
  std::size_t columns = 0;
  std::size_t tiles = 0;               ///< of columns
  std::vector<const std::uint8_t*> x;  ///< [tile][tap][column of the tile]
  AlignedFloats scale;
  AlignedFloats bias;
  AlignedInts correction;
  float floor = 0;
  Target target;
};

void run_panel(const Job& job, const std::int8_t* panel, std::size_t row, Part tiles) {
  alignas(64) std::int32_t sums[kMaxTileColumns * kMaxPanelRows];
  const A8Weights& w = job.weights;
  for (std::size_t t = tiles.begin; t < tiles.begin + tiles.size; ++t) {
    const Part columns = part(job.columns, job.tiles, t);
    job.kernel.tile[columns.size - 1]({panel, job.x.data() + columns.begin * w.taps, w.taps, w.tap_cols / 4, sums});
    A8StoreCall store;
    store.sums = sums;
    store.mr = job.kernel.mr;
    store.rows = std::min(job.kernel.mr, w.rows - row);
    store.columns = columns.size;
    store.correction = job.correction.data() + row;
    store.scale = job.scale.data() + row;
    store.bias = job.bias.data() + row;
    store.floor = job.floor;
    if (job.target.y != nullptr) {
      store.stride = w.rows;
      store.y = job.target.y + columns.begin * store.stride + row;
    } else {
      store.stride = job.target.bytes.stride;
      store.bytes = job.target.bytes.data + columns.begin * store.stride + row;
      store.inverse_scale = 1.0F / job.target.bytes.scale;
      store.zero_point = static_cast<float>(job.target.bytes.zero_point);
    }
    job.kernel.store(store);
  }
}

void run(const Job& job, int threads) {
  const A8Weights& w = job.weights;
  const std::size_t mr = job.kernel.mr;
  const std::size_t panels = divide_up(w.rows, mr);
  std::size_t parts = divide_up(job.columns * w.tap_cols, kBlockBytes);
  if (threads > 1) parts = std::max(parts, divide_up(2 * static_cast<std::size_t>(threads), panels));
  parts = std::clamp<std::size_t>(parts, 1, job.tiles);
  const std::size_t inputs = w.taps * w.tap_cols;
  const auto tasks = static_cast<std::ptrdiff_t>(parts * panels);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    AlignedBytes panel(a8_passes(w.bits) * inputs * mr);
    auto* bytes = reinterpret_cast<std::int8_t*>(panel.data());
#pragma omp for schedule(dynamic)
    for (std::ptrdiff_t task = 0; task < tasks; ++task) {
      const std::size_t row = static_cast<std::size_t>(task) % panels * mr;
      job.kernel.decode({w.tiles.data(), divide_up(w.rows, kTileRows), inputs / w.tile_cols, row, bytes});
      run_panel(job, bytes, row, part(job.tiles, parts, static_cast<std::size_t>(task) / panels));
    }
  }
}

/// `pointer(column, tap)` is where the bytes of a column and tap begin.
template <class Pointer>
Job make_job(const A8Weights& weights, std::size_t columns, const A8Matrix& x, const Epilogue& epilogue,
             const Pointer& pointer) {
  Job job{weights, chosen_kernel(gemm_a8_kernels(), weights.bits), columns, 0, {}, {}, {}, {}, 0, {}};
  job.tiles = divide_up(columns, job.kernel.nr);
  job.x.resize(columns * weights.taps);
  for (std::size_t t = 0; t < job.tiles; ++t) {
    const Part tile = part(columns, job.tiles, t);
    const std::uint8_t** to = job.x.data() + tile.begin * weights.taps;
    for (std::size_t tap = 0; tap < weights.taps; ++tap) {
      for (std::size_t c = 0; c < tile.size; ++c) *to++ = pointer(tile.begin + c, tap);
    }
  }
  const std::size_t rows = weights.scale.size();
  job.scale.resize(rows);
  job.bias.assign(rows, 0.0F);
  job.correction.resize(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    job.scale[r] = weights.scale[r] * x.scale;
    job.correction[r] = (job.kernel.x_offset - x.zero_point) * weights.row_sums[r];
    if (epilogue.bias != nullptr && r < weights.rows) job.bias[r] = epilogue.bias[r];
  }
  job.floor = epilogue.relu ? 0.0F : -std::numeric_limits<float>::infinity();
  return job;
}

Job gemm_job(const A8Weights& weights, const A8Matrix& x, const Epilogue& epilogue) {
  if (x.cols != weights.cols || weights.taps != 1) {
    throw std::invalid_argument("the activations have another shape than the weights");
  }
  return make_job(weights, x.rows, x, epilogue,
                  [&](std::size_t column, std::size_t) { return x.data.data() + column * x.stride; });
}

Job conv_job(const A8Weights& weights, const ConvShape& shape, const A8Matrix& x, const Epilogue& epilogue,
             AlignedBytes& outside) {
  if (weights.taps != shape.kernel_height * shape.kernel_width || weights.cols != weights.taps * shape.channels ||
      x.cols != shape.channels || x.rows != shape.batch * shape.height * shape.width) {
    throw std::invalid_argument("weights, shape and activations of a convolution do not fit each other");
  }
  outside.assign(weights.tap_cols, static_cast<std::uint8_t>(x.zero_point));
  const std::size_t width = shape.out_width();
  const std::size_t pixels = shape.out_height() * width;
  return make_job(weights, shape.batch * pixels, x, epilogue, [&](std::size_t column, std::size_t tap) {
    const std::size_t image = column / pixels;
    // Positions left of and above the image wrap around and are as far outside as those right of and below it.
    const std::size_t row = column % pixels / width * shape.stride + tap / shape.kernel_width - shape.padding;
    const std::size_t col = column % width * shape.stride + tap % shape.kernel_width - shape.padding;
    if (row >= shape.height || col >= shape.width) return static_cast<const std::uint8_t*>(outside.data());
    return x.data.data() + ((image * shape.height + row) * shape.width + col) * x.stride;
  });
}

}  // namespace

std::size_t ConvShape::out_height() const { return (height + 2 * padding - kernel_height) / stride + 1; }
std::size_t ConvShape::out_width() const { return (width + 2 * padding - kernel_width) / stride + 1; }

void gemm_a8(const A8Weights& weights, const A8Matrix& x, float* y, const Epilogue& epilogue, int threads) {
  if (x.rows == 1) return gemv_a8(weights, x, y, epilogue, threads);
  Job job = gemm_job(weights, x, epilogue);
  job.target.y = y;
  run(job, threads);
}

void gemm_a8(const A8Weights& weights, const A8Matrix& x, const A8Output& y, const Epilogue& epilogue, int threads) {
  Job job = gemm_job(weights, x, epilogue);
  job.target.bytes = y;
  run(job, threads);
}

void conv_a8(const A8Weights& weights, const ConvShape& shape, const A8Matrix& x, float* y, const Epilogue& epilogue,
             int threads) {
  AlignedBytes outside;
  Job job = conv_job(weights, shape, x, epilogue, outside);
  job.target.y = y;
  run(job, threads);
}

void conv_a8(const A8Weights& weights, const ConvShape& shape, const A8Matrix& x, const A8Output& y,
             const Epilogue& epilogue, int threads) {
  AlignedBytes outside;
  Job job = conv_job(weights, shape, x, epilogue, outside);
  job.target.bytes = y;
  run(job, threads);
}

}  // namespace denseshift::kernels
