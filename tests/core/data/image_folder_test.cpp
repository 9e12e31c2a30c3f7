#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/data/check.h"
#include "core/data/dataset.h"
#include "core/data/export.h"
#include "core/data/image/crop.h"
#include "core/data/image/decode.h"
#include "core/data/loader.h"
#include "core/util/atomic_file.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Dataset> open(const std::string& directory, std::int64_t image_size = 32) {
  return open_dataset("imagefolder", {.directory = directory, .image_size = image_size});
}

/// A folder with the given files, each a copy of a fixture unless `content` says otherwise.
class ImageFolder : public ::testing::Test {
 protected:
  void add(const std::string& file, const std::string& fixture_name = "colour_420.jpg") {
    fs::create_directories((folder_ / file).parent_path());
    fs::copy_file(fixture(fixture_name), folder_ / file);
  }
  void add_text(const std::string& file) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << "not a picture\n";
  }
  TemporaryFolder folder_{"imagefolder"};
};

TEST_F(ImageFolder, ClassesAndFilesComeInByteOrder) {
  for (const char* name : {"train/b/2.jpg", "train/b/10.jpg", "train/B/x.PNG", "train/\xC3\xA4/y.JpEg",
                           "train/a b/z (1).jpg", "train/b/sub/0.jpg", "val/b/1.jpg", "val/a b/1.jpg"}) {
    add(name);
  }
  add_text("train/readme.txt");
  add_text("train/b/notes.txt");
  const auto dataset = open(folder_.path());
  EXPECT_THAT(dataset->info().class_names, ElementsAre("B", "a b", "b", "\xC3\xA4"));
  EXPECT_EQ(dataset->info().classes, 4);
  EXPECT_EQ(dataset->size(Split::train), 6);
  EXPECT_EQ(dataset->size(Split::val), 2);
  std::vector<float> out(3 * 32 * 32);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 6; ++i) {
    RandomStream random(1);
    labels.push_back(dataset->load(Split::train, i, true, random, out.data()));
  }
  EXPECT_THAT(labels, ElementsAre(0, 1, 2, 2, 2, 3));
  RandomStream random(1);
  EXPECT_EQ(dataset->load(Split::val, 0, false, random, out.data()), 1) << "numbered by the classes of train";
}

TEST_F(ImageFolder, WrongLayoutsAreExplained) {
  EXPECT_THAT(error_of([&] { (void)open(folder_.path()); }), HasSubstr("no train in"));
  add("train/a/1.jpg");
  EXPECT_THAT(error_of([&] { (void)open(folder_.path()); }), HasSubstr("no val in"));
  fs::create_directories(folder_ / "val");
  EXPECT_THAT(error_of([&] { (void)open(folder_.path()); }), HasSubstr("val: no class folders"));
  add("val/zebra/1.jpg");
  EXPECT_THAT(error_of([&] { (void)open(folder_.path()); }),
              HasSubstr("zebra: there is no class of this name in train"));
  fs::remove_all(folder_ / "val/zebra");
  add("val/a/1.jpg");
  fs::create_directories(folder_ / "train/empty");
  EXPECT_THAT(error_of([&] { (void)open(folder_.path()); }), HasSubstr("train/empty: no images in this class folder"));
  EXPECT_THAT(error_of([&] { (void)open_dataset("imagenet", {.directory = folder_.path()}); }), HasSubstr("empty"));
  fs::remove(folder_ / "train/empty");
  EXPECT_THAT(error_of([&] { (void)open_dataset("imagenet", {.directory = folder_.path()}); }),
              HasSubstr("has 1 class folders, expected 1000"));
}

TEST_F(ImageFolder, EvaluationIsResizeThenCentreCrop) {
  add("train/a/1.jpg");
  add("val/a/1.jpg");
  add("val/a/2.jpg", "grey.jpg");
  const auto dataset = open(folder_.path(), 48);
  std::vector<float> out(3 * 48 * 48);
  for (std::int64_t i = 0; i < 2; ++i) {
    Image whole;
    dataset->pixels(Split::val, i, whole);
    // Step by step: the whole picture to a short side of 55 (48 * 256 / 224 rounded), then the middle 48 x 48.
    Image resized;
    Resizer().resize(whole, {0, 0, 83, 61}, {.width = 55 * 83 / 61, .height = 55}, resized);
    RandomStream random(1);
    dataset->load(Split::val, i, false, random, out.data());
    const double mean[3] = {0.485, 0.456, 0.406};
    const double deviation[3] = {0.229, 0.224, 0.225};
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t y = 0; y < 48; ++y) {
        for (std::int64_t x = 0; x < 48; ++x) {
          const auto k = static_cast<std::size_t>(c);
          const int level = channel_of(resized.row(y + 4)[x + 13], static_cast<int>(c));  // 3.5 to even; (74 - 48) / 2
          ASSERT_NEAR(out[static_cast<std::size_t>((c * 48 + y) * 48 + x)], (level / 255.0 - mean[k]) / deviation[k],
                      1e-5)
              << "at " << x << "," << y;
        }
      }
    }
  }
}

