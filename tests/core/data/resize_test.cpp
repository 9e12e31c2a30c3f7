#include "core/data/image/resize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "core/data/image/crop.h"
#include "core/data/image/decode.h"
#include "core/util/rng.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

TEST(Resize, EqualsPillowWithinOneGreyLevel) {
  // tests/data/images is made by scripts/make_image_fixtures.py.
  std::ifstream list(fixture("resizes.txt"));
  std::string source_name;
  std::string expected_name;
  Box box;
  Target target;
  int cases = 0;
  Resizer resizer;
  while (list >> source_name >> expected_name >> box.x >> box.y >> box.width >> box.height >> target.width >>
         target.height) {
    Image source;
    Image expected;
    Image actual;
    PictureFile(fixture(source_name)).decode(source);
    PictureFile(fixture(expected_name)).decode(expected);
    resizer.resize(source, box, target, actual);
    EXPECT_LE(largest_difference(actual, expected), 1) << source_name << " -> " << expected_name;
    ++cases;
  }
  EXPECT_EQ(cases, 10);
}

Image random_image(std::int64_t width, std::int64_t height, RandomStream& random) {
  Image image;
  image.resize(width, height);
  for (Pixel& pixel : image.pixels) pixel = static_cast<Pixel>(random.next()) | 0xFF000000U;
  return image;
}

/// The definition in double precision: one output value from all source pixels of the box.
double reference_value(const Image& source, const Box& box, const Target& target, std::int64_t x, std::int64_t y,
                       int c) {
  const double sx = box.width / static_cast<double>(target.width);
  const double sy = box.height / static_cast<double>(target.height);
  const double cx = box.x + (static_cast<double>(x) + 0.5) * sx;
  const double cy = box.y + (static_cast<double>(y) + 0.5) * sy;
  double sum = 0;
  double weights = 0;
  for (auto j = static_cast<std::int64_t>(box.y); j < static_cast<std::int64_t>(box.y + box.height); ++j) {
    for (auto i = static_cast<std::int64_t>(box.x); i < static_cast<std::int64_t>(box.x + box.width); ++i) {
      const double wx = std::max(0.0, 1 - std::abs(static_cast<double>(i) + 0.5 - cx) / std::max(1.0, sx));
      const double wy = std::max(0.0, 1 - std::abs(static_cast<double>(j) + 0.5 - cy) / std::max(1.0, sy));
      sum += wx * wy * channel_of(source.row(j)[i], c);
      weights += wx * wy;
    }
  }
  return sum / weights;
}

TEST(Resize, FastAndPortableLoopsAgreeAndFollowTheDefinition) {
  RandomStream random(5);
  Resizer fast;
  Resizer portable(true);
  const auto size = [&random](std::uint64_t limit) { return static_cast<std::int64_t>(1 + random.below(limit)); };
  for (int round = 0; round < 300; ++round) {
    const Image source = random_image(size(40), size(40), random);
    const std::int64_t width = size(static_cast<std::uint64_t>(source.width));
    const std::int64_t height = size(static_cast<std::uint64_t>(source.height));
    const Box box{static_cast<double>(random.below(static_cast<std::uint64_t>(source.width - width + 1))),
                  static_cast<double>(random.below(static_cast<std::uint64_t>(source.height - height + 1))),
                  static_cast<double>(width), static_cast<double>(height)};
    Target target{.width = size(30), .height = size(30)};
    target.part_width = size(static_cast<std::uint64_t>(target.width));
    target.part_height = size(static_cast<std::uint64_t>(target.height));
    target.x =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(target.width - target.part_width + 1)));
    target.y =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(target.height - target.part_height + 1)));
    Image one;
    Image two;
    fast.resize(source, box, target, one);
    portable.resize(source, box, target, two);
    ASSERT_EQ(largest_difference(one, two), 0) << "round " << round;
    for (std::int64_t y = 0; y < one.height; ++y) {
      for (std::int64_t x = 0; x < one.width; ++x) {
        const int c = static_cast<int>((x + y) % 3);
        ASSERT_NEAR(channel_of(one.row(y)[x], c), reference_value(source, box, target, x + target.x, y + target.y, c),
                    0.75)
            << "round " << round;
      }
    }
  }
}

TEST(Resize, ConstantPicturesStayConstant) {
  Resizer resizer;
  for (const std::int64_t side : {1, 2, 17, 300}) {
    Image source;
    source.resize(side, side);
    std::fill(source.pixels.begin(), source.pixels.end(), pack_pixel(255, 0, 77));
    Image out;
    resizer.resize(source, {0, 0, static_cast<double>(side), static_cast<double>(side)}, {.width = 41, .height = 7},
                   out);
    for (const Pixel pixel : out.pixels) ASSERT_EQ(pixel & 0xFFFFFF, pack_pixel(255, 0, 77) & 0xFFFFFF);
  }
}

TEST(RandomResizedCrop, FollowsItsDistribution) {
  // Square pictures large enough that rounding does not matter: about four of five draws fit at once, so check the
  // conditional facts: limits of area and ratio, symmetry, and uniform positions.
  double area = 0;
  double log_ratio = 0;
  double position = 0;
  const int draws = 20000;
  for (int i = 0; i < draws; ++i) {
    RandomStream random(3, static_cast<std::uint64_t>(i));
    const Region r = random_resized_crop(1000, 1000, random);
    ASSERT_GE(r.x, 0);
    ASSERT_GE(r.y, 0);
    ASSERT_LE(r.x + r.width, 1000);
    ASSERT_LE(r.y + r.height, 1000);
    const double ratio = static_cast<double>(r.width) / static_cast<double>(r.height);
    ASSERT_GE(ratio, 0.745);
    ASSERT_LE(ratio, 1.342);
    const double fraction = static_cast<double>(r.width * r.height) / 1e6;
    ASSERT_GE(fraction, 0.0795);
    area += fraction;
    log_ratio += std::log(ratio);
    if (r.width < 1000) position += static_cast<double>(r.x) / static_cast<double>(1000 - r.width) - 0.5;
  }
  // Given that it fits, a fraction f was drawn with weight 1 below 3/4 and ln(1/f)/ln(4/3) above: mean 0.479.
  EXPECT_NEAR(area / draws, 0.479, 0.006);
  EXPECT_NEAR(log_ratio / draws, 0, 0.006);
  EXPECT_NEAR(position / draws, 0, 0.01);
}

TEST(RandomResizedCrop, FallsBackToACentredCropOfPermittedRatio) {
  RandomStream random(1);
  const Region wide = random_resized_crop(1000, 30, random);
  EXPECT_EQ(wide.height, 30);
  EXPECT_EQ(wide.width, 40);
  EXPECT_EQ(wide.x, 480);
  const Region tall = random_resized_crop(30, 1000, random);
  EXPECT_EQ(tall.width, 30);
  EXPECT_EQ(tall.height, 40);
  const Region dot = random_resized_crop(1, 1, random);
  EXPECT_EQ(dot.width * dot.height, 1);
}

TEST(CentreCrop, FollowsTheRules) {
  const Target wide = centre_crop(500, 375, 224);  // 256 * 500 / 375 = 341.33
  EXPECT_EQ(wide.width, 341);
  EXPECT_EQ(wide.height, 256);
  EXPECT_EQ(wide.x, 58);  // 58.5 goes to the even number
  EXPECT_EQ(wide.y, 16);
  const Target tall = centre_crop(333, 500, 224);
  EXPECT_EQ(tall.width, 256);
  EXPECT_EQ(tall.height, 384);
  EXPECT_EQ(tall.y, 80);
}

}  // namespace
}  // namespace denseshift::data
