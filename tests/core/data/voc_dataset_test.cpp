// `voc`: pictures with class maps in PASCAL VOC's layout.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/data/check.h"
#include "core/data/dataset.h"
#include "core/data/export.h"
#include "core/data/image/label_map.h"
#include "core/data/loader.h"
#include "core/util/atomic_file.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Voc : public ::testing::Test {
 protected:
  Voc() {
    for (const char* name : {"JPEGImages", "SegmentationClass", "ImageSets/Segmentation"}) {
      fs::create_directories(folder_ / name);
    }
    list("train", "a\r\nb  \n\n");
    list("val", "c");
    for (const char* name : {"a", "b", "c"}) add(name, 3);
  }
  void list(const std::string& split, const std::string& content) {
    write_file(folder_ / ("ImageSets/Segmentation/" + split + ".txt"), content);
  }
  void add(const std::string& name, std::uint8_t label, std::int64_t width = 30, std::int64_t height = 20) {
    Image image;
    image.resize(30, 20);
    std::fill(image.pixels.begin(), image.pixels.end(), pack_pixel(50, 60, 70));
    write_file(folder_ / ("JPEGImages/" + name + ".jpg"), encode_jpeg(image, 90));
    LabelMap map{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height), 0)};
    map.labels[static_cast<std::size_t>(2 * width + 4)] = label;
    write_file(folder_ / ("SegmentationClass/" + name + ".png"), encode_label_png(map));
  }
  std::unique_ptr<Dataset> open(std::int64_t image_size = 0) const {
    DatasetOptions options;
    options.directory = folder_.path();
    options.transform = "square";
    options.image_size = image_size;
    return open_dataset("voc", options);
  }
  std::string error() const {
    return error_of([&] { (void)open(); });
  }
  TemporaryFolder folder_{"voc"};
};

TEST_F(Voc, ListsNamePicturesAndClassesAreVocs) {
  const auto dataset = open();
  EXPECT_EQ(dataset->info().task, "segmentation");
  EXPECT_EQ(dataset->info().classes, 21);
  EXPECT_EQ(dataset->info().class_names[15], "person");
  EXPECT_EQ(dataset->size(Split::train), 2);
  EXPECT_EQ(dataset->size(Split::val), 1);
  EXPECT_TRUE(check_dataset(*dataset, 1, {}).empty());
  EXPECT_EQ(dataset->fingerprint(), open()->fingerprint());
  write_file(folder_ / "classes.txt", "road\nsky\nhouse\ntree\n");
  EXPECT_EQ(open()->info().classes, 4);
}

TEST_F(Voc, MapsComeWithThePicture) {
  DatasetOptions options;
  options.directory = folder_.path();
  options.transform = "deeplab";
  options.image_size = 48;
  const auto dataset = open_dataset("voc", options);
  RandomStream random(1);
  Sample sample;
  dataset->load_sample(Split::val, 0, false, random, sample);
  EXPECT_EQ(sample.info.height, 52);
  EXPECT_EQ(sample.info.width, 78);
  EXPECT_EQ(sample.info.original_height, 20);
  // One pixel of label 3 at (4, 2), enlarged 2.6 times.
  EXPECT_EQ(std::count(sample.info.mask.begin(), sample.info.mask.end(), 3), 9);
  EXPECT_EQ(sample.info.mask[6 * 78 + 12], 3);
  EXPECT_EQ(std::count(sample.info.mask.begin(), sample.info.mask.end(), 0), 52 * 78 - 9);
}

