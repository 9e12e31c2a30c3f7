// `coco`: detection and segmentation from annotations in COCO's format.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/data/check.h"
#include "core/data/coco/voc_classes.h"
#include "core/data/dataset.h"
#include "core/data/export.h"
#include "core/data/loader.h"
#include "core/util/atomic_file.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string grey_png(std::int64_t width, std::int64_t height) {
  Image image;
  image.resize(width, height);
  std::fill(image.pixels.begin(), image.pixels.end(), pack_pixel(90, 90, 90));
  return encode_png(image);
}

std::unique_ptr<Dataset> open(const fs::path& folder, const std::string& task, const std::string& transform,
                              std::int64_t image_size = 0) {
  DatasetOptions options;
  options.directory = folder.string();
  options.task = task;
  options.transform = transform;
  options.image_size = image_size;
  return open_dataset("coco", options);
}

/// A small set: pictures of 40 x 20 pixels, categories 7 and 3 in this order.
class Coco : public ::testing::Test {
 protected:
  Coco() {
    for (const char* split : {"train", "val"}) {
      json& file = files_[split];
      file["images"] = json::array();
      file["annotations"] = json::array();
      file["categories"] = {{{"id", 7}, {"name", "cup"}}, {{"id", 3}, {"name", "car"}}};
      add_picture(split, 5);
      add_box(split, 5, 7, {4, 2, 10, 8});
    }
  }
  void add_picture(const std::string& split, std::int64_t id) {
    const std::string name = "p" + std::to_string(id) + ".png";
    files_[split]["images"].push_back({{"id", id}, {"width", 40}, {"height", 20}, {"file_name", name}});
    fs::create_directories(folder_ / split);
    write_file(folder_ / split / name, grey_png(40, 20));
  }
  json& add_box(const std::string& split, std::int64_t image, std::int64_t category, std::array<double, 4> xywh,
                bool crowd = false) {
    json& list = files_[split]["annotations"];
    json segmentation = json::array();
    if (crowd) segmentation = {{"size", {20, 40}}, {"counts", {100, 300, 400}}};
    list.push_back({{"id", std::ssize(list) + 1},
                    {"image_id", image},
                    {"category_id", category},
                    {"bbox", xywh},
                    {"area", xywh[2] * xywh[3]},
                    {"iscrowd", crowd ? 1 : 0},
                    {"segmentation", segmentation}});
    return list.back();
  }
  std::unique_ptr<Dataset> open(const std::string& transform = "square", const std::string& task = "detection") {
    fs::create_directories(folder_ / "annotations");
    for (const auto& [split, content] : files_) {
      write_file(folder_ / ("annotations/instances_" + split + ".json"), content.dump());
    }
    return data::open(folder_ / ".", task, transform, 32);
  }
  std::string error(const std::string& task = "detection") {
    return error_of([&] { (void)open("", task); });
  }
  TemporaryFolder folder_{"coco"};
  std::map<std::string, json> files_;
};

TEST_F(Coco, ClassesFollowTheFileAndBoxesTheInput) {
  add_picture("train", 2);
  add_box("train", 2, 3, {0, 0, 40, 20});
  const auto dataset = open();
  EXPECT_EQ(dataset->info().task, "detection");
  EXPECT_THAT(dataset->info().class_names, ElementsAre("cup", "car"));
  EXPECT_THAT(dataset->info().category_ids, ElementsAre(7, 3));
  EXPECT_FALSE(dataset->info().fixed_size);
  ASSERT_EQ(dataset->size(Split::train), 2);
  EXPECT_EQ(dataset->size(Split::test), 0);
  EXPECT_EQ(dataset->aspect_ratio(Split::train, 0), 2.0);
  const Sample first = load(*dataset, Split::train, 0);
  EXPECT_EQ(first.info.image, 2) << "pictures come by ascending id";
  EXPECT_EQ(first.info.objects[0].label, 1);
  EXPECT_THAT(first.info.objects[0].box, ElementsAre(0, 0, 32, 32));
  const Sample second = load(*dataset, Split::train, 1);
  EXPECT_EQ(second.info.image, 5);
  EXPECT_EQ(second.info.objects[0].label, 0);
  EXPECT_THAT(second.info.objects[0].box, ElementsAre(4 * 0.8F, 2 * 1.6F, 14 * 0.8F, 10 * 1.6F));
  EXPECT_EQ(second.info.original_width, 40);
  EXPECT_EQ(second.info.original_height, 20);
}

