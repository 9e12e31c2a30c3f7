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

/// `next(to)` stores where the bytes of the next column begin, for each tap: to[tap * stride].
template <class Next>
Job make_job(const A8Weights& weights, std::size_t columns, const A8Matrix& x, const Epilogue& epilogue, Next next) {
  Job job{weights, chosen_kernel(gemm_a8_kernels(), weights.bits), columns, 0, {}, {}, {}, {}, 0, {}};
  job.tiles = divide_up(columns, job.kernel.nr);
  job.x.resize(columns * weights.taps);
  for (std::size_t t = 0; t < job.tiles; ++t) {
    const Part tile = part(columns, job.tiles, t);
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
