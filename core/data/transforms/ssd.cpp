#include "core/data/transforms/ssd.h"

#include <algorithm>
#include <limits>

#include "core/data/image/resize.h"
#include "core/data/transforms/colour_jitter.h"

namespace denseshift::data {
namespace {

constexpr std::uint64_t kCropOptions = 7;
constexpr double kLeastIou[kCropOptions] = {0, 0.1, 0.3, 0.5, 0.7, 0.9, -std::numeric_limits<double>::infinity()};

struct Corners {
  double left, top, right, bottom;
};

Corners corners(const Region& region) {
  return {static_cast<double>(region.x), static_cast<double>(region.y), static_cast<double>(region.x + region.width),
          static_cast<double>(region.y + region.height)};
}

double iou(const std::array<float, 4>& box, const Corners& crop) {
  const Corners b{static_cast<double>(box[0]), static_cast<double>(box[1]), static_cast<double>(box[2]),
                  static_cast<double>(box[3])};
  const double width = std::min(b.right, crop.right) - std::max(b.left, crop.left);
  const double height = std::min(b.bottom, crop.bottom) - std::max(b.top, crop.top);
  if (width <= 0 || height <= 0) return 0;
  const double area = (b.right - b.left) * (b.bottom - b.top);
  const double crop_area = (crop.right - crop.left) * (crop.bottom - crop.top);
  return width * height / (area + crop_area - width * height);
}

bool holds_centre(const std::array<float, 4>& box, const Corners& crop) {
  const double x = 0.5 * (static_cast<double>(box[0]) + static_cast<double>(box[2]));
  const double y = 0.5 * (static_cast<double>(box[1]) + static_cast<double>(box[3]));
  return x > crop.left && x < crop.right && y > crop.top && y < crop.bottom;
}

/// Resizing to side x side; with `recipe` everything that SSD does to a training sample, else mirroring alone.
class SquareTransform final : public Transform {
 public:
  SquareTransform(std::int64_t side, bool recipe) : side_(side), recipe_(recipe) {}

  void apply(const AnnotatedImage& in, bool augment, RandomStream& random, Sample& out) const override {
    thread_local Image scaled;
    thread_local Resizer resizer;
    const Image& image = in.image;
    Region crop{0, 0, image.width, image.height};
    if (augment && recipe_) crop = draw_iou_crop(image.width, image.height, in.objects, random);
    const bool flip = augment && random.below(2) == 1;
    const Corners at = corners(crop);
    resizer.resize(image, {at.left, at.top, at.right - at.left, at.bottom - at.top}, {.width = side_, .height = side_},
                   scaled);
    out.info.height = out.info.width = side_;
    out.info.original_height = image.height;
    out.info.original_width = image.width;
    out.values.resize(static_cast<std::size_t>(3 * side_ * side_));
    if (augment && recipe_) {
      write_jittered(scaled, flip, draw_colour_jitter(random), out.values.data());
    } else {
      write_planes(scaled, {.flip = flip}, side_, imagenet_normalisation(), out.values.data());
    }
    place_objects(in.objects, crop, flip, out.info.objects);
    out.info.mask.clear();
    if (!in.mask.empty() && !recipe_) {
      resize_mask(in.mask, image.width, image.height, side_, side_, {.flip = flip}, side_, side_, out.info.mask);
    }
  }

 private:
  void write_jittered(const Image& image, bool flip, const ColourJitter& jitter, float* out) const {
    const std::int64_t area = side_ * side_;
    for (int c = 0; c < 3; ++c) {
      float* plane = out + c * area;
      for (std::int64_t i = 0; i < area; ++i) {
        plane[i] = static_cast<float>(channel_of(image.pixels[static_cast<std::size_t>(i)], c));
      }
    }
    apply_colour_jitter(jitter, area, out);
    const Normalisation& normalisation = imagenet_normalisation();
    for (int c = 0; c < 3; ++c) {
      float* plane = out + c * area;
      for (std::int64_t i = 0; i < area; ++i) plane[i] = plane[i] * normalisation.scale(c) + normalisation.shift(c);
    }
    if (!flip) return;
    for (float* row = out; row < out + 3 * area; row += side_) std::reverse(row, row + side_);
  }

  void place_objects(const std::vector<ObjectTarget>& objects, const Region& crop, bool flip,
                     std::vector<ObjectTarget>& out) const {
    out = recipe_ ? crop_objects(objects, crop) : objects;
    const auto side = static_cast<float>(side_);
    const float ratio_x = side / static_cast<float>(crop.width);
    const float ratio_y = side / static_cast<float>(crop.height);
    for (ObjectTarget& object : out) {
      object.box[0] *= ratio_x;
      object.box[1] *= ratio_y;
      object.box[2] *= ratio_x;
      object.box[3] *= ratio_y;
      if (flip) object.box = mirrored(object.box, side);
    }
  }

  std::int64_t side_;
  bool recipe_;
};

}  // namespace

Region draw_iou_crop(std::int64_t width, std::int64_t height, const std::vector<ObjectTarget>& objects,
                     RandomStream& random) {
  while (true) {
    const std::uint64_t option = random.below(kCropOptions);
    if (option == 0) return {0, 0, width, height};
    const double w = random.uniform(0.3, 1.0);
    const double h = random.uniform(0.3, 1.0);
    if (w / h < 0.5 || w / h > 2) continue;
    const double left = random.uniform(0.0, 1.0 - w);
    const double top = random.uniform(0.0, 1.0 - h);
    const auto pixel = [](double fraction, std::int64_t size) {
      return std::min(static_cast<std::int64_t>(fraction * static_cast<double>(size)), size);
    };
    Region crop{pixel(left, width), pixel(top, height), 0, 0};
    crop.width = pixel(left + w, width) - crop.x;
    crop.height = pixel(top + h, height) - crop.y;
    if (crop.width < 1 || crop.height < 1) continue;
    const Corners at = corners(crop);
    const auto overlaps = [&](const ObjectTarget& object) { return iou(object.box, at) > kLeastIou[option]; };
    const auto inside = [&](const ObjectTarget& object) { return holds_centre(object.box, at); };
    if (std::all_of(objects.begin(), objects.end(), overlaps) && std::any_of(objects.begin(), objects.end(), inside)) {
      return crop;
    }
  }
}

std::vector<ObjectTarget> crop_objects(const std::vector<ObjectTarget>& objects, const Region& crop) {
  const Corners at = corners(crop);
  const auto x = static_cast<float>(crop.x);
  const auto y = static_cast<float>(crop.y);
  const auto width = static_cast<float>(crop.width);
  const auto height = static_cast<float>(crop.height);
  std::vector<ObjectTarget> kept;
  for (ObjectTarget object : objects) {
    if (!holds_centre(object.box, at)) continue;
    object.box = {std::max(object.box[0] - x, 0.0F), std::max(object.box[1] - y, 0.0F),
                  std::min(object.box[2] - x, width), std::min(object.box[3] - y, height)};
    kept.push_back(object);
  }
  return kept;
}

std::unique_ptr<Transform> make_ssd_transform(std::int64_t side) {
  return std::make_unique<SquareTransform>(side, true);
}

std::unique_ptr<Transform> make_square_transform(std::int64_t side) {
  return std::make_unique<SquareTransform>(side, false);
}

}  // namespace denseshift::data
