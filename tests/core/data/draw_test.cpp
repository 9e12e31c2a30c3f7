#include "core/data/image/draw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace denseshift::data {
namespace {

constexpr Pixel kBlack = pack_pixel(0, 0, 0), kRed = pack_pixel(255, 0, 0), kWhite = pack_pixel(255, 255, 255);

Image black(std::int64_t width, std::int64_t height) {
  Image image;
  image.resize(width, height);
  std::fill(image.pixels.begin(), image.pixels.end(), kBlack);
  return image;
}

std::int64_t count(const Image& image, Pixel colour) {
  return std::count(image.pixels.begin(), image.pixels.end(), colour);
}

TEST(Draw, ABoxIsAFrame) {
  Image image = black(20, 10);
  draw_box(image, {2, 1, 8, 6}, kRed, 1);
  EXPECT_EQ(count(image, kRed), 2 * 6 + 2 * 3);
  EXPECT_EQ(image.row(1)[2], kRed);
  EXPECT_EQ(image.row(5)[7], kRed) << "right and bottom end before their coordinate";
  EXPECT_EQ(image.row(3)[4], kBlack);
  EXPECT_EQ(image.row(6)[8], kBlack);
}

TEST(Draw, BoxesMayHangOverOrBeNonsense) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  Image image = black(20, 10);
  draw_box(image, {-5, -5, 100, 4}, kRed, 1);
  EXPECT_EQ(count(image, kRed), 20) << "only the lower edge is inside";
  for (const std::array<double, 4>& box :
       {std::array<double, 4>{nan, nan, nan, nan}, {-inf, -inf, inf, inf}, {5, 5, 2, 2}, {1e300, 0, -1e300, 3}}) {
    draw_box(image, box, kRed, 3);
    draw_captioned_box(image, box, "dog 0.93", kRed, 2);
  }
  Image nothing;
  draw_captioned_box(nothing, {0, 0, 5, 5}, "x", kRed);
}

TEST(Draw, TextIsLegible) {
  Image image = black(40, 9);
  draw_text(image, 0, 0, "Il", kRed, kWhite);
  const TextSize size = text_size("Il");
  EXPECT_EQ(size.width, 13);
  EXPECT_EQ(size.height, 9);
  EXPECT_EQ(count(image, kBlack), (40 - 13) * 9) << "exactly the stated size is filled";
  EXPECT_EQ(count(image, kRed), 11 + 11) << "I and the capital of l";
  Image capital = black(40, 9), small = black(40, 9), unknown = black(40, 9), question = black(40, 9);
  draw_text(capital, 0, 0, "DOG", kRed, kWhite);
  draw_text(small, 0, 0, "dog", kRed, kWhite);
  EXPECT_EQ(capital.pixels, small.pixels);
  draw_text(unknown, 0, 0, "\xC3", kRed, kWhite);
  draw_text(question, 0, 0, "?", kRed, kWhite);
  EXPECT_EQ(unknown.pixels, question.pixels);
  Image scaled = black(80, 18);
  draw_text(scaled, 0, 0, "Il", kRed, kWhite, 2);
  EXPECT_EQ(count(scaled, kRed), 4 * 22);
}

TEST(Draw, CaptionsStayInThePicture) {
  Image image = black(100, 60);
  draw_captioned_box(image, {90, 30, 99, 50}, "CAT 0.50", kRed);
  const TextSize size = text_size("CAT 0.50");
  EXPECT_EQ(image.row(30 - 1)[100 - 1], kRed) << "moved left until it fits";
  EXPECT_EQ(image.row(30 - size.height)[100 - size.width], kRed);
  Image top = black(100, 60);
  draw_captioned_box(top, {10, 2, 50, 50}, "CAT", kRed);
  EXPECT_GT(count(top, kWhite), 0) << "inside the box where there is no room above";
}

TEST(Draw, LabelsAreMixedIn) {
  Image image = black(2, 2);
  const LabelMap map{.width = 2, .height = 2, .labels = {0, 1, 255, 15}};
  blend_labels(image, map, 0.5, 0);
  EXPECT_EQ(image.pixels[0], kBlack);
  EXPECT_EQ(image.pixels[1], pack_pixel(64, 0, 0));
  EXPECT_EQ(image.pixels[2], pack_pixel(112, 112, 96));
  EXPECT_EQ(image.pixels[3], pack_pixel(96, 64, 64));
  Image white = black(2, 2);
  std::fill(white.pixels.begin(), white.pixels.end(), kWhite);
  blend_labels(white, map, 1);
  EXPECT_EQ(white.pixels[0], kBlack) << "nothing is left out unless asked";
  EXPECT_THROW(blend_labels(white, {.width = 1, .height = 4, .labels = {0, 0, 0, 0}}), std::invalid_argument);
}

TEST(Draw, NeighbouringClassesDiffer) {
  for (std::int64_t index = 0; index < 100; ++index) {
    EXPECT_NE(class_colour(index), kBlack);
    EXPECT_NE(class_colour(index), class_colour(index + 1));
  }
}

}  // namespace
}  // namespace denseshift::data
