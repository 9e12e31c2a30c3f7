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
/// So should the sums of all columns of a panel.
constexpr std::size_t kA8SumsBytes = 128 * 1024;
/// Decoded weights of so many inputs stay in the first-level cache: 16 KiB for 32 rows.
constexpr std::size_t kA8BlockInputs = 512;

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

/// Inputs whose decoded weights are multiplied with all columns before the next: some taps, or a part of one.
struct InputBlock {
  std::size_t tap = 0, taps = 1;
  std::size_t begin = 0, cols = 0;  ///< of every tap
};
std::vector<InputBlock> input_blocks(const A8Weights& w) {
  // As even as possible: a short rest costs as much as a whole block where sums are read and written.
  const auto even = [](std::size_t n, std::size_t part) {
    const std::size_t parts = std::max<std::size_t>(1, (n + part / 2) / part);
    return divide_up(n, parts);
  };
  const std::size_t taps = even(w.taps, std::max<std::size_t>(1, kA8BlockInputs / w.tap_cols));
  const std::size_t cols = even(w.tap_cols / w.tile_cols, kA8BlockInputs / w.tile_cols) * w.tile_cols;
  std::vector<InputBlock> blocks;
  for (std::size_t tap = 0; tap < w.taps; tap += taps) {
    for (std::size_t begin = 0; begin < w.tap_cols; begin += cols) {
      blocks.push_back({tap, std::min(taps, w.taps - tap), begin, std::min(cols, w.tap_cols - begin)});
    }
  }
  return blocks;
}

struct Job {
  const A8Weights& weights;
  const GemmA8Kernel& kernel;
  std::vector<Part> tiles;             ///< of columns
  std::vector<const std::uint8_t*> x;  ///< [tile][tap][column of the tile]
  AlignedFloats scale;
  AlignedFloats bias;
  AlignedInts correction;
  float floor = 0;
  Target target;
};

void store_sums(const Job& job, const std::int32_t* sums, std::size_t row, Part columns) {
  const A8Weights& w = job.weights;
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

/// Memory of one thread.
struct A8Scratch {
  AlignedBytes panel;
  AlignedInts sums;
};

/// Rows from `row` on, as many as a register tile has, times the columns of `tiles`.
void run_panel(const Job& job, const std::vector<InputBlock>& blocks, std::size_t row, Part tiles, A8Scratch& scratch) {
  const A8Weights& w = job.weights;
  const std::size_t mr = job.kernel.mr;
  const std::size_t first = job.tiles[tiles.begin].begin;
  const Part last = job.tiles[tiles.begin + tiles.size - 1];
  const std::size_t columns = last.begin + last.size - first;
  scratch.sums.assign(columns * mr, 0);
  auto* panel = reinterpret_cast<std::int8_t*>(scratch.panel.data());
  for (const InputBlock& block : blocks) {
    job.kernel.decode({w.tiles.data(), divide_up(w.rows, kTileRows), w.taps * w.tap_cols / w.tile_cols, row,
                       (block.tap * w.tap_cols + block.begin) / w.tile_cols, block.taps * block.cols / w.tile_cols,
                       panel});
    for (std::size_t t = tiles.begin; t < tiles.begin + tiles.size; ++t) {
      const Part tile = job.tiles[t];
      const std::uint8_t* const* x = job.x.data() + tile.begin * w.taps + block.tap * tile.size;
      job.kernel.tile[tile.size - 1](
          {panel, x, block.taps, block.begin, block.cols / 4, scratch.sums.data() + (tile.begin - first) * mr});
    }
  }
  store_sums(job, scratch.sums.data(), row, {first, columns});
}

void run(const Job& job, int threads) {
  if (job.tiles.empty()) return;
  const A8Weights& w = job.weights;
  const std::size_t mr = job.kernel.mr;
  const std::size_t columns = job.tiles.back().begin + job.tiles.back().size;
  const std::size_t panels = divide_up(w.rows, mr);
  std::size_t parts = std::max(divide_up(columns * w.tap_cols, kBlockBytes),
                               divide_up(columns * mr * sizeof(std::int32_t), kA8SumsBytes));
  if (threads > 1) parts = std::max(parts, divide_up(2 * static_cast<std::size_t>(threads), panels));
  parts = std::clamp<std::size_t>(parts, 1, job.tiles.size());
  const std::vector<InputBlock> blocks = input_blocks(w);
  const auto tasks = static_cast<std::ptrdiff_t>(parts * panels);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    A8Scratch scratch;
    scratch.panel.resize(a8_passes(w.bits) * blocks.front().taps * blocks.front().cols * mr);
#pragma omp for schedule(dynamic)
    for (std::ptrdiff_t task = 0; task < tasks; ++task) {
      const std::size_t row = static_cast<std::size_t>(task) % panels * mr;
      run_panel(job, blocks, row, part(job.tiles.size(), parts, static_cast<std::size_t>(task) / panels), scratch);
    }
  }
}

