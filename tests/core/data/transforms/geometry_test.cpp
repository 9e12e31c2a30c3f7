// Boxes and class maps follow the pixels: a bright rectangle on a dark picture is found again in the values, and its
// box and map are compared with where it is.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/data/transforms/deeplab.h"
#include "core/data/transforms/fcos.h"
#include "core/data/transforms/ssd.h"
#include "core/data/transforms/transform.h"

namespace denseshift::data {
namespace {

constexpr Pixel kDark = pack_pixel(20, 20, 20);
constexpr Pixel kBright = pack_pixel(240, 240, 240);
constexpr Pixel kBlack = pack_pixel(0, 0, 0);

/// A dark picture with one bright rectangle, its box (class 2) or its map (label 7).
AnnotatedImage rectangle(std::int64_t width, std::int64_t height, std::array<std::int64_t, 4> box, bool with_map) {
  AnnotatedImage picture;
  picture.image.resize(width, height);
  if (with_map) picture.mask.assign(static_cast<std::size_t>(width * height), 0);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const bool inside = x >= box[0] && y >= box[1] && x < box[2] && y < box[3];
      picture.image.row(y)[x] = inside ? kBright : kDark;
      if (with_map && inside) picture.mask[static_cast<std::size_t>(y * width + x)] = 7;
    }
  }
  if (!with_map) {
    picture.objects.push_back({{static_cast<float>(box[0]), static_cast<float>(box[1]), static_cast<float>(box[2]),
                                static_cast<float>(box[3])},
                               2});
  }
  return picture;
}

/// Green of a sample in grey levels.
float level(const Sample& sample, std::int64_t x, std::int64_t y) {
  const Normalisation& n = imagenet_normalisation();
  const std::int64_t at = (sample.info.height + y) * sample.info.width + x;
  return (sample.values[static_cast<std::size_t>(at)] - n.shift(1)) / n.scale(1);
}

/// Left, top, right, bottom of the pixels brighter than the middle between the darkest and the brightest.
std::array<std::int64_t, 4> bright_extent(const Sample& sample) {
  float low = 255;
  float high = 0;
  for (std::int64_t y = 0; y < sample.info.height; ++y) {
    for (std::int64_t x = 0; x < sample.info.width; ++x) {
      low = std::min(low, level(sample, x, y));
      high = std::max(high, level(sample, x, y));
    }
  }
  std::array<std::int64_t, 4> extent{sample.info.width, sample.info.height, 0, 0};
  for (std::int64_t y = 0; y < sample.info.height; ++y) {
    for (std::int64_t x = 0; x < sample.info.width; ++x) {
      if (level(sample, x, y) < (low + high) / 2) continue;
      extent = {std::min(extent[0], x), std::min(extent[1], y), std::max(extent[2], x + 1), std::max(extent[3], y + 1)};
    }
  }
  return extent;
}

struct Case {
  const char* transform;
  std::int64_t image_size;
  std::int64_t width, height;
  std::array<std::int64_t, 4> box;
};

class Boxes : public ::testing::TestWithParam<Case> {};

TEST_P(Boxes, LieWhereTheRectangleIs) {
  const Case& given = GetParam();
  const auto transform = make_transform(given.transform, {.image_size = given.image_size});
  const AnnotatedImage picture = rectangle(given.width, given.height, given.box, false);
  std::set<std::int64_t> lefts;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomStream random(seed);
    Sample sample;
    sample.info.objects.resize(5);  // storage is reused: what was there must go
    sample.info.mask.resize(5);
    transform->apply(picture, seed > 0, random, sample);
    ASSERT_EQ(sample.values.size(), static_cast<std::size_t>(3 * sample.info.height * sample.info.width));
    EXPECT_EQ(sample.info.original_width, given.width);
    EXPECT_EQ(sample.info.original_height, given.height);
    EXPECT_TRUE(sample.info.mask.empty());
    ASSERT_EQ(sample.info.objects.size(), 1U) << "seed " << seed;
    EXPECT_EQ(sample.info.objects[0].label, 2);
    const std::array<std::int64_t, 4> found = bright_extent(sample);
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(sample.info.objects[0].box[k], static_cast<double>(found[k]), 1.0)
          << "seed " << seed << " side " << k;
    }
    lefts.insert(found[0]);
  }
  EXPECT_GE(lefts.size(), 2U) << "augmentation moves the rectangle";
}

INSTANTIATE_TEST_SUITE_P(Transforms, Boxes,
                         ::testing::Values(Case{"square", 96, 120, 80, {10, 20, 60, 50}},
                                           Case{"ssd", 300, 200, 150, {30, 40, 110, 120}},
                                           Case{"ssd", 128, 240, 320, {20, 60, 130, 280}},
                                           Case{"fcos", 160, 120, 90, {10, 20, 60, 50}},
                                           Case{"fcos", 64, 101, 207, {5, 100, 90, 200}}));

