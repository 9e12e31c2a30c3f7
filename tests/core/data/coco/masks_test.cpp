#include "core/data/coco/masks.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/data/coco/voc_classes.h"
#include "core/util/rng.h"
#include "tests/core/data/support.h"

namespace denseshift::data::coco {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

Bytes random_mask(RandomStream& random, std::int64_t height, std::int64_t width) {
  Bytes mask(static_cast<std::size_t>(height * width));
  const std::uint64_t density = random.below(6);
  std::uint8_t value = 0;
  for (std::uint8_t& pixel : mask) {
    if (random.below(5) <= density) value = static_cast<std::uint8_t>(random.below(2));
    pixel = value;
  }
  return mask;
}

Bytes decoded(const Rle& mask) {
  Bytes bytes(static_cast<std::size_t>(mask.height * mask.width));
  decode_mask(mask, bytes.data());
  return bytes;
}

TEST(CocoMasks, RunsGoDownTheColumns) {
  const Bytes mask = {0, 1, 0,  //
                      1, 1, 0};
  EXPECT_THAT(encode_mask(mask.data(), 2, 3).counts, ElementsAre(1, 3, 2));
  const Bytes full(6, 7);
  EXPECT_THAT(encode_mask(full.data(), 2, 3).counts, ElementsAre(0, 6)) << "begins with zeros, even none";
}

TEST(CocoMasks, EveryFormComesBack) {
  RandomStream random(1);
  for (int i = 0; i < 300; ++i) {
    const auto height = static_cast<std::int64_t>(1 + random.below(40)),
               width = static_cast<std::int64_t>(1 + random.below(40));
    const Bytes mask = random_mask(random, height, width);
    const Rle runs = encode_mask(mask.data(), height, width);
    EXPECT_EQ(decoded(runs), mask);
    EXPECT_EQ(runs_from_string(runs_to_string(runs), height, width), runs);
    EXPECT_EQ(area_of(runs), std::count(mask.begin(), mask.end(), 1));
  }
  const Rle large{1 << 12, 1 << 15, {1, (1U << 27) - 3, 2}};
  EXPECT_EQ(runs_from_string(runs_to_string(large), large.height, large.width), large);
}

TEST(CocoMasks, UnionIsThatOfThePixels) {
  RandomStream random(2);
  for (int i = 0; i < 200; ++i) {
    std::vector<Rle> masks;
    Bytes expected(20 * 15);
    for (std::uint64_t k = 0; k <= random.below(4); ++k) {
      const Bytes mask = random_mask(random, 20, 15);
      masks.push_back(encode_mask(mask.data(), 20, 15));
      for (std::size_t p = 0; p < mask.size(); ++p) expected[p] |= mask[p];
    }
    EXPECT_EQ(unite(masks), encode_mask(expected.data(), 20, 15));
  }
}

TEST(CocoMasks, ARectangleCoversThePixelsWhoseMiddlesAreInside) {
  const std::vector<double> rectangle = {2, 1, 5, 1, 5, 3, 2, 3};
  Bytes expected(6 * 8);
  for (std::size_t y = 1; y < 3; ++y) {
    for (std::size_t x = 2; x < 5; ++x) expected[y * 8 + x] = 1;
  }
  EXPECT_EQ(decoded(rasterise_polygon(rectangle, 6, 8)), expected);
  const std::vector<double> beyond = {-50, -50, 60, -50, 60, 60, -50, 60};
  EXPECT_EQ(area_of(rasterise_polygon(beyond, 6, 8)), 48) << "clipped to the picture";
  const std::vector<double> point = {3, 3, 3, 3, 3, 3};
  EXPECT_EQ(area_of(rasterise_polygon(point, 6, 8)), 0);
}

TEST(CocoMasks, BrokenRunsAndPolygonsAreRefused) {
  EXPECT_THAT(error_of([] { check_runs({2, 2, {3}}); }), HasSubstr("less"));
  EXPECT_THAT(error_of([] { check_runs({2, 2, {4, 4294967295U, 4294967295U}}); }), HasSubstr("more"));
  EXPECT_THAT(error_of([] { check_runs({0, 2, {}}); }), HasSubstr("no pixels"));
  EXPECT_THAT(error_of([] { (void)runs_from_string("1", -1, 5); }), HasSubstr("no pixels"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::vector<double>& polygon :
       {std::vector<double>{}, {1, 2, 3, 4}, {1, 2, 3, 4, 5, 6, 7}, {nan, 2, 3, 4, 5, 6}, {1, 2, 1e8, 4, 5, 6}}) {
    EXPECT_NE(error_of([&] { (void)rasterise_polygon(polygon, 4, 4); }), "");
  }
  EXPECT_THROW((void)unite({}), std::invalid_argument);
  EXPECT_THROW((void)unite({{2, 2, {4}}, {4, 1, {4}}}), std::invalid_argument);
}

TEST(VocClasses, ListHasTwentyDistinctCategories) {
  for (std::size_t i = 1; i < kVocCategories.size(); ++i) {
    EXPECT_EQ(voc_class(kVocCategories[i]), static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(voc_class(0), 0) << "the background is no category";
  EXPECT_EQ(voc_class(12), 0);
}

TEST(VocClasses, OverlapsAreIgnoredAndCrowdsCount) {
  std::vector<Annotation> annotations(4);
  annotations[0] = {.id = 1, .category = 1, .segmentation = Segmentation(Rle{2, 3, {0, 3, 3}})};
  annotations[1] = {.id = 2, .category = 1, .segmentation = Segmentation(Rle{2, 3, {2, 2, 2}})};
  annotations[2] = {.id = 3, .category = 5, .crowd = true, .segmentation = Segmentation(Rle{2, 3, {5, 1}})};
  annotations[3] = {.id = 4, .category = 13, .segmentation = Segmentation(Rle{2, 3, {0, 6}})};
  Bytes map;
  voc_class_map(annotations, 2, 3, map);
  EXPECT_THAT(map, ElementsAre(15, 255, 0, 15, 15, 1)) << "of one class or not, what two cover does not count";
  voc_class_map({}, 2, 3, map);
  EXPECT_EQ(map, Bytes(6));
  EXPECT_THAT(error_of([&] { voc_class_map(annotations, 3, 2, map); }), HasSubstr("annotation 1:"));
}

TEST(VocClasses, SmallObjectsDoNotServeTraining) {
  std::vector<Annotation> annotations(2);
  annotations[0] = {.category = 1, .area = 1000};
  annotations[1] = {.category = 13, .area = 5000};
  EXPECT_FALSE(serves_voc_training(annotations));
  annotations[0].area = 1000.01;
  EXPECT_TRUE(serves_voc_training(annotations));
}

}  // namespace
}  // namespace denseshift::data::coco
