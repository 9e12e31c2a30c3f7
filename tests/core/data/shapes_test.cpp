#include "core/data/datasets/shapes_scene.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/data/dataset.h"

namespace denseshift::data {
namespace {

Image picture(std::uint64_t seed, Split split, std::int64_t index, std::int64_t size = 64) {
  const auto dataset = open_dataset("shapes", {.image_size = size, .seed = seed});
  Image image;
  (void)dataset->pixels(split, index, image);
  return image;
}

TEST(Shapes, PicturesAreKeyedBySeedSplitAndIndex) {
  const Image image = picture(1, Split::train, 5);
  EXPECT_EQ(image.pixels, picture(1, Split::train, 5).pixels);
  EXPECT_NE(image.pixels, picture(2, Split::train, 5).pixels);
  EXPECT_NE(image.pixels, picture(1, Split::val, 5).pixels);
  EXPECT_NE(image.pixels, picture(1, Split::train, 15).pixels);
}

TEST(Shapes, ClassesAreBalanced) {
  const auto dataset = open_dataset("shapes", {});
  EXPECT_EQ(dataset->info().image_size, 64);
  EXPECT_EQ(dataset->info().class_names.size(), 10U);
  std::vector<float> out(3 * 64 * 64);
  std::vector<int> counts(10);
  for (std::int64_t i = 0; i < 200; ++i) {
    RandomStream random(1);
    ++counts[static_cast<std::size_t>(dataset->load(Split::val, i, false, random, out.data()))];
  }
  EXPECT_EQ(counts, std::vector<int>(10, 20));
}

/// Share of a 200 px picture covered by a white figure on black.
double covered_area(Shape shape, float angle, std::int64_t side) {
  Scene scene;
  scene.figure = {.shape = shape, .radius = 0.3F, .angle = angle, .colour = {255, 255, 255}};
  std::vector<std::uint8_t> planes(static_cast<std::size_t>(3 * side * side));
  RandomStream random(1);
  render_scene(scene, side, random, planes.data());
  double sum = 0;
  for (std::int64_t i = 0; i < side * side; ++i) sum += planes[static_cast<std::size_t>(i)] / 255.0;
  return sum / static_cast<double>(side * side) / (0.3 * 0.3);
}

TEST(Shapes, FiguresHaveTheirAreaAtAnySizeAndAngle) {
  // Areas in units of radius squared, from elementary geometry of the outlines.
  const double pi = std::acos(-1.0);
  const std::pair<Shape, double> expected[] = {
      {Shape::disc, pi * 0.82 * 0.82},
      {Shape::square, 4 * 0.72 * 0.72},
      {Shape::triangle, 3 * std::sqrt(3.0) * 0.25},  // inscribed radius 1/2
      {Shape::plus, 4 * (2 * 0.92 * 0.36 - 0.36 * 0.36)},
      {Shape::star, 10 * 0.5 * 1.0 * 0.5 * std::sin(pi / 5)},
  };
  for (const auto& [shape, area] : expected) {
    for (const float angle : {0.0F, 0.7F, 2.9F}) {
      for (const std::int64_t side : {64, 101, 200}) {
        EXPECT_NEAR(covered_area(shape, angle, side) / area, 1.0, 0.03)
            << "shape " << static_cast<int>(shape) << " angle " << angle << " side " << side;
      }
    }
  }
}

TEST(Shapes, TheSamePictureAtTwoSizesLooksTheSame) {
  // Without noise and blur, which are defined in pixels.
  RandomStream random(4);
  Scene scene = draw_scene(6, random);
  scene.noise = 0;
  scene.blurred = false;
  std::vector<std::uint8_t> small(3 * 32 * 32);
  std::vector<std::uint8_t> large(3 * 128 * 128);
  render_scene(scene, 32, random, small.data());
  render_scene(scene, 128, random, large.data());
  double difference = 0;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        double sum = 0;
        for (int k = 0; k < 16; ++k) {
          sum += large[static_cast<std::size_t>((c * 128 + 4 * y + k / 4) * 128 + 4 * x + k % 4)];
        }
        difference += std::abs(sum / 16 - small[static_cast<std::size_t>((c * 32 + y) * 32 + x)]);
      }
    }
  }
  EXPECT_LT(difference / (3 * 32 * 32), 2.0) << "grey levels on average";
}

TEST(Shapes, NormalisedValuesAreCentred) {
  const auto dataset = open_dataset("shapes", {});
  std::vector<float> out(3 * 64 * 64);
  double sum = 0;
  double squares = 0;
  for (std::int64_t i = 0; i < 500; ++i) {
    RandomStream random(1);
    dataset->load(Split::train, i, false, random, out.data());
    for (const float value : out) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
  }
  const double count = 500.0 * static_cast<double>(out.size());
  EXPECT_NEAR(sum / count, 0.0, 0.1);
  EXPECT_NEAR(std::sqrt(squares / count), 1.0, 0.1);
}

}  // namespace
}  // namespace denseshift::data