TEST(Transforms, EvaluationDrawsNothing) {
  const AnnotatedImage picture = rectangle(60, 40, {5, 5, 20, 20}, false);
  for (const char* name : {"square", "ssd", "fcos", "deeplab"}) {
    RandomStream random(3);
    RandomStream untouched(3);
    Sample sample;
    make_transform(name, {.image_size = 48})->apply(picture, false, random, sample);
    EXPECT_EQ(random.next(), untouched.next()) << name;
  }
}

TEST(Transforms, SquareAndFcosAtThePicturesSizeChangeNothing) {
  const AnnotatedImage picture = rectangle(48, 48, {5, 9, 20, 31}, false);
  const Normalisation& n = imagenet_normalisation();
  for (const char* name : {"square", "ssd", "fcos"}) {
    RandomStream random(3);
    Sample sample;
    make_transform(name, {.image_size = 48})->apply(picture, false, random, sample);
    EXPECT_EQ(sample.info.objects[0].box, picture.objects[0].box) << name;
    for (std::int64_t i = 0; i < 48 * 48; ++i) {
      const auto value = static_cast<float>(channel_of(picture.image.pixels[static_cast<std::size_t>(i)], 0));
      ASSERT_EQ(sample.values[static_cast<std::size_t>(i)], value * n.scale(0) + n.shift(0)) << name;
    }
  }
}

TEST(DeepLab, MapFollowsThePicture) {
  for (const bool wide : {true, false}) {
    const AnnotatedImage picture =
        wide ? rectangle(150, 90, {40, 20, 100, 70}, true) : rectangle(90, 150, {20, 40, 70, 100}, true);
    const auto transform = make_deeplab_transform(96);
    std::int64_t with_both = 0;
    std::int64_t padded = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      RandomStream random(seed);
      Sample sample;
      transform->apply(picture, true, random, sample);
      ASSERT_EQ(sample.info.width, 96);
      ASSERT_EQ(sample.info.height, 96);
      ASSERT_EQ(sample.info.mask.size(), 96U * 96U);
      std::int64_t wrong = 0;
      std::set<std::uint8_t> labels;
      for (std::int64_t y = 0; y < 96; ++y) {
        for (std::int64_t x = 0; x < 96; ++x) {
          const std::uint8_t label = sample.info.mask[static_cast<std::size_t>(y * 96 + x)];
          const float grey = level(sample, x, y);
          labels.insert(label);
          if (label == kIgnoredPixel) {
            ASSERT_NEAR(grey, 0, 1e-3) << "padding is black";
          } else {
            ASSERT_GT(grey, 10.0F) << "only padding is black";
            wrong += (label == 7) != (grey > 130) ? 1 : 0;
          }
        }
      }
      EXPECT_LE(wrong, 8) << "seed " << seed;  // of rounding at corners
      with_both += labels.count(0) == 1 && labels.count(7) == 1 ? 1 : 0;
      padded += labels.count(kIgnoredPixel) == 1 ? 1 : 0;
    }
    EXPECT_GT(with_both, 50);
    EXPECT_GT(padded, 10);
    EXPECT_LT(padded, 60);
  }
}

TEST(DeepLab, PaddingIsAtTheRightAndBottomWhetherMirroredOrNot) {
  const AnnotatedImage picture = rectangle(40, 40, {0, 0, 12, 40}, true);  // bright at the left
  const auto transform = make_deeplab_transform(480);
  std::set<bool> mirrored_ones;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomStream random(seed);
    Sample sample;
    transform->apply(picture, true, random, sample);
    const std::uint8_t* map = sample.info.mask.data();
    if (map[479] != kIgnoredPixel) continue;
    EXPECT_NE(map[0], kIgnoredPixel);
    EXPECT_EQ(map[479 * 480], kIgnoredPixel) << "a square picture is padded below too";
    mirrored_ones.insert(map[0] != 7);
  }
  EXPECT_EQ(mirrored_ones.size(), 2U);
}

TEST(DeepLab, ShortSideIsUniformFromHalfToTwiceTheBase) {
  EXPECT_EQ(deeplab_base(480), 520);
  EXPECT_EQ(deeplab_base(65), 70);
  // A crop of 12 has base 13: short sides 6 to 26, of which those below 12 are seen as padding.
  const AnnotatedImage picture = rectangle(200, 200, {0, 0, 200, 200}, true);
  std::array<int, 13> padded_rows{};
  for (std::uint64_t seed = 0; seed < 2100; ++seed) {
    RandomStream random(seed);
    Sample sample;
    make_deeplab_transform(12)->apply(picture, true, random, sample);
    std::size_t rows = 0;
    while (rows < 12 && sample.info.mask[12 * (11 - rows)] == kIgnoredPixel) ++rows;
    ++padded_rows[rows];
  }
  for (std::size_t rows = 1; rows <= 6; ++rows) EXPECT_NEAR(padded_rows[rows], 100, 45) << rows;
  EXPECT_NEAR(padded_rows[0], 1500, 120);
  EXPECT_EQ(padded_rows[7], 0);
}

