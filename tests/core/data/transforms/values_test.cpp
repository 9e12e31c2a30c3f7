// The values that transforms write: bilinear interpolation, colour jitter, names and sizes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/data/transforms/bilinear.h"
#include "core/data/transforms/colour_jitter.h"
#include "core/data/transforms/fcos.h"
#include "core/data/transforms/ssd.h"
#include "core/data/transforms/transform.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::HasSubstr;

Image noise(std::int64_t width, std::int64_t height) {
  Image image;
  image.resize(width, height);
  RandomStream random(9);
  for (Pixel& pixel : image.pixels) pixel = static_cast<Pixel>(random.next()) | 0xFF000000U;
  return image;
}

/// One output of bilinear interpolation with corners not aligned, in double: the textbook formula.
double reference(const Image& image, int c, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height) {
  const auto coordinate = [](std::int64_t i, std::int64_t in, std::int64_t out) {
    return std::max(0.0, (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5);
  };
  const double sx = coordinate(x, image.width, width);
  const double sy = coordinate(y, image.height, height);
  double sum = 0;
  for (std::int64_t j = 0; j < 2; ++j) {
    for (std::int64_t i = 0; i < 2; ++i) {
      const auto px = static_cast<std::int64_t>(sx) + i;
      const auto py = static_cast<std::int64_t>(sy) + j;
      const double weight = (1 - std::abs(sx - static_cast<double>(px))) * (1 - std::abs(sy - static_cast<double>(py)));
      const Pixel pixel = image.row(std::min(py, image.height - 1))[std::min(px, image.width - 1)];
      sum += weight * channel_of(pixel, c) / 255.0;
    }
  }
  const double mean[3] = {0.485, 0.456, 0.406};
  const double deviation[3] = {0.229, 0.224, 0.225};
  return (sum - mean[c]) / deviation[c];
}

TEST(Bilinear, IsTheTextbookFormula) {
  for (const auto& [w, h, to_w, to_h] : std::vector<std::array<std::int64_t, 4>>{
           {31, 17, 64, 40}, {64, 40, 31, 17}, {50, 20, 9, 60}, {1, 1, 5, 3}, {7, 1, 3, 4}, {13, 13, 13, 13}}) {
    const Image image = noise(w, h);
    for (const bool mirror : {false, true}) {
      std::vector<float> out(static_cast<std::size_t>(3 * to_w * to_h));
      write_bilinear(image, mirror, to_w, to_h, imagenet_normalisation(), out.data());
      Image seen = image;
      for (std::int64_t y = 0; mirror && y < h; ++y) std::reverse(seen.row(y), seen.row(y) + w);
      for (int c = 0; c < 3; ++c) {
        for (std::int64_t y = 0; y < to_h; ++y) {
          for (std::int64_t x = 0; x < to_w; ++x) {
            ASSERT_NEAR(out[static_cast<std::size_t>((c * to_h + y) * to_w + x)], reference(seen, c, x, y, to_w, to_h),
                        2e-5)
                << w << "x" << h << " to " << to_w << "x" << to_h << " at " << x << "," << y;
          }
        }
      }
    }
  }
}

TEST(FcosSize, NeverVanishesAndRespectsBothLimits) {
  EXPECT_EQ(fcos_size(1, 5000, 800, 1333).first, 1);
  RandomStream random(2);
  for (int i = 0; i < 2000; ++i) {
    const auto h = static_cast<std::int64_t>(1 + random.below(2000));
    const auto w = static_cast<std::int64_t>(1 + random.below(2000));
    const auto [height, width] = fcos_size(h, w, 800, 1333);
    EXPECT_LE(std::max(height, width), 1333);
    EXPECT_LE(std::min(height, width), 800);
    EXPECT_TRUE(std::min(height, width) >= 799 || std::max(height, width) >= 1332) << h << "x" << w;
  }
}

TEST(ColourJitter, EachStepDoesWhatItSays) {
  // One pixel of each: red, green, grey, a mixture.
  const std::vector<float> colours{200, 0, 100, 90, /**/ 0, 120, 100, 60, /**/ 0, 0, 100, 30};
  const auto changed = [&](ColourJitter jitter) {
    std::vector<float> values = colours;
    apply_colour_jitter(jitter, 4, values.data());
    return values;
  };
  const auto expect_near = [](const std::vector<float>& a, const std::vector<float>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 0.01) << i;
  };
  expect_near(changed({}), colours);
  expect_near(changed({.brightness = 1.5F}), {255, 0, 150, 135, 0, 180, 150, 90, 0, 0, 150, 45});
  const float mixture = 0.299F * 90 + 0.587F * 60 + 0.114F * 30;
  const float red = 0.299F * 200;
  const float green = 0.587F * 120;
  expect_near(changed({.saturation = 0}),
              {red, green, 100, mixture, red, green, 100, mixture, red, green, 100, mixture});
  const float mean = (mixture + red + green + 100) / 4;
  expect_near(changed({.contrast = 0}), std::vector<float>(12, mean));
  // A third of a turn moves red to green, green to blue, blue to red; greys stay.
  expect_near(changed({.hue = 1.0F / 3}), {0, 0, 100, 30, 200, 0, 100, 90, 0, 120, 100, 60});
  expect_near(changed({.hue = -1.0F / 3}), {0, 120, 100, 60, 0, 0, 100, 30, 200, 0, 100, 90});
  // 30 degrees from red is orange: full red, half green.
  EXPECT_NEAR(changed({.hue = 1.0F / 12})[4], 100, 0.01);
  EXPECT_NEAR(changed({.hue = -1.0F / 12})[8], 100, 0.01);
}