TEST_F(Coco, WhatCannotBeLearntIsLeftOutOfTraining) {
  add_picture("train", 10);  // no annotation
  add_picture("train", 11);  // a box as thin as a pixel only
  add_box("train", 11, 3, {3, 3, 1, 9});
  add_picture("train", 12);  // one without width beside a good one that hangs over
  add_box("train", 12, 3, {3, 3, 0, 9});
  add_box("train", 12, 3, {30, 10, 11, 11});
  add_picture("train", 13);  // a crowd only
  add_box("train", 13, 7, {1, 1, 20, 12}, true);
  add_picture("val", 14);
  const auto fcos = open("fcos");
  ASSERT_EQ(fcos->size(Split::train), 2);
  EXPECT_EQ(fcos->size(Split::val), 2) << "evaluation sees every picture";
  const Sample sample = load(*fcos, Split::train, 1);
  EXPECT_EQ(sample.info.image, 12);
  ASSERT_EQ(sample.info.objects.size(), 1U);
  EXPECT_THAT(sample.info.objects[0].box, ElementsAre(39.75F, 13, 53, 26))
      << "cut at the picture, then 53 / 40 and 26 / 20";
  EXPECT_EQ(fcos->info().pad_multiple, 32);
  const auto ssd = open("ssd");
  EXPECT_EQ(ssd->size(Split::train), 3) << "SSD's reference keeps crowds";
  const metrics::BoxTruth truth = fcos->truth(Split::train);
  EXPECT_THAT(truth.images, ElementsAre(5, 12));
  EXPECT_EQ(truth.boxes.size(), 3U);
}

TEST_F(Coco, TruthHasCrowdsAndAreas) {
  add_box("val", 5, 3, {1, 1, 20, 12}, true)["area"] = 77.5;
  const metrics::BoxTruth truth = open()->truth(Split::val);
  ASSERT_EQ(truth.boxes.size(), 2U);
  EXPECT_FALSE(truth.boxes[0].crowd);
  EXPECT_TRUE(truth.boxes[1].crowd);
  EXPECT_EQ(truth.boxes[1].area, 77.5);
  EXPECT_EQ(truth.boxes[1].category, 3);
  ASSERT_EQ(truth.categories.size(), 2U);
  EXPECT_EQ(truth.categories[0].second, "cup");
}

TEST_F(Coco, WrongFoldersAreExplained) {
  EXPECT_THAT(error_of([&] { (void)data::open(folder_ / ".", "detection", ""); }),
              HasSubstr("no annotations/instances_train2017.json in"));
  (void)open();
  fs::remove_all(folder_ / "val");
  EXPECT_THAT(error(), HasSubstr("val: no such folder"));
  fs::remove(folder_ / "annotations/instances_val.json");
  EXPECT_THAT(error_of([&] { (void)data::open(folder_ / ".", "detection", ""); }),
              HasSubstr("neither instances_val2017.json nor instances_val.json"));
}

TEST_F(Coco, AnnotationsThatDoNotServeAreNamed) {
  files_["val"]["categories"][1]["name"] = "lorry";
  EXPECT_THAT(error(), AllOf(HasSubstr("instances_val.json: category 3 'lorry' is not one of"), HasSubstr("train")));
  files_["val"]["categories"][1]["name"] = "car";
  files_["train"]["annotations"] = json::array();
  EXPECT_THAT(error(), HasSubstr("instances_train.json: no picture with a box to learn from"));
  add_box("train", 99, 7, {1, 1, 5, 5});
  EXPECT_THAT(error(), AllOf(HasSubstr("instances_train.json"), HasSubstr("99")));
}

TEST_F(Coco, PicturesThatDoNotServeAreNamed) {
  for (std::int64_t id = 20; id < 24; ++id) {
    add_picture("train", id);
    add_box("train", id, 7, {1, 1, 5, 5});
  }
  const auto dataset = open();
  fs::remove(folder_ / "train/p20.png");
  write_file(folder_ / "train/p21.png", grey_png(20, 40));
  write_file(folder_ / "train/p22.png", grey_png(40, 20).substr(0, 60));
  write_file(folder_ / "train/p23.png", "not a picture");
  const auto broken = check_dataset(*dataset, 2, {});
  ASSERT_EQ(broken.size(), 4U);
  EXPECT_THAT(broken[0].message,
              AllOf(HasSubstr("train/p20.png: no such file; picture 20 of"), HasSubstr("instances_train.json")));
  EXPECT_THAT(broken[1].message, HasSubstr("train/p21.png: 20 x 40 pixels, but 40 x 20 in picture 21 of"));
  EXPECT_THAT(broken[2].message, HasSubstr("train/p22.png"));
  EXPECT_THAT(broken[3].message, HasSubstr("train/p23.png"));
  Loader loader(*dataset, {.batch_size = 2, .workers = 2});
  loader.start(0);
  EXPECT_THAT(error_of([&] {
                while (loader.next() != nullptr) {
                }
              }),
              HasSubstr("train/p2"));
}