/// `next(to)` stores where the bytes of the next column begin, for each tap: to[tap * stride].
template <class Next>
Job make_job(const A8Weights& weights, std::size_t columns, const A8Matrix& x, const Epilogue& epilogue, Next next) {
  Job job{weights, chosen_kernel(gemm_a8_kernels(), weights.bits), {}, {}, {}, {}, {}, 0, {}};
  job.tiles.resize(divide_up(columns, job.kernel.nr));
  job.x.resize(columns * weights.taps);
  for (std::size_t t = 0; t < job.tiles.size(); ++t) {
    const Part tile = job.tiles[t] = part(columns, job.tiles.size(), t);
    const std::uint8_t** to = job.x.data() + tile.begin * weights.taps;
    for (std::size_t c = 0; c < tile.size; ++c) next(to + c, tile.size);
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
  const std::uint8_t* row = x.data.data();
  return make_job(weights, x.rows, x, epilogue, [row, &x](const std::uint8_t** to, std::size_t) mutable {
    *to = row;
    row += x.stride;
  });
}

/// The pixels of a convolution one after the other, without a division for each.
class ConvColumns {
 public:
  ConvColumns(const ConvShape& shape, const A8Matrix& x, const std::uint8_t* outside)
      : shape_(shape),
        pixel_bytes_(x.stride),
        image_(x.data.data()),
        outside_(outside),
        width_(shape.out_width()),
        height_(shape.out_height()) {}

  void operator()(const std::uint8_t** to, std::size_t stride) {
    for (std::size_t ky = 0; ky < shape_.kernel_height; ++ky) {
      // Positions left of and above the image wrap around and are as far outside as those right of and below it.
      const std::size_t row = out_row_ * shape_.stride + ky - shape_.padding;
      for (std::size_t kx = 0; kx < shape_.kernel_width; ++kx, to += stride) {
        const std::size_t col = out_col_ * shape_.stride + kx - shape_.padding;
        const bool inside = row < shape_.height && col < shape_.width;
        *to = inside ? image_ + (row * shape_.width + col) * pixel_bytes_ : outside_;
      }
    }
    if (++out_col_ < width_) return;
    out_col_ = 0;
    if (++out_row_ < height_) return;
    out_row_ = 0;
    image_ += shape_.height * shape_.width * pixel_bytes_;
  }

 private:
  const ConvShape& shape_;
  std::size_t pixel_bytes_;
  const std::uint8_t* image_;
  const std::uint8_t* outside_;
  std::size_t width_, height_;
  std::size_t out_row_ = 0, out_col_ = 0;
};

Job conv_job(const A8Weights& weights, const ConvShape& shape, const A8Matrix& x, const Epilogue& epilogue,
             AlignedBytes& outside) {
  if (weights.taps != shape.kernel_height * shape.kernel_width || weights.cols != weights.taps * shape.channels ||
      x.cols != shape.channels || x.rows != shape.batch * shape.height * shape.width) {
    throw std::invalid_argument("weights, shape and activations of a convolution do not fit each other");
  }
  outside.assign(weights.tap_cols, static_cast<std::uint8_t>(x.zero_point));
  return make_job(weights, shape.batch * shape.out_height() * shape.out_width(), x, epilogue,
                  ConvColumns(shape, x, outside.data()));
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
