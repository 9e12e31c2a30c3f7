#include "core/io/packed_file.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <random>

#include "core/io/safetensors.h"
#include "core/util/error.h"
#include "tests/support/run_program.h"

namespace denseshift::io {
namespace {

using denseshift::testing::TemporaryFolder;
using kernels::PackedMatrix;
using ::testing::HasSubstr;

std::map<std::string, PackedMatrix> example() {
  std::mt19937 random(5);
  std::map<std::string, PackedMatrix> layers;
  for (int bits = 2; bits <= 4; ++bits) {
    std::vector<std::uint8_t> codes(6 * 21);
    for (auto& code : codes) code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1));
    layers["layer" + std::to_string(bits)] = kernels::pack_matrix(bits, 6, 21, codes, {1, 2, 0.5F, 0.25F, 4, 1e-3F});
  }
  return layers;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string message_of(const std::filesystem::path& path) {
  try {
    (void)read_packed(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
  return "no error";
}

TEST(PackedFile, WritesAndReadsTheSame) {
  const TemporaryFolder folder;
  const auto path = std::filesystem::path(folder.file("net.dsp"));
  const auto layers = example();
  write_packed(path, layers);
  const auto back = read_packed(path);
  ASSERT_EQ(back.size(), layers.size());
  for (const auto& [name, matrix] : layers) {
    const PackedMatrix& read = back.at(name);
    EXPECT_EQ(read.bits, matrix.bits);
    EXPECT_EQ(read.rows, matrix.rows);
    EXPECT_EQ(read.cols, matrix.cols);
    EXPECT_EQ(read.scale, matrix.scale);
    EXPECT_EQ(kernels::unpack_matrix(read), kernels::unpack_matrix(matrix));
  }
}

TEST(PackedFile, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const auto path = std::filesystem::path(folder.file("net.dsp"));
  write_packed(path, example());
  const std::string bytes = bytes_of(path);
  for (std::size_t size = 0; size < bytes.size(); size += size < 600 ? 7 : 1) {
    write_bytes(path, bytes.substr(0, size));
    EXPECT_THAT(message_of(path), HasSubstr("net.dsp")) << size << " bytes";
  }
}

TEST(PackedFile, EveryDamagedByteOfTheWeightsIsNoticed) {
  const TemporaryFolder folder;
  const auto path = std::filesystem::path(folder.file("net.dsp"));
  write_packed(path, example());
  const std::string bytes = bytes_of(path);
  const std::size_t data = 3 * (6 * 4) + 6 * (6 + 8 + 11);  // scales and codes, without padding
  for (std::size_t back = 1; back <= data; back += 3) {
    std::string damaged = bytes;
    damaged[bytes.size() - back] = static_cast<char>(damaged[bytes.size() - back] ^ 0x10);
    write_bytes(path, damaged);
    EXPECT_THAT(message_of(path), HasSubstr("checksum")) << back << " bytes before the end";
  }
}

TEST(PackedFile, HostileHeaders) {
  const TemporaryFolder folder;
  const auto path = std::filesystem::path(folder.file("net.dsp"));
  const std::vector<std::uint8_t> codes(12, 0);
  const std::vector<float> scale(2, 1.0F);
  const std::vector<TensorView> tensors = {{"a.codes", "U8", {2, 6}, codes.data()},
                                           {"a.scale", "F32", {2}, scale.data()}};
  const auto message = [&](const std::map<std::string, std::string>& metadata) {
    write_safetensors(path, tensors, metadata);
    return message_of(path);
  };
  EXPECT_THAT(message({}), HasSubstr("not a file of packed weights"));
  EXPECT_THAT(message({{"format", "denseshift-packed-9"}}), HasSubstr("format"));
  const auto layers = [&](const std::string& text) {
    return message({{"format", "denseshift-packed-1"}, {"layers", text}, {"sha256", "0"}});
  };
  EXPECT_THAT(layers("["), HasSubstr("JSON object"));
  EXPECT_THAT(layers("{}"), HasSubstr("belong to no layer"));
  EXPECT_THAT(layers(R"({"b": {"bits": 2, "rows": 2, "cols": 24}})"), HasSubstr("b.codes"));
  EXPECT_THAT(layers(R"({"a": 3})"), HasSubstr("bits, rows and cols"));
  EXPECT_THAT(layers(R"({"a": {"bits": "2", "rows": 2, "cols": 24}})"), HasSubstr("bits, rows and cols"));
  EXPECT_THAT(layers(R"({"a": {"bits": 5, "rows": 2, "cols": 24}})"), HasSubstr("5 bits"));
  EXPECT_THAT(layers(R"({"a": {"bits": 2, "rows": 2, "cols": 18446744073709551615}})"), HasSubstr("columns"));
  EXPECT_THAT(layers(R"({"a": {"bits": 2, "rows": 18446744073709551615, "cols": 24}})"), HasSubstr("other shapes"));
  EXPECT_THAT(layers(R"({"a": {"bits": 2, "rows": 2, "cols": 30}})"), HasSubstr("other shapes"));
  EXPECT_THAT(layers(R"({"a": {"bits": 2, "rows": 2, "cols": 24}})"), HasSubstr("checksum"));
}

TEST(PackedFile, WrongMatricesAreNotWritten) {
  const TemporaryFolder folder;
  auto layers = example();
  layers["layer2"].scale.pop_back();
  EXPECT_THROW(write_packed(std::filesystem::path(folder.file("net.dsp")), layers), std::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(folder.file("net.dsp"))));
}

}  // namespace
}  // namespace denseshift::io