TEST(DeepLab, EvaluationScalesTheShortSideAndKeepsAll) {
  const AnnotatedImage picture = rectangle(150, 91, {40, 20, 100, 70}, true);
  RandomStream random(1);
  Sample sample;
  make_deeplab_transform(48)->apply(picture, false, random, sample);
  EXPECT_EQ(sample.info.height, 52);
  EXPECT_EQ(sample.info.width, 52 * 150 / 91);
  EXPECT_EQ(std::count(sample.info.mask.begin(), sample.info.mask.end(), kIgnoredPixel), 0);
  EXPECT_EQ(sample.info.mask.size(), 52U * 85U);
  // The nearest pixel: column x shows column floor((x + 0.5) * 150 / 85).
  for (std::int64_t x = 0; x < 85; ++x) {
    const auto from = static_cast<std::int64_t>((static_cast<double>(x) + 0.5) * 150 / 85);
    EXPECT_EQ(sample.info.mask[static_cast<std::size_t>(26 * 85 + x)], from >= 40 && from < 100 ? 7 : 0) << x;
  }
}

TEST(IouCrop, KeepsItsPromises) {
  const std::vector<ObjectTarget> objects{{{10, 10, 90, 70}, 0}, {{60, 40, 180, 110}, 1}, {{150, 20, 170, 30}, 2}};
  RandomStream random(1);
  std::int64_t whole = 0;
  std::int64_t lost = 0;
  for (int i = 0; i < 3000; ++i) {
    const Region crop = draw_iou_crop(200, 120, objects, random);
    ASSERT_GE(crop.x, 0);
    ASSERT_GE(crop.y, 0);
    ASSERT_LE(crop.x + crop.width, 200);
    ASSERT_LE(crop.y + crop.height, 120);
    if (crop.width == 200 && crop.height == 120) {
      ++whole;
      continue;
    }
    const double w = static_cast<double>(crop.width) / 200;
    const double h = static_cast<double>(crop.height) / 120;
    EXPECT_GT(w, 0.29);
    EXPECT_GT(h, 0.29);
    EXPECT_LT(w / h, 2.1);
    EXPECT_GT(w / h, 0.47);
    const std::vector<ObjectTarget> kept = crop_objects(objects, crop);
    ASSERT_FALSE(kept.empty());
    lost += std::ssize(objects) - std::ssize(kept);
    for (const ObjectTarget& object : kept) {
      EXPECT_GE(object.box[0], 0.0F);
      EXPECT_GE(object.box[1], 0.0F);
      EXPECT_LE(object.box[2], static_cast<float>(crop.width));
      EXPECT_LE(object.box[3], static_cast<float>(crop.height));
      EXPECT_LT(object.box[0], object.box[2]);
      EXPECT_LT(object.box[1], object.box[3]);
    }
  }
  // Three boxes that far apart pass no IoU bound, so whole pictures and unconstrained crops share the draws.
  EXPECT_GT(whole, 1300);
  EXPECT_LT(whole, 2100);
  EXPECT_GT(lost, 100);
}

TEST(IouCrop, EveryBoxMustOverlapMoreThanTheBound) {
  // One box over the middle half: a part of at least 0.3 x 0.3 that holds its centre overlaps it by more than 0.1 in
  // most cases, and an IoU above 0.9 is reached only by parts nearly equal to it.
  const std::vector<ObjectTarget> objects{{{50, 50, 150, 150}, 0}};
  RandomStream random(5);
  int above_nine_tenths = 0;
  int whole = 0;
  for (int i = 0; i < 4000; ++i) {
    const Region crop = draw_iou_crop(200, 200, objects, random);
    if (crop.width == 200 && crop.height == 200) {
      ++whole;
      continue;
    }
    const std::vector<ObjectTarget> kept = crop_objects(objects, crop);
    const double inside = static_cast<double>((kept[0].box[2] - kept[0].box[0]) * (kept[0].box[3] - kept[0].box[1]));
    const double both = 100.0 * 100.0 + static_cast<double>(crop.width * crop.height) - inside;
    above_nine_tenths += inside / both > 0.9 ? 1 : 0;
  }
  EXPECT_GT(whole, 4000 / 7);
  EXPECT_LT(above_nine_tenths, 400);
}

TEST(Mirroring, TwiceIsNothing) {
  const std::array<float, 4> box{3, 4, 10, 20};
  EXPECT_EQ(mirrored(box, 64), (std::array<float, 4>{54, 4, 61, 20}));
  EXPECT_EQ(mirrored(mirrored(box, 64), 64), box);
}

TEST(DeepLab, AStripIsRefusedInsteadOfBecomingHuge) {
  AnnotatedImage strip;
  strip.image.resize(2000000, 1);
  std::fill(strip.image.pixels.begin(), strip.image.pixels.end(), kBlack);
  strip.mask.assign(2000000, 0);
  RandomStream random(1);
  Sample sample;
  EXPECT_ANY_THROW(make_deeplab_transform(480)->apply(strip, false, random, sample));
}

}  // namespace
}  // namespace denseshift::data
