// `shapes` for detection and segmentation.

#include "core/data/datasets/shapes_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/data/dataset.h"
#include "core/data/export.h"
#include "core/data/loader.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Dataset> open(const std::string& task, const std::string& transform = "", std::int64_t size = 0,
                              std::uint64_t seed = 1) {
  DatasetOptions options;
  options.task = task;
  options.transform = transform;
  options.image_size = size;
  options.seed = seed;
  return open_dataset("shapes", options);
}

TEST(ShapesObjects, DefaultsAreSmokeSized) {
  const auto detection = open("detection");
  EXPECT_EQ(detection->info().image_size, 128);
  EXPECT_EQ(detection->size(Split::train), 64);
  EXPECT_EQ(detection->size(Split::val), 32);
  EXPECT_THAT(detection->info().class_names, ElementsAre("disc", "square", "triangle"));
  EXPECT_THAT(detection->info().category_ids, ElementsAre(1, 2, 3));
  const auto segmentation = open("segmentation");
  EXPECT_EQ(segmentation->info().image_size, 65);
  EXPECT_THAT(segmentation->info().class_names, ElementsAre("background", "disc", "square", "triangle"));
  EXPECT_THAT(error_of([] { (void)open("segmentation", "ssd"); }), HasSubstr("ssd is not for segmentation"));
  EXPECT_THAT(error_of([] { (void)open("detection", "deeplab"); }), HasSubstr("deeplab is not for detection"));
}

TEST(ShapesObjects, AreKeyedBySeedSplitAndIndex) {
  const Sample sample = load(*open("detection"), Split::train, 3);
  EXPECT_EQ(sample.values, load(*open("detection"), Split::train, 3).values);
  EXPECT_NE(sample.values, load(*open("detection"), Split::val, 3).values);
  EXPECT_NE(sample.values, load(*open("detection"), Split::train, 4).values);
  EXPECT_NE(sample.values, load(*open("detection", "", 0, 2), Split::train, 3).values);
  EXPECT_EQ(open("detection")->fingerprint(), open("detection")->fingerprint());
  EXPECT_NE(open("detection")->fingerprint(), open("detection", "", 0, 2)->fingerprint());
}

TEST(ShapesObjects, ScenesHaveOneToThreeFiguresOfEveryClass) {
  const auto dataset = open("detection");
  std::set<std::size_t> counts;
  std::array<int, 3> classes{};
  for (std::int64_t i = 0; i < 64; ++i) {
    const Sample sample = load(*dataset, Split::train, i);
    counts.insert(sample.info.objects.size());
    for (const ObjectTarget& object : sample.info.objects) {
      ++classes[static_cast<std::size_t>(object.label)];
      for (const std::size_t axis : {0, 1}) {
        EXPECT_GE(object.box[axis], 0);
        EXPECT_LE(object.box[axis + 2], 128);
        const float extent = object.box[axis + 2] - object.box[axis];
        EXPECT_GE(extent, 4) << "mostly hidden";
        EXPECT_LE(extent, 0.22F * 2 * 128 + 2);
      }
    }
  }
  EXPECT_THAT(counts, ElementsAre(1U, 2U, 3U));
  for (const int count : classes) EXPECT_GT(count, 20);
}

TEST(ShapesObjects, BoxesAndMapHoldWhatIsSeen) {
  // A square of white, half hidden by one of grey, without noise: pixels tell which is where.
  ObjectScene scene;
  scene.ground = 0;
  scene.figures.push_back({.shape = Shape::square, .x = 0.4F, .y = 0.5F, .radius = 0.2F, .colour = {255, 255, 255}});
  scene.figures.push_back({.shape = Shape::triangle, .x = 0.5F, .y = 0.5F, .radius = 0.2F, .colour = {99, 99, 99}});
  scene.figures.push_back({.shape = Shape::disc, .x = 0.9F, .y = 0.9F, .radius = 0.05F, .colour = {30, 30, 30}});
  scene.figures.push_back({.shape = Shape::square, .x = 0.9F, .y = 0.9F, .radius = 0.1F, .colour = {200, 200, 200}});
  ObjectPicture picture;
  RandomStream random(1);
  constexpr std::int64_t kSide = 200;
  render_objects(scene, kSide, random, picture);
  ASSERT_EQ(picture.objects.size(), 3U) << "the hidden disc is not an object";
  const int greys[] = {255, 99, 200};
  for (std::size_t k = 0; k < 3; ++k) {
    std::array<std::int64_t, 4> extent{kSide, kSide, 0, 0};
    std::int64_t area = 0;
    for (std::int64_t y = 0; y < kSide; ++y) {
      for (std::int64_t x = 0; x < kSide; ++x) {
        const auto i = static_cast<std::size_t>(y * kSide + x);
        if (picture.planes[i] != greys[k]) continue;
        extent = {std::min(extent[0], x), std::min(extent[1], y), std::max(extent[2], x + 1),
                  std::max(extent[3], y + 1)};
        ++area;
        EXPECT_EQ(picture.mask[i], picture.objects[k].label + 1) << x << "," << y;
      }
    }
    // Edge pixels are mixtures, so fully coloured ones lie up to a pixel inside.
    for (std::size_t side = 0; side < 4; ++side) {
      EXPECT_NEAR(picture.objects[k].box[side], static_cast<double>(extent[side]), 2.0) << k << " side " << side;
    }
    EXPECT_NEAR(static_cast<double>(picture.areas[k]), static_cast<double>(area), 0.15 * static_cast<double>(area));
  }
}

