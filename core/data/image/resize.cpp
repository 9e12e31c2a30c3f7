#include "core/data/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace denseshift::data {
namespace {

constexpr int kWeightBits = 14;
constexpr int kRowBits = 6;  // 255 << 6 fits into 16 bits
constexpr int kColumnShift = kWeightBits - kRowBits;
constexpr int kFinalShift = kWeightBits + kRowBits;
constexpr std::int32_t kColumnHalf = 1 << (kColumnShift - 1);
constexpr std::int32_t kFinalHalf = 1 << (kFinalShift - 1);

/// What the steps need of an axis.
struct AxisView {
  const std::int64_t* first;
  const std::int16_t* weights;
  std::int64_t taps;
  std::int64_t size;
};

/// Column step for `rows` rows: every output pixel is the weighted sum of `taps` source pixels, kept as four values
/// with kRowBits fractional bits.
void scale_columns_portable(const Pixel* from, std::int64_t from_stride, std::int64_t rows, const AxisView& columns,
                            std::int16_t* to, std::int64_t to_stride) {
  for (std::int64_t y = 0; y < rows; ++y, from += from_stride, to += to_stride) {
    for (std::int64_t x = 0; x < columns.size; ++x) {
      const Pixel* pixels = from + columns.first[x];
      const std::int16_t* weights = columns.weights + x * columns.taps;
      for (int c = 0; c < 4; ++c) {
        std::int32_t sum = kColumnHalf;
        for (std::int64_t k = 0; k < columns.taps; ++k) {
          sum += weights[k] * static_cast<std::int32_t>((pixels[k] >> (8 * c)) & 255U);
        }
        to[4 * x + c] = static_cast<std::int16_t>(sum >> kColumnShift);
      }
    }
  }
}

/// Row step for one output row: the weighted sum of `taps` rows that lie `stride` values apart.
void scale_rows_portable(const std::int16_t* from, std::int64_t stride, const std::int16_t* weights, std::int64_t taps,
                         std::int64_t width, Pixel* to) {
  for (std::int64_t x = 0; x < width; ++x) {
    Pixel pixel = 0;
    for (int c = 0; c < 4; ++c) {
      std::int32_t sum = kFinalHalf;
      for (std::int64_t k = 0; k < taps; ++k) sum += weights[k] * from[k * stride + 4 * x + c];
      pixel |= static_cast<Pixel>(sum >> kFinalShift) << (8 * c);
    }
    to[x] = pixel;
  }
}

#ifdef __SSE2__

/// Two neighbouring weights in every 32-bit lane, as _mm_madd_epi16 wants them.
__m128i weight_pair(const std::int16_t* weights) {
  std::int32_t pair = 0;
  std::memcpy(&pair, weights, sizeof pair);
  return _mm_set1_epi32(pair);
}

/// Two source pixels as the words r0 r1 g0 g1 b0 b1 x0 x1.
__m128i pixel_pair(const Pixel* from) {
  const __m128i two = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return _mm_unpacklo_epi8(_mm_unpacklo_epi8(two, _mm_srli_si128(two, 4)), _mm_setzero_si128());
}

/// Column step for `kRows` rows at once, so that each weight is loaded once for all of them. `kPairs` pairs of taps; 0:
/// as many as the axis has.
template <int kPairs, int kRows>
void scale_columns_block(const Pixel* from, std::int64_t from_stride, const AxisView& columns, std::int16_t* to,
                         std::int64_t to_stride) {
  const std::int64_t pairs = kPairs > 0 ? kPairs : columns.taps / 2;
  for (std::int64_t x = 0; x < columns.size; ++x) {
    const Pixel* pixels = from + columns.first[x];
    const std::int16_t* weights = columns.weights + x * 2 * pairs;
    __m128i sum[kRows];
    for (int r = 0; r < kRows; ++r) sum[r] = _mm_set1_epi32(kColumnHalf);
    for (std::int64_t k = 0; k < pairs; ++k) {
      const __m128i weight = weight_pair(weights + 2 * k);
      for (int r = 0; r < kRows; ++r) {
        sum[r] = _mm_add_epi32(sum[r], _mm_madd_epi16(pixel_pair(pixels + r * from_stride + 2 * k), weight));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const __m128i values = _mm_srai_epi32(sum[r], kColumnShift);
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to + r * to_stride + 4 * x), _mm_packs_epi32(values, values));
    }
  }
}

template <int kPairs>
void scale_columns_sse2(const Pixel* from, std::int64_t from_stride, std::int64_t rows, const AxisView& columns,
                        std::int16_t* to, std::int64_t to_stride) {
  constexpr int kRows = 4;
  std::int64_t y = 0;
  for (; y + kRows <= rows; y += kRows) {
    scale_columns_block<kPairs, kRows>(from + y * from_stride, from_stride, columns, to + y * to_stride, to_stride);
  }
  for (; y < rows; ++y) {
    scale_columns_block<kPairs, 1>(from + y * from_stride, from_stride, columns, to + y * to_stride, to_stride);
  }
}

/// Row step, two pixels and two rows per multiplication. Rows hold an even number of pixels.
template <int kPairs>
void scale_rows_sse2(const std::int16_t* from, std::int64_t stride, const std::int16_t* weights, std::int64_t taps,
                     std::int64_t width, Pixel* to) {
  const std::int64_t pairs = kPairs > 0 ? kPairs : taps / 2;
  const auto load = [](const std::int16_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };
  for (std::int64_t x = 0; x < width; x += 2) {
    __m128i low = _mm_set1_epi32(kFinalHalf);
    __m128i high = low;
    for (std::int64_t k = 0; k < pairs; ++k) {
      const __m128i upper = load(from + 2 * k * stride + 4 * x);
      const __m128i lower = load(from + (2 * k + 1) * stride + 4 * x);
      const __m128i weight = weight_pair(weights + 2 * k);
      low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi16(upper, lower), weight));
      high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi16(upper, lower), weight));
    }
    const __m128i words = _mm_packs_epi32(_mm_srai_epi32(low, kFinalShift), _mm_srai_epi32(high, kFinalShift));
    const __m128i bytes = _mm_packus_epi16(words, words);
    if (x + 1 < width) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to + x), bytes);
    } else {
      to[x] = static_cast<Pixel>(_mm_cvtsi128_si32(bytes));
    }
  }
}

