#include "core/data/transforms/fcos.h"

#include <algorithm>
#include <cmath>

#include "core/data/transforms/bilinear.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kPadMultiple = 32;

class FcosTransform final : public Transform {
 public:
  FcosTransform(std::int64_t short_side, std::int64_t long_side) : short_side_(short_side), long_side_(long_side) {}

  void apply(const AnnotatedImage& in, bool augment, RandomStream& random, Sample& out) const override {
    const bool flip = augment && random.below(2) == 1;
    const Image& image = in.image;
    const auto [height, width] = fcos_size(image.height, image.width, short_side_, long_side_);
    out.info.height = height;
    out.info.width = width;
    out.info.original_height = image.height;
    out.info.original_width = image.width;
    out.values.resize(static_cast<std::size_t>(3 * height * width));
    write_bilinear(image, flip, width, height, imagenet_normalisation(), out.values.data());

    const float ratio_x = static_cast<float>(width) / static_cast<float>(image.width);
    const float ratio_y = static_cast<float>(height) / static_cast<float>(image.height);
    out.info.objects.clear();
    for (ObjectTarget object : in.objects) {
      if (flip) object.box = mirrored(object.box, static_cast<float>(image.width));
      object.box[0] *= ratio_x;
      object.box[1] *= ratio_y;
      object.box[2] *= ratio_x;
      object.box[3] *= ratio_y;
      out.info.objects.push_back(object);
    }
    out.info.mask.clear();
    if (!in.mask.empty()) {
      resize_mask(in.mask, image.width, image.height, width, height, {.flip = flip}, width, height, out.info.mask);
    }
  }

  [[nodiscard]] std::int64_t pad_multiple() const override { return kPadMultiple; }

 private:
  std::int64_t short_side_;
  std::int64_t long_side_;
};

}  // namespace

std::pair<std::int64_t, std::int64_t> fcos_size(std::int64_t height, std::int64_t width, std::int64_t short_side,
                                                std::int64_t long_side) {
  // The order of the float32 roundings decides the last pixel: a number over a tensor is its reciprocal, times the
  // number. 480 becomes 800 this way, and 799 with one division.
  const float by_short = 1.0F / static_cast<float>(std::min(height, width)) * static_cast<float>(short_side);
  const float by_long = 1.0F / static_cast<float>(std::max(height, width)) * static_cast<float>(long_side);
  const auto scale = static_cast<double>(std::min(by_short, by_long));
  const auto scaled = [scale](std::int64_t size) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(static_cast<double>(size) * scale)));
  };
  return {scaled(height), scaled(width)};
}

std::unique_ptr<Transform> make_fcos_transform(std::int64_t short_side, std::int64_t long_side) {
  return std::make_unique<FcosTransform>(short_side, long_side);
}

}  // namespace denseshift::data