TEST(ColourJitter, OrderMatters) {
  std::vector<float> a{250, 10, 10};
  std::vector<float> b = a;
  apply_colour_jitter({.brightness = 1.5F, .saturation = 0.5F, .order = {0, 1, 2, 3}}, 1, a.data());
  apply_colour_jitter({.brightness = 1.5F, .saturation = 0.5F, .order = {3, 2, 1, 0}}, 1, b.data());
  EXPECT_GT(std::abs(a[0] - b[0]), 5.0F);
}

TEST(ColourJitter, DrawsStayInTheirRanges) {
  RandomStream random(4);
  ColourJitter low{.brightness = 9, .contrast = 9, .saturation = 9, .hue = 9};
  ColourJitter high{.brightness = 0, .contrast = 0, .saturation = 0, .hue = -9};
  std::set<std::array<int, 4>> orders;
  for (int i = 0; i < 4000; ++i) {
    const ColourJitter drawn = draw_colour_jitter(random);
    low.brightness = std::min(low.brightness, drawn.brightness);
    high.brightness = std::max(high.brightness, drawn.brightness);
    low.contrast = std::min(low.contrast, drawn.contrast);
    high.contrast = std::max(high.contrast, drawn.contrast);
    low.saturation = std::min(low.saturation, drawn.saturation);
    high.saturation = std::max(high.saturation, drawn.saturation);
    low.hue = std::min(low.hue, drawn.hue);
    high.hue = std::max(high.hue, drawn.hue);
    orders.insert(drawn.order);
  }
  EXPECT_NEAR(low.brightness, 0.875, 0.002);
  EXPECT_NEAR(high.brightness, 1.125, 0.002);
  EXPECT_NEAR(low.contrast, 0.5, 0.005);
  EXPECT_NEAR(high.contrast, 1.5, 0.005);
  EXPECT_NEAR(low.saturation, 0.5, 0.005);
  EXPECT_NEAR(high.saturation, 1.5, 0.005);
  EXPECT_NEAR(low.hue, -0.05, 0.001);
  EXPECT_NEAR(high.hue, 0.05, 0.001);
  EXPECT_EQ(orders.size(), 24U);
}

TEST(MakeTransform, ExplainsWhatIsWrong) {
  EXPECT_THAT(error_of([] { (void)make_transform("fcso", {}); }), HasSubstr("unknown transform 'fcso'"));
  EXPECT_THAT(error_of([] { (void)make_transform("ssd", {.image_size = 4}); }), HasSubstr("image size 4"));
  EXPECT_THAT(error_of([] { (void)make_transform("fcos", {.image_size = 800, .max_size = 600}); }),
              HasSubstr("max size 600 is smaller"));
  EXPECT_EQ(make_transform("fcos", {})->pad_multiple(), 32);
  EXPECT_EQ(make_transform("ssd", {})->pad_multiple(), 1);
}

}  // namespace
}  // namespace denseshift::data
