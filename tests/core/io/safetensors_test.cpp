#include "core/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <csignal>

#include <cmath>
#include <filesystem>
#include <stdexcept>

#include "core/io/compare_tensors.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"
#include "tests/core/io/safetensors_files.h"
#include "tests/support/run_program.h"

namespace denseshift::io {
namespace {

using denseshift::testing::TemporaryFolder;
using ::testing::ElementsAre;
using testing::raw_file;
using testing::values;

const std::vector<float> kFloats = {1.5F, -0.0F, 3e38F, 1e-42F, 7.0F, 8.0F};
const std::vector<std::int64_t> kIntegers = {-1, std::int64_t{1} << 60};
const std::vector<std::uint8_t> kBytes = {1, 2, 255};

std::vector<TensorView> sample() {
  return {{"bytes", "U8", {3}, kBytes.data()},
          {"layer.weight", "F32", {2, 3}, kFloats.data()},
          {"integers", "I64", {2}, kIntegers.data()},
          {"scalar", "F32", {}, kFloats.data()},
          {"nothing", "F16", {4, 0, 2}, nullptr}};
}

TEST(Safetensors, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.safetensors");
  const std::string digest =
      write_safetensors(path, sample(), {{"note", "three\nlines \"quoted\""}, {"", "empty key"}});
  EXPECT_EQ(digest, sha256_file(path));

  const SafetensorsFile file(path);
  EXPECT_EQ(file.tensors().size(), 5U);
  EXPECT_EQ(file.metadata().at("note"), "three\nlines \"quoted\"");
  EXPECT_EQ(file.metadata().at(""), "empty key");
  const TensorView& weight = file.at("layer.weight");
  EXPECT_EQ(weight.name, "layer.weight");
  EXPECT_EQ(weight.dtype, "F32");
  EXPECT_THAT(weight.shape, ElementsAre(2, 3));
  EXPECT_EQ(std::memcmp(weight.data, kFloats.data(), 24), 0);
  EXPECT_EQ(values<std::int64_t>(file.at("integers"), 2), kIntegers);
  EXPECT_EQ(values<std::uint8_t>(file.at("bytes"), 3), kBytes);
  EXPECT_TRUE(file.at("scalar").shape.empty());
  EXPECT_EQ(values<float>(file.at("scalar"), 1)[0], 1.5F);
  EXPECT_THAT(file.at("nothing").shape, ElementsAre(4, 0, 2));
}

TEST(Safetensors, TensorsOfOneFileAreAlignedAndSortedBySize) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.safetensors");
  write_safetensors(path, sample(), {});
  const std::string content = read_file(path);
  const std::size_t data = 8 + static_cast<std::size_t>(static_cast<unsigned char>(content[0])) +
                           256 * static_cast<std::size_t>(static_cast<unsigned char>(content[1]));
  EXPECT_EQ(data % 64, 0U);
  EXPECT_EQ(content.size(), data + 16 + 24 + 4 + 3);
  EXPECT_EQ(std::memcmp(content.data() + data, kIntegers.data(), 16), 0);
  EXPECT_EQ(std::memcmp(content.data() + data + 16, kFloats.data(), 24), 0);
}

TEST(Safetensors, BytesAreThoseOfTheFormat) {
  const TemporaryFolder folder;
  const std::uint8_t element = 7;
  write_safetensors(folder.file("a"), {{"t", "U8", {1}, &element}}, {{"k", "v"}});
  std::string header = R"({"__metadata__":{"k":"v"},"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  header.resize(120, ' ');
  EXPECT_EQ(read_file(folder.file("a")), raw_file(header, "\x07"));
}

TEST(Safetensors, AHandWrittenFileIsRead) {
  const TemporaryFolder folder;
  // Fields in any order, tensors not in the order of their data, no padding, an odd offset for a float.
  const std::string path = folder.write(
      "a",
      raw_file(
          R"({"b":{"shape":[1],"data_offsets":[1,5],"dtype":"F32"},"a":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}})",
          std::string("\x01\x00\x00\x80\x3F", 5)));
  const SafetensorsFile file(path);
  EXPECT_EQ(values<float>(file.at("b"), 1)[0], 1.0F);
  EXPECT_EQ(values<std::uint8_t>(file.at("a"), 1)[0], 1);
  EXPECT_TRUE(file.metadata().empty());
  EXPECT_TRUE(SafetensorsFile(folder.write("none", raw_file("{}", ""))).tensors().empty());
}

// tests/data/python.safetensors comes from scripts/make_safetensors_fixture.py.
TEST(Safetensors, APythonFileIsRead) {
  const SafetensorsFile file(DENSESHIFT_TEST_SOURCE_DIR "/data/python.safetensors");
  EXPECT_EQ(file.metadata().at("note"), "caf\u00e9");
  EXPECT_EQ(file.metadata().at("format"), "np");
  EXPECT_EQ(file.tensors().size(), 8U);
  EXPECT_THAT(file.at("matrix").shape, ElementsAre(2, 3));
  EXPECT_THAT(values<float>(file.at("matrix"), 6), ElementsAre(-0.5F, -0.25F, 0.0F, 0.25F, 0.5F, 0.75F));
  EXPECT_EQ(values<double>(file.at("doubles"), 3)[0], 1e300);
  EXPECT_TRUE(std::signbit(values<double>(file.at("doubles"), 3)[1]));
  EXPECT_EQ(file.at("halves").dtype, "F16");
  EXPECT_THAT(values<std::uint16_t>(file.at("halves"), 3), ElementsAre(0x3C00, 0xC000, 0x7BFF));
  EXPECT_TRUE(file.at("counter").shape.empty());
  EXPECT_EQ(values<std::int64_t>(file.at("counter"), 1)[0], (std::int64_t{1} << 40) + 1);
  EXPECT_THAT(values<std::int8_t>(file.at("small"), 2), ElementsAre(-128, 127));
  EXPECT_THAT(values<std::uint8_t>(file.at("bytes"), 5), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(values<std::uint8_t>(file.at("mask"), 3), ElementsAre(1, 0, 1));
  EXPECT_EQ(file.at("mask").dtype, "BOOL");
  EXPECT_THAT(file.at("empty").shape, ElementsAre(0, 4));
}

TEST(Safetensors, DtypesHaveTheirSizes) {
  EXPECT_EQ(dtype_size("F64"), 8U);
  EXPECT_EQ(dtype_size("BF16"), 2U);
  EXPECT_EQ(dtype_size("BOOL"), 1U);
  EXPECT_EQ(dtype_size("f32"), 0U);
  EXPECT_EQ(dtype_size(""), 0U);
}

TEST(Safetensors, WrongCallsAreRefusedBeforeAnythingIsWritten) {
  const TemporaryFolder folder;
  const float x = 0;
  const std::vector<std::vector<TensorView>> wrong = {{{"t", "F31", {1}, &x}},
                                                      {{"t", "F32", {-1}, &x}},
                                                      {{"t", "F32", {std::int64_t{1} << 62}, &x}},
                                                      {{"__metadata__", "F32", {1}, &x}},
                                                      {{"t", "F32", {1}, &x}, {"t", "F32", {1}, &x}}};
  for (const auto& tensors : wrong) {
    EXPECT_THROW(write_safetensors(folder.file("a"), tensors, {}), std::invalid_argument);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Safetensors, BytesThatAreNotUtf8DoNotCostTheFile) {
  const TemporaryFolder folder;
  write_safetensors(folder.file("a"), {}, {{"path", "bad\xFF\xFEname"}});
  EXPECT_THAT(SafetensorsFile(folder.file("a")).metadata().at("path"), ::testing::StartsWith("bad"));
}

TEST(Safetensors, AMissingTensorOrFileIsNamed) {
  const TemporaryFolder folder;
  write_safetensors(folder.file("a"), sample(), {});
  const SafetensorsFile file(folder.file("a"));
  try {
    (void)file.at("layer.wait");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::AllOf(::testing::HasSubstr(folder.file("a")), ::testing::HasSubstr("layer.wait")));
    EXPECT_EQ(error.exit_status(), 2);
  }
  EXPECT_THROW(SafetensorsFile(folder.file("b")), Error);
}

/// No file of this process may grow beyond a size: what a full disk looks like to a writer.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(Safetensors, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  write_safetensors(path, sample(), {});
  const std::string before = read_file(path);
  const std::vector<float> large(100'000, 1.0F);
  {
    const FileSizeLimit limit(65536);
    try {
      write_safetensors(path, {{"large", "F32", {100'000}, large.data()}}, {});
      FAIL() << "the write succeeded";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_status(), 1);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(path));
    }
  }
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Safetensors, TensorsAreComparedByteByByte) {
  const TemporaryFolder folder;
  const auto differing = [&](std::vector<TensorView> other) {
    write_safetensors(folder.file("a"), sample(), {{"time", "1"}});
    write_safetensors(folder.file("b"), other, {{"time", "2"}});
    return differing_tensors(SafetensorsFile(folder.file("a")), SafetensorsFile(folder.file("b")));
  };
  EXPECT_THAT(differing(sample()), ::testing::IsEmpty()) << "metadata is no tensor";
  const std::vector<float> changed = {1.5F, 0.0F, 3e38F, 1e-42F, 7.0F, 8.0F};  // 0 for -0
  std::vector<TensorView> other = sample();
  other[1].data = changed.data();
  EXPECT_THAT(differing(other), ElementsAre("layer.weight"));
  other = sample();
  other[1].shape = {3, 2};
  other[0].dtype = "I8";
  EXPECT_THAT(differing(other), ElementsAre("bytes", "layer.weight"));
  other = sample();
  other[2].name = "renamed";
  EXPECT_THAT(differing(other), ElementsAre("integers", "renamed"));
}

}  // namespace
}  // namespace denseshift::io
