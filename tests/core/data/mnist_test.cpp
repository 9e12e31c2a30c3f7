#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "core/data/dataset.h"
#include "core/util/atomic_file.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::HasSubstr;

std::string word(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string images(std::uint32_t count) {
  std::string content = word(0x803) + word(count) + word(28) + word(28);
  for (std::uint32_t i = 0; i < count * 784; ++i) content.push_back(static_cast<char>(i * 37 + i / 784));
  return content;
}

std::string labels(std::uint32_t count) {
  std::string content = word(0x801) + word(count);
  for (std::uint32_t i = 0; i < count; ++i) content.push_back(static_cast<char>(i % 10));
  return content;
}

class Idx : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(folder_ / "train-images-idx3-ubyte", images(20));
    write_file(folder_ / "train-labels-idx1-ubyte", labels(20));
    write_file(folder_ / "t10k-images-idx3-ubyte", images(5));
    write_file(folder_ / "t10k-labels-idx1-ubyte", labels(5));
  }
  std::unique_ptr<Dataset> open(std::int64_t image_size = 0) {
    return open_dataset("mnist", {.directory = folder_.path(), .image_size = image_size});
  }
  std::string error_with(const std::string& file, const std::string& content) {
    write_file(folder_ / file, content);
    return error_of([this] { (void)open(); });
  }
  TemporaryFolder folder_{"mnist"};
};

TEST_F(Idx, PicturesAreFramedAndGivenThreeTimes) {
  const auto dataset = open();
  EXPECT_EQ(dataset->info().image_size, 32);
  EXPECT_EQ(dataset->info().channels, 3);
  std::vector<float> out(3 * 32 * 32);
  RandomStream random(1);
  EXPECT_EQ(dataset->load(Split::train, 13, false, random, out.data()), 3);
  const std::string content = images(20);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < 32; ++y) {
      for (std::size_t x = 0; x < 32; ++x) {
        const bool frame = x < 2 || x >= 30 || y < 2 || y >= 30;
        const int level = frame ? 0 : static_cast<std::uint8_t>(content[16 + 13 * 784 + (y - 2) * 28 + x - 2]);
        ASSERT_NEAR(out[(c * 32 + y) * 32 + x], (level / 255.0 - 0.1307) / 0.3081, 1e-5);
      }
    }
  }
  const auto bare = open(28);
  std::vector<float> small(3 * 28 * 28);
  bare->load(Split::train, 13, false, random, small.data());
  EXPECT_FLOAT_EQ(small[0], out[2 * 32 + 2]);
  EXPECT_FLOAT_EQ(small[27 * 28 + 27], out[29 * 32 + 29]);
  std::vector<float> large(3 * 64 * 64);
  open(64)->load(Split::train, 13, true, random, large.data());
}

TEST_F(Idx, BrokenFilesAreNamed) {
  const std::string whole = images(20);
  EXPECT_THAT(error_with("train-images-idx3-ubyte", whole.substr(0, 5000)),
              HasSubstr("train-images-idx3-ubyte: 5000 bytes of data, expected 15696 (truncated?)"));
  EXPECT_THAT(error_with("train-images-idx3-ubyte", ""), HasSubstr("not an idx file of images"));
  EXPECT_THAT(error_with("train-images-idx3-ubyte", labels(20)), HasSubstr("not an idx file of images"));
  EXPECT_THAT(error_with("train-images-idx3-ubyte", whole + "x"), HasSubstr("more data than its header says"));
  EXPECT_THAT(error_with("train-images-idx3-ubyte", word(0x803) + word(9'999'999) + word(28) + word(28)),
              HasSubstr("truncated?"));
  EXPECT_THAT(error_with("train-images-idx3-ubyte", word(0x803) + word(0xFFFFFFFF) + word(28) + word(28)),
              HasSubstr("4294967295 records"));
  EXPECT_THAT(error_with("train-images-idx3-ubyte", word(0x803) + word(1) + word(9) + word(28)), HasSubstr("9 pixels"));
  write_file(folder_ / "train-images-idx3-ubyte", whole);
  EXPECT_THAT(error_with("t10k-labels-idx1-ubyte", labels(4)), HasSubstr("4 labels for 5 images"));
  std::string wrong = labels(5);
  wrong.back() = 10;
  EXPECT_THAT(error_with("t10k-labels-idx1-ubyte", wrong), HasSubstr("label 10"));
  std::filesystem::remove(folder_ / "t10k-labels-idx1-ubyte");
  EXPECT_THAT(error_of([this] { (void)open(); }), HasSubstr("no t10k-labels-idx1-ubyte[.gz]"));
}

TEST_F(Idx, GzippedFilesAreReadAndTheirDamageSeen) {
  const auto before = open();
  const std::string name = (folder_ / "train-images-idx3-ubyte.gz").string();
  const std::string content = images(20);
  gzFile file = gzopen(name.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  std::filesystem::remove(folder_ / "train-images-idx3-ubyte");
  Image one;
  Image two;
  before->pixels(Split::train, 7, one);
  open()->pixels(Split::train, 7, two);
  EXPECT_EQ(one.pixels, two.pixels);

  const std::string packed = read_file(name);
  EXPECT_THAT(error_with("train-images-idx3-ubyte.gz", packed.substr(0, packed.size() / 2)), HasSubstr("truncated?"));
  std::string damaged = packed;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  EXPECT_NE(error_with("train-images-idx3-ubyte.gz", damaged), "");
}

TEST(Mnist, GenuineFilesHaveTheirKnownStatistics) {
  const auto path = test_data("mnist");
  if (path.empty()) GTEST_SKIP() << "no mnist in DENSESHIFT_TEST_DATA";
  const auto dataset = open_dataset("mnist", {.directory = path.string(), .image_size = 28});
  ASSERT_EQ(dataset->size(Split::train), 60000);
  ASSERT_EQ(dataset->size(Split::val), 10000);
  std::vector<float> out(3 * 28 * 28);
  std::vector<std::int64_t> counts(10);
  double sum = 0;
  RandomStream random(1);
  for (std::int64_t i = 0; i < 60000; ++i) {
    ++counts[static_cast<std::size_t>(dataset->load(Split::train, i, false, random, out.data()))];
    for (std::size_t k = 0; k < 784; ++k) sum += out[k];
  }
  EXPECT_EQ(counts, (std::vector<std::int64_t>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  EXPECT_NEAR(sum / (60000.0 * 784), 0, 1e-3) << "the usual mean of 0.1307";
}

}  // namespace
}  // namespace denseshift::data