TEST_F(Voc, WrongFoldersAndListsAreExplained) {
  list("train", "a\nb\na\n");
  EXPECT_THAT(error(), HasSubstr("train.txt: a is named twice"));
  list("train", "../a\n");
  EXPECT_THAT(error(), HasSubstr("train.txt: '../a' is not the name of a picture"));
  list("train", "\n \n");
  EXPECT_THAT(error(), HasSubstr("train.txt: names no picture"));
  list("train", "a\n");
  write_file(folder_ / "classes.txt", "only\n");
  EXPECT_THAT(error(), HasSubstr("classes.txt: 1 classes"));
  fs::remove(folder_ / "classes.txt");
  fs::remove(folder_ / "ImageSets/Segmentation/val.txt");
  EXPECT_THAT(error(), HasSubstr("val.txt"));
  fs::remove_all(folder_ / "SegmentationClass");
  EXPECT_THAT(error(), HasSubstr("no SegmentationClass in"));
  fs::remove_all(folder_ / "ImageSets");
  EXPECT_THAT(error(), HasSubstr("no ImageSets/Segmentation/train.txt in"));
}

TEST_F(Voc, BrokenFilesAreNamed) {
  list("train", "a\nb\nd\ne\nf\ng\nh\n");
  for (const char* name : {"d", "e", "f", "g", "h"}) add(name, 1);
  const auto dataset = open(32);
  add("a", 21);                                                     // no such class
  add("b", 1, 20, 30);                                              // another size
  fs::remove(folder_ / "SegmentationClass/d.png");                  // no map
  fs::remove(folder_ / "JPEGImages/e.jpg");                         // no picture
  write_file(folder_ / "SegmentationClass/f.png", "no picture");    // not a PNG
  write_file(folder_ / "JPEGImages/g.jpg", "\xFF\xD8\xFF broken");  // not a JPEG
  add("h", 255);                                                    // fine: ignored
  const auto broken = check_dataset(*dataset, 2, {});
  ASSERT_EQ(broken.size(), 6U);
  EXPECT_THAT(broken[0].message,
              HasSubstr("SegmentationClass/a.png: value 21 at column 4, row 2; there are 21 classes"));
  EXPECT_THAT(broken[1].message, HasSubstr("SegmentationClass/b.png: 20 x 30 pixels, but its picture has 30 x 20"));
  EXPECT_THAT(broken[2].message, HasSubstr("SegmentationClass/d.png"));
  EXPECT_THAT(broken[3].message, AllOf(HasSubstr("JPEGImages/e.jpg: no such file"), HasSubstr("train.txt names it")));
  EXPECT_THAT(broken[4].message, HasSubstr("SegmentationClass/f.png"));
  EXPECT_THAT(broken[5].message, HasSubstr("JPEGImages/g.jpg"));
  Loader loader(*dataset, {.batch_size = 2, .broken = BrokenSample::skip, .workers = 2});
  loader.start(0);
  std::int64_t count = 0;
  while (const Batch* batch = loader.next()) count += batch->count;
  EXPECT_EQ(count, 1);
  EXPECT_EQ(loader.skipped().size(), 6U);
}

TEST(Camvid, RealPicturesAndMaps) {
  const fs::path path = test_data("camvid-voc");
  if (path.empty()) GTEST_SKIP() << "no camvid-voc in DENSESHIFT_TEST_DATA";
  DatasetOptions options;
  options.directory = path.string();
  options.image_size = 96;
  const auto dataset = open_dataset("voc", options);
  EXPECT_EQ(dataset->info().classes, 11);
  EXPECT_EQ(dataset->size(Split::train), 75);
  EXPECT_EQ(dataset->size(Split::val), 25);
  EXPECT_TRUE(check_dataset(*dataset, 2, {}).empty());
  Loader one(*dataset, {.batch_size = 5, .limit = 20, .workers = 0});
  Loader two(*dataset, {.batch_size = 5, .limit = 20, .workers = 2});
  one.start(1);
  two.start(1);
  while (const Batch* expected = one.next()) {
    const Batch* batch = two.next();
    ASSERT_NE(batch, nullptr);
    EXPECT_EQ(batch->images, expected->images);
    EXPECT_EQ(batch->masks, expected->masks);
    EXPECT_EQ(batch->height, 96);
    EXPECT_EQ(std::ssize(batch->masks), 96 * 96 * batch->count);
  }
}

}  // namespace
}  // namespace denseshift::data
