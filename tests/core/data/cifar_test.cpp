#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/data/dataset.h"
#include "core/util/error.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kFileSize = 30730000;

/// Byte `i` of the made-up batch number `batch`: labels cycle, pixels are a hash of their place.
std::string made_up_batch(int batch) {
  std::string content(kFileSize, '\0');
  for (std::size_t record = 0; record < 10000; ++record) {
    char* at = content.data() + record * 3073;
    at[0] = static_cast<char>((record + static_cast<std::size_t>(batch)) % 10);
    for (std::size_t i = 0; i < 3072; ++i) {
      at[1 + i] = static_cast<char>((record * 31 + i * 7 + static_cast<std::size_t>(batch) * 13) >> 2);
    }
  }
  return content;
}

class Cifar10 : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder("cifar");
    std::filesystem::create_directories(*folder_ / "cifar-10-batches-bin");
    for (int i = 1; i <= 5; ++i) write(name(i), made_up_batch(i));
    write("test_batch.bin", made_up_batch(6));
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string name(int batch) { return "data_batch_" + std::to_string(batch) + ".bin"; }
  static std::filesystem::path path(const std::string& file) { return *folder_ / "cifar-10-batches-bin" / file; }
  static void write(const std::string& file, const std::string& content) {
    std::ofstream(path(file), std::ios::binary) << content;
  }
  static std::unique_ptr<Dataset> open(std::int64_t image_size = 0) {
    return open_dataset("cifar10", {.directory = folder_->path(), .image_size = image_size});
  }
  static std::string opening_error() {
    return error_of([] { (void)open(); });
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* Cifar10::folder_ = nullptr;

TEST_F(Cifar10, RecordsAreLabelAndPlanes) {
  const auto dataset = open();
  EXPECT_EQ(dataset->size(Split::train), 50000);
  EXPECT_EQ(dataset->size(Split::val), 10000);
  const std::string third = made_up_batch(3);
  const std::size_t record = 1234;
  std::vector<float> out(3072);
  RandomStream random(1);
  EXPECT_EQ(dataset->load(Split::train, 20000 + record, false, random, out.data()), third[record * 3073]);
  const double mean[3] = {0.4914, 0.4822, 0.4465};
  const double deviation[3] = {0.2470, 0.2435, 0.2616};
  for (std::size_t i = 0; i < 3072; ++i) {
    const auto byte = static_cast<std::uint8_t>(third[record * 3073 + 1 + i]);
    EXPECT_NEAR(out[i], (byte / 255.0 - mean[i / 1024]) / deviation[i / 1024], 1e-5);
  }
}

TEST_F(Cifar10, AugmentationIsAShiftOfAtMostFourPixelsAndAFlip) {
  const auto dataset = open();
  std::vector<float> plain(3072);
  std::vector<float> moved(3072);
  RandomStream unused(1);
  dataset->load(Split::train, 7, false, unused, plain.data());
  std::set<std::tuple<int, int, bool>> seen;
  for (std::uint64_t key = 0; key < 2500; ++key) {
    RandomStream random(9, key);
    dataset->load(Split::train, 7, true, random, moved.data());
    int matches = 0;
    for (int dy = -4; dy <= 4; ++dy) {
      for (int dx = -4; dx <= 4; ++dx) {
        for (const bool flip : {false, true}) {
          if (!is_shifted(plain, moved, dx, dy, flip)) continue;
          ++matches;
          seen.insert({dx, dy, flip});
        }
      }
    }
    ASSERT_EQ(matches, 1) << "key " << key;
  }
  EXPECT_EQ(seen.size(), 162U) << "every shift and both orientations occur";
}

TEST_F(Cifar10, OtherSizesAreScaled) {
  const auto dataset = open(48);
  EXPECT_EQ(dataset->info().image_size, 48);
  std::vector<float> out(3 * 48 * 48, 1e9F);
  RandomStream random(1);
  dataset->load(Split::val, 0, true, random, out.data());
  EXPECT_LT(*std::max_element(out.begin(), out.end()), 10.0F);
  EXPECT_THROW((void)open(5), Error);
}

TEST_F(Cifar10, ATruncatedFileIsNamedWithBothSizes) {
  std::filesystem::resize_file(path(name(3)), 12345);
  EXPECT_THAT(opening_error(), HasSubstr("data_batch_3.bin: 12345 bytes, expected 30730000 (truncated?)"));
  write(name(3), made_up_batch(3));
}

TEST_F(Cifar10, AMissingFileAndAWrongLabelAreNamed) {
  std::filesystem::rename(path("test_batch.bin"), path("away"));
  EXPECT_THAT(opening_error(), HasSubstr("test_batch.bin"));
  std::filesystem::rename(path("away"), path("test_batch.bin"));
  std::string bad = made_up_batch(2);
  bad[3073 * 17] = 11;
  write(name(2), bad);
  EXPECT_THAT(opening_error(), HasSubstr("data_batch_2.bin: record 17 has label 11"));
  write(name(2), made_up_batch(2));
}

TEST_F(Cifar10, TheFingerprintFollowsTheContent) {
  const auto before = open()->fingerprint();
  EXPECT_EQ(before, open()->fingerprint());
  EXPECT_EQ(before["files"]["data_batch_1.bin"], kFileSize);
  std::string changed = made_up_batch(1);
  changed[100] = static_cast<char>(changed[100] + 1);
  write(name(1), changed);
  EXPECT_NE(before, open()->fingerprint());
  write(name(1), made_up_batch(1));
}

TEST(MissingDataset, SaysWhereFilesAreExpected) {
  const auto open = [](const std::string& directory) { (void)open_dataset("cifar10", {.directory = directory}); };
  EXPECT_THAT(error_of([&] { open(""); }), HasSubstr("dataset cifar10: no folder given"));
  EXPECT_THAT(error_of([&] { open("/no/such/folder"); }), HasSubstr("/no/such/folder: no such folder"));
  try {
    open("");
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_status(), 2);
    EXPECT_THAT(error.hint(), HasSubstr("--data DIR or DENSESHIFT_DATA"));
    EXPECT_THAT(error.hint(), HasSubstr("cifar-10-batches-bin"));
  }
}

TEST(MissingDataset, TheOptionGoesBeforeTheEnvironment) {
  EXPECT_EQ(resolve_directory("a", "b"), "a");
  EXPECT_EQ(resolve_directory("", "b"), "b");
  EXPECT_EQ(resolve_directory("", nullptr), "");
}

}  // namespace
}  // namespace denseshift::data
