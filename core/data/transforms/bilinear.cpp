#include "core/data/transforms/bilinear.h"

#include <algorithm>
#include <array>
#include <vector>

namespace denseshift::data {
namespace {

/// Between which two source pixels every output pixel lies, and how far from the first.
struct Positions {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  std::vector<float> weight;  ///< of the second
};

Positions positions(std::int64_t inputs, std::int64_t outputs) {
  Positions result;
  const float ratio = static_cast<float>(inputs) / static_cast<float>(outputs);
  for (std::int64_t i = 0; i < outputs; ++i) {
    const float at = std::max(ratio * (static_cast<float>(i) + 0.5F) - 0.5F, 0.0F);
    const std::int64_t first = std::min(static_cast<std::int64_t>(at), inputs - 1);
    result.first.push_back(first);
    result.second.push_back(std::min(first + 1, inputs - 1));
    result.weight.push_back(std::clamp(at - static_cast<float>(first), 0.0F, 1.0F));
  }
  return result;
}

/// The three normalised colours of one source row, resized along the row.
class Row {
 public:
  explicit Row(std::int64_t width) : values_(static_cast<std::size_t>(3 * width)), width_(width) {}

  void fill(const Image& image, std::int64_t y, bool mirror, const Positions& columns,
            const Normalisation& normalisation, std::vector<float>& scratch) {
    if (y == source_) return;
    source_ = y;
    const Pixel* pixels = image.row(y);
    for (int c = 0; c < 3; ++c) {
      const float scale = normalisation.scale(c);
      const float shift = normalisation.shift(c);
      for (std::int64_t x = 0; x < image.width; ++x) {
        const auto level = static_cast<std::int32_t>((pixels[x] >> (8 * c)) & 255U);
        scratch[static_cast<std::size_t>(x)] = static_cast<float>(level) * scale + shift;
      }
      if (mirror) std::reverse(scratch.begin(), scratch.begin() + image.width);
      float* to = values_.data() + c * width_;
      for (std::int64_t x = 0; x < width_; ++x) {
        const auto i = static_cast<std::size_t>(x);
        const float a = scratch[static_cast<std::size_t>(columns.first[i])];
        const float b = scratch[static_cast<std::size_t>(columns.second[i])];
        to[x] = (1.0F - columns.weight[i]) * a + columns.weight[i] * b;
      }
    }
  }
  [[nodiscard]] std::int64_t source() const { return source_; }
  [[nodiscard]] const float* colour(int c) const { return values_.data() + c * width_; }

 private:
  std::vector<float> values_;
  std::int64_t width_;
  std::int64_t source_ = -1;
};

}  // namespace

void write_bilinear(const Image& image, bool mirror, std::int64_t width, std::int64_t height,
                    const Normalisation& normalisation, float* out) {
  const Positions columns = positions(image.width, width);
  const Positions rows = positions(image.height, height);
  std::vector<float> scratch(static_cast<std::size_t>(image.width));
  // Neighbouring output rows lie between the same or neighbouring source rows, so two are kept.
  Row upper(width);
  Row lower(width);
  for (std::int64_t y = 0; y < height; ++y) {
    const auto i = static_cast<std::size_t>(y);
    if (lower.source() == rows.first[i]) std::swap(upper, lower);
    upper.fill(image, rows.first[i], mirror, columns, normalisation, scratch);
    lower.fill(image, rows.second[i], mirror, columns, normalisation, scratch);
    const float weight = rows.weight[i];
    for (int c = 0; c < 3; ++c) {
      const float* a = upper.colour(c);
      const float* b = lower.colour(c);
      float* to = out + (c * height + y) * width;
      for (std::int64_t x = 0; x < width; ++x) to[x] = (1.0F - weight) * a[x] + weight * b[x];
    }
  }
}

}  // namespace denseshift::data