TEST(ShapesObjects, TruthIsWhatSamplesHave) {
  const auto dataset = open("detection", "fcos");
  const metrics::BoxTruth truth = dataset->truth(Split::val);
  ASSERT_EQ(truth.images.size(), 32U);
  EXPECT_EQ(truth.categories.size(), 3U);
  std::size_t next = 0;
  for (std::int64_t i = 0; i < 32; ++i) {
    const Sample sample = load(*dataset, Split::val, i);
    EXPECT_EQ(sample.info.image, truth.images[static_cast<std::size_t>(i)]);
    EXPECT_EQ(sample.info.height, 128) << "rendered at the size that the network takes";
    for (const ObjectTarget& object : sample.info.objects) {
      const metrics::TruthBox& box = truth.boxes.at(next++);
      EXPECT_EQ(box.image, i);
      EXPECT_EQ(box.category, dataset->info().category_ids[static_cast<std::size_t>(object.label)]);
      EXPECT_EQ(box.xywh[0], static_cast<double>(object.box[0]));
      EXPECT_EQ(box.xywh[1] + box.xywh[3], static_cast<double>(object.box[3]));
      EXPECT_GT(box.area, 0);
      EXPECT_LE(box.area, box.xywh[2] * box.xywh[3]);
    }
  }
  EXPECT_EQ(next, truth.boxes.size());
  EXPECT_TRUE(open("segmentation")->truth(Split::val).boxes.empty());
}

TEST(ShapesObjects, AllTransformsGoThroughTheLoaderWhateverTheWorkers) {
  const std::pair<const char*, const char*> cases[] = {{"detection", "square"},
                                                       {"detection", "ssd"},
                                                       {"detection", "fcos"},
                                                       {"segmentation", "square"},
                                                       {"segmentation", "deeplab"}};
  for (const auto& [task, transform] : cases) {
    const auto dataset = open(task, transform);
    Loader one(*dataset, {.batch_size = 6, .workers = 0});
    Loader three(*dataset, {.batch_size = 6, .workers = 3});
    one.start(1);
    three.start(1);
    std::int64_t samples = 0;
    while (const Batch* expected = one.next()) {
      const Batch* batch = three.next();
      ASSERT_NE(batch, nullptr);
      EXPECT_EQ(batch->images, expected->images) << transform;
      EXPECT_EQ(batch->masks, expected->masks);
      ASSERT_EQ(batch->samples.size(), expected->samples.size());
      for (std::size_t i = 0; i < batch->samples.size(); ++i) {
        ASSERT_EQ(batch->samples[i].objects.size(), expected->samples[i].objects.size());
        for (std::size_t k = 0; k < batch->samples[i].objects.size(); ++k) {
          EXPECT_EQ(batch->samples[i].objects[k].box, expected->samples[i].objects[k].box);
          EXPECT_EQ(batch->samples[i].objects[k].label, expected->samples[i].objects[k].label);
        }
      }
      EXPECT_EQ(batch->masks.empty(), std::string(task) == "detection");
      samples += batch->count;
    }
    EXPECT_EQ(samples, 64);
    EXPECT_EQ(three.next(), nullptr);
  }
}

TEST(Export, DetectionRoundTripsThroughCocoFiles) {
  const TemporaryFolder folder("export");
  const auto shapes = open("detection", "square", 48);
  export_dataset(*shapes, ExportFormat::png, folder / "out");
  DatasetOptions options;
  options.directory = (folder / "out").string();
  options.transform = "square";
  options.image_size = 48;
  const auto read = open_dataset("coco", options);
  EXPECT_EQ(read->info().class_names, shapes->info().class_names);
  EXPECT_EQ(read->info().category_ids, shapes->info().category_ids);
  for (const Split split : {Split::train, Split::val}) {
    ASSERT_EQ(read->size(split), shapes->size(split));
    EXPECT_EQ(read->truth(split).boxes.size(), shapes->truth(split).boxes.size());
    for (std::int64_t i = 0; i < read->size(split); ++i) {
      const Sample expected = load(*shapes, split, i);
      const Sample sample = load(*read, split, i);
      EXPECT_EQ(sample.values, expected.values);
      ASSERT_EQ(sample.info.objects.size(), expected.info.objects.size());
      for (std::size_t k = 0; k < sample.info.objects.size(); ++k) {
        EXPECT_EQ(sample.info.objects[k].box, expected.info.objects[k].box);
        EXPECT_EQ(sample.info.objects[k].label, expected.info.objects[k].label);
      }
    }
  }
  EXPECT_THAT(error_of([&] { export_dataset(*shapes, ExportFormat::cifar10, folder / "other"); }),
              HasSubstr("cifar10 format has no place"));
}

TEST(Export, SegmentationRoundTripsThroughVocFiles) {
  const TemporaryFolder folder("export");
  const auto shapes = open("segmentation", "square", 40);
  export_dataset(*shapes, ExportFormat::png, folder / "out");
  DatasetOptions options;
  options.directory = (folder / "out").string();
  options.transform = "square";
  options.image_size = 40;
  const auto read = open_dataset("voc", options);
  EXPECT_EQ(read->info().class_names, shapes->info().class_names);
  for (const Split split : {Split::train, Split::val}) {
    ASSERT_EQ(read->size(split), shapes->size(split));
    for (std::int64_t i = 0; i < read->size(split); ++i) {
      const Sample expected = load(*shapes, split, i);
      const Sample sample = load(*read, split, i);
      EXPECT_EQ(sample.values, expected.values);
      EXPECT_EQ(sample.info.mask, expected.info.mask);
    }
  }
  EXPECT_THAT(error_of([&] { export_dataset(*open("segmentation", "deeplab", 40), ExportFormat::png, folder / "no"); }),
              HasSubstr("at the size of the pictures"));
}

}  // namespace
}  // namespace denseshift::data
