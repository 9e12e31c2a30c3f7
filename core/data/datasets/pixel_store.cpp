#include "core/data/datasets/pixel_store.h"

#include <algorithm>
#include <utility>

#include "core/data/image/resize.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

/// Copies a picture into the middle of a larger black one.
void add_border(const Image& image, std::int64_t border, Image& out) {
  out.resize(image.width + 2 * border, image.height + 2 * border);
  std::fill(out.pixels.begin(), out.pixels.end(), pack_pixel(0, 0, 0));
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::copy_n(image.row(y), image.width, out.row(y + border) + border);
  }
}

}  // namespace

void write_sample(const std::uint8_t* planes, int channels, std::int64_t side, std::int64_t size,
                  const PixelRecipe& recipe, bool augment, RandomStream& random, float* out) {
  Window window;
  if (augment) {
    const std::int64_t jitter = recipe.jitter * size / 32;
    const auto positions = static_cast<std::uint64_t>(2 * jitter + 1);
    window.x = static_cast<std::int64_t>(random.below(positions)) - jitter;
    window.y = static_cast<std::int64_t>(random.below(positions)) - jitter;
    window.flip = recipe.flip && random.below(2) == 1;
  }
  const std::int64_t framed = side + 2 * recipe.border;
  if (framed == size || side == size) {
    const std::int64_t border = (size - side) / 2;
    window.x -= border;
    window.y -= border;
    write_planes(planes, channels, side, window, size, recipe.normalisation, out);
    return;
  }
  thread_local Image stored;
  thread_local Image framed_image;
  thread_local Image scaled;
  thread_local Resizer resizer;
  planes_to_image(planes, channels, side, stored);
  add_border(stored, recipe.border, framed_image);
  const Box all{0, 0, static_cast<double>(framed), static_cast<double>(framed)};
  resizer.resize(framed_image, all, {.width = size, .height = size}, scaled);
  write_planes(scaled, window, size, recipe.normalisation, out);
}

PixelStore::PixelStore(DatasetInfo info, int channels, std::int64_t side, PixelRecipe recipe, Part train, Part val,
                       std::vector<Source> sources)
    : info_(std::move(info)),
      channels_(channels),
      side_(side),
      recipe_(recipe),
      train_(std::move(train)),
      val_(std::move(val)),
      sources_(std::move(sources)) {}

std::int64_t PixelStore::size(Split split) const {
  return split == Split::test ? 0 : static_cast<std::int64_t>(part(split).labels.size());
}

std::int64_t PixelStore::load(Split split, std::int64_t index, bool augment, RandomStream& random, float* out) const {
  const Part& from = part(split);
  write_sample(from.pixels.data() + index * sample_bytes(), channels_, side_, info_.image_size, recipe_, augment,
               random, out);
  return from.labels[static_cast<std::size_t>(index)];
}

std::int64_t PixelStore::pixels(Split split, std::int64_t index, Image& out) const {
  const Part& from = part(split);
  planes_to_image(from.pixels.data() + index * sample_bytes(), channels_, side_, out);
  return from.labels[static_cast<std::size_t>(index)];
}

nlohmann::ordered_json PixelStore::fingerprint() const {
  nlohmann::ordered_json json;
  json["name"] = info_.name;
  json["train"] = size(Split::train);
  json["val"] = size(Split::val);
  for (const Source& source : sources_) json["files"][source.name] = source.bytes;
  Sha256 hash;
  for (const Part* from : {&train_, &val_}) {
    const std::size_t step = std::max<std::size_t>(1, from->labels.size() / 16);
    for (std::size_t i = 0; i < from->labels.size(); i += step) {
      hash.update(from->pixels.data() + i * static_cast<std::size_t>(sample_bytes()),
                  static_cast<std::size_t>(sample_bytes()));
      hash.update(&from->labels[i], 1);
    }
  }
  json["samples_sha256"] = hash.hex();
  return json;
}

}  // namespace denseshift::data