TEST_F(Coco, SegmentationIsWithCocosCategories) {
  files_["train"]["categories"] =
      files_["val"]["categories"] = {{{"id", 3}, {"name", "car"}}, {{"id", 7}, {"name", "train"}}};
  const auto cover = [&](const char* split, std::int64_t image, double width, double area) {
    json& box = add_box(split, image, 3, {0, 0, width, 20});
    box["segmentation"] = {{0, 0, width, 0, width, 20, 0, 20}};
    box["area"] = area;
  };
  add_picture("train", 8);
  cover("train", 8, 10, 1001);
  add_picture("train", 9);
  cover("train", 9, 10, 1000);
  cover("val", 5, 10, 5);
  const auto dataset = open("square", "segmentation");
  ASSERT_EQ(dataset->size(Split::train), 1) << "more than 1000 pixels by the area fields";
  EXPECT_EQ(dataset->info().classes, 21);
  const Sample sample = load(*dataset, Split::val, 0);
  ASSERT_EQ(sample.info.mask.size(), 32U * 32U);
  EXPECT_EQ(sample.info.mask[5 * 32 + 3], 7) << "car";
  EXPECT_EQ(sample.info.mask[5 * 32 + 20], 0);
  EXPECT_TRUE(sample.info.objects.empty());

  files_["val"]["categories"][0]["name"] = "cat";
  EXPECT_THAT(error("segmentation"), HasSubstr("instances_val.json: category 3 is 'cat', in COCO it is 'car'"));
}

void expect_same_batches(const Dataset& dataset, std::int64_t limit) {
  Loader one(dataset, {.batch_size = 4, .limit = limit, .group_by_aspect = true, .workers = 0});
  Loader two(dataset, {.batch_size = 4, .limit = limit, .group_by_aspect = true, .workers = 2});
  one.start(3);
  two.start(3);
  while (const Batch* expected = one.next()) {
    const Batch* batch = two.next();
    ASSERT_NE(batch, nullptr);
    ASSERT_EQ(batch->images, expected->images);
    EXPECT_EQ(batch->masks, expected->masks);
    for (std::size_t i = 0; i < batch->samples.size(); ++i) {
      const SampleInfo& info = batch->samples[i];
      EXPECT_EQ(info.image, expected->samples[i].image);
      EXPECT_EQ(info.objects.size(), expected->samples[i].objects.size());
      for (const ObjectTarget& object : info.objects) {
        EXPECT_GE(object.box[0], 0.0F);
        EXPECT_GE(object.box[1], 0.0F);
        EXPECT_LE(object.box[2], static_cast<float>(info.width) * 1.00001F);
        EXPECT_LE(object.box[3], static_cast<float>(info.height) * 1.00001F);
        EXPECT_LT(object.box[0], object.box[2]);
        EXPECT_LT(object.box[1], object.box[3]);
        EXPECT_LT(object.label, dataset.info().classes);
      }
    }
  }
  EXPECT_EQ(two.next(), nullptr);
}

TEST(CocoTiny, RealAnnotationsAndPictures) {
  const fs::path path = test_data("coco-tiny");
  if (path.empty()) GTEST_SKIP() << "no coco-tiny in DENSESHIFT_TEST_DATA";
  for (const char* transform : {"ssd", "fcos"}) {
    const auto dataset = open(path, "detection", transform, 160);
    EXPECT_EQ(dataset->info().classes, 80);
    EXPECT_EQ(*std::max_element(dataset->info().category_ids.begin(), dataset->info().category_ids.end()), 90);
    EXPECT_LE(dataset->size(Split::train), 80);
    EXPECT_GT(dataset->size(Split::train), 70);
    EXPECT_EQ(dataset->size(Split::val), 80);
    EXPECT_EQ(dataset->truth(Split::val).boxes.size(), 815U);
    expect_same_batches(*dataset, 24);
  }
}

TEST(CocoTiny, MapsAreTheReferencesAtThePicturesSize) {
  const fs::path path = test_data("coco-tiny");
  if (path.empty()) GTEST_SKIP() << "no coco-tiny in DENSESHIFT_TEST_DATA";
  const auto dataset = open(path, "segmentation", "deeplab", 96);
  EXPECT_EQ(dataset->size(Split::val), 80);
  EXPECT_LT(dataset->size(Split::train), 80);
  EXPECT_GT(dataset->size(Split::train), 20);
  EXPECT_TRUE(check_dataset(*dataset, 2, {}).empty());
  expect_same_batches(*dataset, 12);
  bool any = false;
  for (std::int64_t i = 0; i < 8; ++i) {
    const Sample sample = load(*dataset, Split::val, i);
    EXPECT_EQ(std::min(sample.info.height, sample.info.width), 104);
    for (const std::uint8_t label : sample.info.mask) {
      ASSERT_TRUE(label < 21 || label == kIgnoredPixel);
      any = any || (label > 0 && label < 21);
    }
  }
  EXPECT_TRUE(any);
}

TEST(Bccd, RealAnnotationsAndPictures) {
  const fs::path path = test_data("bccd");
  if (path.empty()) GTEST_SKIP() << "no bccd in DENSESHIFT_TEST_DATA";
  const auto dataset = open(path, "detection", "ssd", 128);
  EXPECT_EQ(dataset->info().classes, 3);
  EXPECT_EQ(dataset->size(Split::train), 205);
  EXPECT_EQ(dataset->size(Split::val), 87);
  EXPECT_EQ(dataset->truth(Split::train).boxes.size(), 2804U);
  EXPECT_EQ(dataset->fingerprint()["train"], 205);
  expect_same_batches(*dataset, 16);
  EXPECT_THAT(error_of([&] { (void)open(path, "segmentation", ""); }), HasSubstr("in COCO it is"));
}

}  // namespace
}  // namespace denseshift::data
