#include "core/data/transforms/transform.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/data/transforms/deeplab.h"
#include "core/data/transforms/fcos.h"
#include "core/data/transforms/ssd.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kLeastSize = 8;
constexpr std::int64_t kMostSize = 4096;

std::int64_t checked(const char* what, std::int64_t size, std::int64_t otherwise) {
  if (size == 0) return otherwise;
  if (size < kLeastSize || size > kMostSize) {
    throw usage_error(fmt::format("{} {} is out of range", what, size),
                      fmt::format("use {} to {} pixels", kLeastSize, kMostSize));
  }
  return size;
}

}  // namespace

std::unique_ptr<Transform> make_transform(const std::string& name, const TransformOptions& options) {
  if (name == "square") return make_square_transform(checked("image size", options.image_size, kSsdSide));
  if (name == "ssd") return make_ssd_transform(checked("image size", options.image_size, kSsdSide));
  if (name == "deeplab") return make_deeplab_transform(checked("image size", options.image_size, kDeepLabCrop));
  if (name == "fcos") {
    const std::int64_t short_side = checked("image size", options.image_size, kFcosShortSide);
    const std::int64_t long_side = checked("max size", options.max_size, short_side * 5 / 3);
    if (long_side < short_side) {
      throw usage_error(fmt::format("max size {} is smaller than image size {}", long_side, short_side));
    }
    return make_fcos_transform(short_side, long_side);
  }
  throw usage_error(fmt::format("unknown transform '{}'", name),
                    suggestion(name, {"square", "ssd", "fcos", "deeplab"}));
}

const Normalisation& imagenet_normalisation() {
  static const Normalisation normalisation({0.485, 0.456, 0.406}, {0.229, 0.224, 0.225});
  return normalisation;
}

void resize_mask(const std::vector<std::uint8_t>& mask, std::int64_t from_width, std::int64_t from_height,
                 std::int64_t width, std::int64_t height, Window window, std::int64_t part_width,
                 std::int64_t part_height, std::vector<std::uint8_t>& out) {
  // The source pixel under the centre of pixel `i`; -1 outside.
  const auto source = [](std::int64_t i, std::int64_t from, std::int64_t to) {
    if (i < 0 || i >= to) return std::int64_t{-1};
    return std::min(from - 1, (2 * i + 1) * from / (2 * to));
  };
  std::vector<std::int64_t> columns(static_cast<std::size_t>(part_width));
  for (std::int64_t x = 0; x < part_width; ++x) {
    columns[static_cast<std::size_t>(window.flip ? part_width - 1 - x : x)] = source(x + window.x, from_width, width);
  }
  out.assign(static_cast<std::size_t>(part_width * part_height), kIgnoredPixel);
  for (std::int64_t y = 0; y < part_height; ++y) {
    const std::int64_t from_y = source(y + window.y, from_height, height);
    if (from_y < 0) continue;
    const std::uint8_t* row = mask.data() + from_y * from_width;
    std::uint8_t* to = out.data() + y * part_width;
    for (std::int64_t x = 0; x < part_width; ++x) {
      const std::int64_t from_x = columns[static_cast<std::size_t>(x)];
      if (from_x >= 0) to[x] = row[from_x];
    }
  }
}

std::array<float, 4> mirrored(const std::array<float, 4>& box, float width) {
  return {width - box[2], box[1], width - box[0], box[3]};
}

}  // namespace denseshift::data