TEST_F(ImageFolder, BrokenFilesAreNamedByLoaderAndCheck) {
  for (int i = 0; i < 9; ++i) add("train/a/" + std::to_string(i) + ".jpg");
  add_text("train/a/4x.jpg");
  add("val/a/1.jpg");
  const std::string whole = read_file(fixture("colour_420.jpg"));
  write_file(folder_ / "val/a/cut.jpg", whole.substr(0, whole.size() - 200));
  const auto dataset = open(folder_.path());

  Loader failing(*dataset, {.batch_size = 4, .workers = 2});
  failing.start(0);
  EXPECT_THAT(error_of([&] {
                while (failing.next() != nullptr) {
                }
              }),
              AllOf(HasSubstr("train/a/4x.jpg"), HasSubstr("not an image")));

  Loader skipping(*dataset, {.batch_size = 4, .broken = BrokenSample::skip, .workers = 2});
  skipping.start(0);
  std::int64_t count = 0;
  while (const Batch* batch = skipping.next()) count += batch->count;
  EXPECT_EQ(count, 9);
  EXPECT_THAT(skipping.skipped(), ElementsAre(HasSubstr("4x.jpg")));

  const auto broken = check_dataset(*dataset, 3, {});
  ASSERT_EQ(broken.size(), 2U);
  EXPECT_THAT(broken[0].message, HasSubstr("train/a/4x.jpg"));
  EXPECT_THAT(broken[1].message, AllOf(HasSubstr("val/a/cut.jpg"), HasSubstr("ends before")));
}

TEST(Export, ImageFolderOfPngRoundTrips) {
  const TemporaryFolder folder("export");
  const auto shapes = open_dataset("shapes", {.image_size = 24, .seed = 5, .train_size = 30, .val_size = 10});
  export_dataset(*shapes, ExportFormat::png, folder / "out");
  const auto read = open(folder.path() + "/out", 24);
  ASSERT_EQ(read->size(Split::train), 30);
  // Files are sorted by class: the first file of class k is number k.
  for (std::int64_t i = 0; i < 30; ++i) {
    Image image;
    const std::int64_t label = read->pixels(Split::train, i, image);
    const std::string name = read->info().class_names[static_cast<std::size_t>(label)];
    std::int64_t original = 0;
    while (shapes->info().class_names[static_cast<std::size_t>(original)] !=
           std::string(name).replace(name.find('_'), 1, " ")) {
      ++original;
    }
    Image expected;
    EXPECT_EQ(shapes->pixels(Split::train, original + 10 * (i % 3), expected), original);
    EXPECT_EQ(largest_difference(image, expected), 0);
  }
}

/// As many pictures as CIFAR-10 has, without the time to render them.
class CheapPictures final : public Dataset {
 public:
  CheapPictures() {
    info_.classes = 10;
    info_.image_size = 32;
    for (int i = 0; i < 10; ++i) info_.class_names.push_back("class " + std::to_string(i));
  }
  const DatasetInfo& info() const override { return info_; }
  std::int64_t size(Split split) const override { return split == Split::train ? 50000 : 10000; }
  std::int64_t load(Split, std::int64_t, bool, RandomStream&, float*) const override {
    throw std::logic_error("not used");
  }
  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override {
    out.resize(32, 32);
    for (std::size_t i = 0; i < 1024; ++i) {
      const std::size_t key = static_cast<std::size_t>(index) + (split == Split::val ? 7 : 0);
      out.pixels[i] = static_cast<Pixel>((i + 1) * key) | 0xFF000000U;
    }
    return index * 3 % 10;
  }
  nlohmann::ordered_json fingerprint() const override { return {}; }

 private:
  DatasetInfo info_;
};

TEST(Export, Cifar10FilesRoundTrip) {
  const TemporaryFolder folder("export");
  const CheapPictures pictures;
  export_dataset(pictures, ExportFormat::cifar10, folder / "out");
  const auto read = open_dataset("cifar10", {.directory = (folder / "out").string()});
  EXPECT_EQ(read->info().class_names, pictures.info().class_names);
  for (const Split split : {Split::train, Split::val}) {
    for (const std::int64_t i : {0, 1234, 9999}) {
      Image image;
      Image expected;
      const std::int64_t index = split == Split::train ? 5 * i : i;
      EXPECT_EQ(read->pixels(split, index, image), pictures.pixels(split, index, expected));
      EXPECT_EQ(image.pixels, expected.pixels);
    }
  }
}

TEST(Export, AFullFolderIsNotTouched) {
  const TemporaryFolder folder("export");
  write_file(folder / "precious", "x");
  const auto shapes = open_dataset("shapes", {.image_size = 24, .train_size = 10, .val_size = 10});
  EXPECT_THAT(error_of([&] { export_dataset(*shapes, ExportFormat::png, folder.path()); }),
              HasSubstr("not an empty folder"));
  EXPECT_EQ(read_file(folder / "precious"), "x");
  fs::create_directory(folder / "empty");
  export_dataset(*shapes, ExportFormat::jpeg, folder / "empty");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2) << "no temporary left";
}

TEST(Hymenoptera, RealPhotographsLoadAtSeveralSizes) {
  const auto path = test_data("hymenoptera");
  if (path.empty()) GTEST_SKIP() << "no hymenoptera in DENSESHIFT_TEST_DATA";
  for (const std::int64_t size : {64, 224}) {
    const auto dataset = open(path.string(), size);
    EXPECT_THAT(dataset->info().class_names, ElementsAre("ants", "bees"));
    EXPECT_EQ(dataset->size(Split::train), 95);
    EXPECT_EQ(dataset->size(Split::val), 55);
    Loader one(*dataset, {.batch_size = 32, .workers = 0});
    Loader two(*dataset, {.batch_size = 32, .workers = 2});
    one.start(1);
    two.start(1);
    while (const Batch* expected = one.next()) {
      const Batch* actual = two.next();
      ASSERT_NE(actual, nullptr);
      EXPECT_EQ(actual->images, expected->images);
      EXPECT_EQ(actual->labels, expected->labels);
    }
    EXPECT_EQ(two.next(), nullptr);
  }
}

}  // namespace
}  // namespace denseshift::data