#endif

using ColumnStep = void (*)(const Pixel*, std::int64_t, std::int64_t, const AxisView&, std::int16_t*, std::int64_t);
using RowStep = void (*)(const std::int16_t*, std::int64_t, const std::int16_t*, std::int64_t, std::int64_t, Pixel*);

// An odd number of taps occurs only for pictures as narrow as that.

ColumnStep column_step([[maybe_unused]] std::int64_t taps, [[maybe_unused]] bool portable) {
#ifdef __SSE2__
  if (!portable && taps % 2 == 0) {
    if (taps == 2) return scale_columns_sse2<1>;
    if (taps == 4) return scale_columns_sse2<2>;
    if (taps == 6) return scale_columns_sse2<3>;
    return scale_columns_sse2<0>;
  }
#endif
  return scale_columns_portable;
}

RowStep row_step([[maybe_unused]] std::int64_t taps, [[maybe_unused]] bool portable) {
#ifdef __SSE2__
  if (!portable && taps % 2 == 0) {
    if (taps == 2) return scale_rows_sse2<1>;
    if (taps == 4) return scale_rows_sse2<2>;
    if (taps == 6) return scale_rows_sse2<3>;
    return scale_rows_sse2<0>;
  }
#endif
  return scale_rows_portable;
}

}  // namespace

void Resizer::Axis::prepare(double origin, double length, std::int64_t outputs, std::int64_t start, std::int64_t run,
                            std::int64_t limit) {
  const double scale = length / static_cast<double>(outputs);
  const double support = std::max(scale, 1.0);
  const auto lowest = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(origin)));
  const auto highest = std::min<std::int64_t>(limit, static_cast<std::int64_t>(std::ceil(origin + length)));
  const auto reach = [&](std::int64_t i) {
    const double centre = origin + (static_cast<double>(start + i) + 0.5) * scale;
    const auto low = std::clamp(static_cast<std::int64_t>(std::floor(centre - support + 0.5)), lowest, highest - 1);
    const auto high = std::clamp(static_cast<std::int64_t>(std::floor(centre + support + 0.5)), low + 1, highest);
    return std::pair(low, high);
  };
  taps = 2;
  for (std::int64_t i = 0; i < run; ++i) {
    const auto [low, high] = reach(i);
    taps = std::max(taps, high - low);
  }
  taps = std::min(taps + taps % 2, limit);

  first.resize(static_cast<std::size_t>(run));
  weights.assign(static_cast<std::size_t>(run * taps), 0);
  std::vector<double> exact(static_cast<std::size_t>(taps));
  for (std::int64_t i = 0; i < run; ++i) {
    const double centre = origin + (static_cast<double>(start + i) + 0.5) * scale;
    const auto [low, high] = reach(i);
    double sum = 0;
    for (std::int64_t s = low; s < high; ++s) {
      const double distance = std::abs(static_cast<double>(s) + 0.5 - centre);
      sum += exact[static_cast<std::size_t>(s - low)] = std::max(0.0, 1.0 - distance / support);
    }
    const std::int64_t begin = std::min(low, limit - taps);
    first[static_cast<std::size_t>(i)] = begin;
    // Rounding the running total instead of every weight makes the integers add up.
    std::int16_t* weight = weights.data() + i * taps + (low - begin);
    double total = 0;
    std::int64_t given = 0;
    for (std::int64_t k = 0; k < high - low; ++k) {
      total += sum > 0 ? exact[static_cast<std::size_t>(k)] / sum : 1.0 / static_cast<double>(high - low);
      const std::int64_t reached = std::llround(total * (1 << kWeightBits));
      weight[k] = static_cast<std::int16_t>(reached - given);
      given = reached;
    }
  }
}

void Resizer::resize(const Image& source, const Box& box, const Target& target, Image& out) {
  const std::int64_t width = target.part_width > 0 ? target.part_width : target.width;
  const std::int64_t height = target.part_height > 0 ? target.part_height : target.height;
  columns_.prepare(box.x, box.width, target.width, target.x, width, source.width);
  rows_.prepare(box.y, box.height, target.height, target.y, height, source.height);
  out.resize(width, height);
  if (width == 0 || height == 0) return;

  const std::int64_t top = *std::min_element(rows_.first.begin(), rows_.first.end());
  const std::int64_t bottom = *std::max_element(rows_.first.begin(), rows_.first.end()) + rows_.taps;
  const std::int64_t stride = 4 * (width + width % 2);
  const auto needed = static_cast<std::size_t>((bottom - top) * stride);
  if (scaled_rows_.size() < needed) scaled_rows_.resize(needed);
  const AxisView columns{columns_.first.data(), columns_.weights.data(), columns_.taps, width};
  column_step(columns_.taps, portable_)(source.row(top), source.width, bottom - top, columns, scaled_rows_.data(),
                                        stride);
  const RowStep step = row_step(rows_.taps, portable_);
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t first_row = rows_.first[static_cast<std::size_t>(y)] - top;
    step(scaled_rows_.data() + first_row * stride, stride, rows_.weights.data() + y * rows_.taps, rows_.taps, width,
         out.row(y));
  }
}

}  // namespace denseshift::data
