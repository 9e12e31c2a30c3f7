#include "core/data/transforms/deeplab.h"

#include <algorithm>

#include "core/data/image/decode.h"
#include "core/data/image/resize.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kReferenceBase = 520;

class DeepLabTransform final : public Transform {
 public:
  explicit DeepLabTransform(std::int64_t crop) : crop_(crop), base_(deeplab_base(crop)) {}

  void apply(const AnnotatedImage& in, bool augment, RandomStream& random, Sample& out) const override {
    out.info.original_height = in.image.height;
    out.info.original_width = in.image.width;
    out.info.objects.clear();
    if (!augment) {
      const auto [height, width] = short_side_size(in.image.height, in.image.width, base_);
      check_picture_size(width, height);  // a strip one pixel high would become a long one
      write(in, width, height, {}, width, height, out);
      return;
    }
    const std::int64_t least = base_ / 2;
    const std::int64_t short_side =
        least + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * base_ - least + 1)));
    const bool flip = random.below(2) == 1;
    const auto [height, width] = short_side_size(in.image.height, in.image.width, short_side);
    const std::int64_t y = draw_offset(height, random);
    const std::int64_t x = draw_offset(width, random);
    // The window lies in the picture before mirroring; at its far side where padding is to the right of the mirrored
    // one.
    write(in, width, height, {.x = flip ? width - x - crop_ : x, .y = y, .flip = flip}, crop_, crop_, out);
  }

 private:
  [[nodiscard]] std::int64_t draw_offset(std::int64_t size, RandomStream& random) const {
    if (size <= crop_) return 0;
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size - crop_ + 1)));
  }

  /// The window of part_width x part_height of the picture resized to width x height; only what it shows is computed.
  static void write(const AnnotatedImage& in, std::int64_t width, std::int64_t height, Window window,
                    std::int64_t part_width, std::int64_t part_height, Sample& out) {
    thread_local Image scaled;
    thread_local Resizer resizer;
    const std::int64_t left = std::max<std::int64_t>(window.x, 0);
    const std::int64_t top = std::max<std::int64_t>(window.y, 0);
    const Image& image = in.image;
    resizer.resize(image, {0, 0, static_cast<double>(image.width), static_cast<double>(image.height)},
                   {.width = width,
                    .height = height,
                    .x = left,
                    .y = top,
                    .part_width = std::min(width, window.x + part_width) - left,
                    .part_height = std::min(height, window.y + part_height) - top},
                   scaled);
    out.info.height = part_height;
    out.info.width = part_width;
    out.values.resize(static_cast<std::size_t>(3 * part_height * part_width));
    const Window shown{.x = window.x - left, .y = window.y - top, .flip = window.flip};
    write_planes(scaled, shown, part_width, part_height, imagenet_normalisation(), out.values.data());
    out.info.mask.clear();
    if (!in.mask.empty()) {
      resize_mask(in.mask, image.width, image.height, width, height, window, part_width, part_height, out.info.mask);
    }
  }

  std::int64_t crop_;
  std::int64_t base_;
};

}  // namespace

std::int64_t deeplab_base(std::int64_t crop) { return crop * kReferenceBase / kDeepLabCrop; }

std::pair<std::int64_t, std::int64_t> short_side_size(std::int64_t height, std::int64_t width,
                                                      std::int64_t short_side) {
  if (width <= height) return {short_side * height / width, short_side};
  return {short_side, short_side * width / height};
}

std::unique_ptr<Transform> make_deeplab_transform(std::int64_t crop) {
  return std::make_unique<DeepLabTransform>(crop);
}

}  // namespace denseshift::data
