// Files that lie. Whatever they hold, the reader gives an input error that names the file, and spends no more than
// their size.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/safetensors.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/rng.h"
#include "tests/core/io/safetensors_files.h"
#include "tests/support/run_program.h"

namespace denseshift::io {
namespace {

using denseshift::testing::TemporaryFolder;
using testing::raw_file;

/// The message that reading `content` gives; a failure of the test when it is accepted.
std::string safetensors_refusal(const std::string& content) {
  const TemporaryFolder folder;
  const std::string path = folder.write("hostile", content);
  try {
    const SafetensorsFile file(path);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    const std::string message = error.what();
    EXPECT_THAT(message, ::testing::HasSubstr(path));
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), path.size() + 300);
    return message;
  }
  return {};
}

/// A header of one float tensor with some of its fields replaced.
std::string one(const std::string& shape, const std::string& offsets, const std::string& dtype = "\"F32\"") {
  return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

TEST(HostileSafetensors, LengthsOfTheHeader) {
  EXPECT_THAT(safetensors_refusal(""), ::testing::HasSubstr("0 bytes"));
  EXPECT_THAT(safetensors_refusal("short"), ::testing::HasSubstr("5 bytes"));
  EXPECT_THAT(safetensors_refusal(std::string(8, '\xFF') + "{}"), ::testing::HasSubstr("header"));
  EXPECT_THAT(safetensors_refusal(std::string("\x03\0\0\0\0\0\0\0{}", 10)), ::testing::HasSubstr("header"));
  EXPECT_THAT(safetensors_refusal(std::string("\0\xE1\xF5\x06\0\0\0\0{}", 10)), ::testing::HasSubstr("header"));
  EXPECT_THAT(safetensors_refusal(std::string(8, '\0')), ::testing::HasSubstr("JSON"));
}

TEST(HostileSafetensors, HeadersThatAreNotTheGrammar) {
  for (const std::string header : {"",
                                   " ",
                                   "{",
                                   "nonsense",
                                   "[]",
                                   "3",
                                   "null",
                                   "\"text\"",
                                   R"({"t":3})",
                                   R"({"t":null})",
                                   R"({"t":[]})",
                                   R"({"t":{}})",
                                   R"({"t":{"dtype":"F32","shape":[1]}})",
                                   R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})",
                                   R"({"__metadata__":[]})",
                                   R"({"__metadata__":{"a":1}})",
                                   R"({"__metadata__":{"a":{"b":"c"}}})",
                                   R"({"a":{"dtype":{}}})",
                                   "{}{}",
                                   "{} x",
                                   "{\"\xFF\":{}}"}) {
    EXPECT_FALSE(safetensors_refusal(raw_file(header, "")).empty()) << header;
  }
}

TEST(HostileSafetensors, WrongTypesAndNumbers) {
  const std::string data(4, 'x');
  for (const std::string& header : {one("[1]", "[0,4]", "4"),
                                    one("[1]", "[0,4]", "\"F33\""),
                                    one("[1]", "[0,4]", "\"f32\""),
                                    one("1", "[0,4]"),
                                    one("[\"1\"]", "[0,4]"),
                                    one("[1.0]", "[0,4]"),
                                    one("[-1]", "[0,4]"),
                                    one("[1e0]", "[0,4]"),
                                    one("[[1]]", "[0,4]"),
                                    one("[true]", "[0,4]"),
                                    one("[null]", "[0,4]"),
                                    one("[1]", "4"),
                                    one("[1]", "[0]"),
                                    one("[1]", "[0,4,4]"),
                                    one("[1]", "[]"),
                                    one("[1]", "[-4,0]"),
                                    one("[1]", "[0,4.5]"),
                                    one("[1]", "[4,0]"),
                                    one("[1]", "{}"),
                                    one("[18446744073709551615]", "[0,4]"),
                                    one("[99999999999999999999999]", "[0,4]")}) {
    EXPECT_FALSE(safetensors_refusal(raw_file(header, data)).empty()) << header;
  }
}

TEST(HostileSafetensors, SizesThatOverflow) {
  EXPECT_THAT(safetensors_refusal(raw_file(one("[4611686018427387905]", "[0,4]"), "xxxx")),
              ::testing::HasSubstr("too large"));
  EXPECT_THAT(safetensors_refusal(raw_file(one("[4294967296,4294967296]", "[0,0]"), "")),
              ::testing::HasSubstr("too large"));
  EXPECT_THAT(safetensors_refusal(raw_file(one("[9223372036854775807,9223372036854775807,0]", "[0,0]"), "")),
              ::testing::HasSubstr("too large"));
  EXPECT_THAT(safetensors_refusal(raw_file(one("[1]", "[18446744073709551612,18446744073709551615]"), "xxxx")),
              ::testing::HasSubstr("outside"));
}

TEST(HostileSafetensors, DataThatDoesNotFit) {
  EXPECT_THAT(safetensors_refusal(raw_file(one("[2]", "[0,8]"), "xxxx")), ::testing::HasSubstr("outside the file"));
  EXPECT_THAT(safetensors_refusal(raw_file(one("[2]", "[0,4]"), "xxxx")), ::testing::HasSubstr("another size"));
  EXPECT_THAT(safetensors_refusal(raw_file(one("[1]", "[0,4]"), "xxxxx")), ::testing::HasSubstr("1 bytes after"));
  EXPECT_THAT(safetensors_refusal(raw_file(one("[1]", "[1,5]"), "xxxxx")), ::testing::HasSubstr("gap"));
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  EXPECT_THAT(safetensors_refusal(raw_file(two("[0,2]", "[1,3]"), "xxx")), ::testing::HasSubstr("overlaps"));
  EXPECT_THAT(safetensors_refusal(raw_file(two("[0,2]", "[0,2]"), "xx")), ::testing::HasSubstr("overlaps"));
  EXPECT_THAT(safetensors_refusal(raw_file(two("[0,2]", "[3,5]"), "xxxxx")), ::testing::HasSubstr("gap"));
}

TEST(HostileSafetensors, RepeatedKeys) {
  const std::string entry = R"("t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(safetensors_refusal(raw_file("{" + entry + "," + entry + "}", "x")), ::testing::HasSubstr("twice"));
  EXPECT_THAT(safetensors_refusal(raw_file(R"({"__metadata__":{"a":"b","a":"c"}})", "")),
              ::testing::HasSubstr("twice"));
  EXPECT_THAT(safetensors_refusal(raw_file(R"({"__metadata__":{},"__metadata__":{}})", "")),
              ::testing::HasSubstr("twice"));
  EXPECT_THAT(
      safetensors_refusal(raw_file(R"({"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x")),
      ::testing::HasSubstr("two fields"));
}

TEST(HostileSafetensors, DepthAndLength) {
  EXPECT_FALSE(safetensors_refusal(raw_file(std::string(2'000'000, '['), "")).empty());
  std::string nested;
  for (int k = 0; k < 300'000; ++k) nested += "{\"a\":";
  EXPECT_FALSE(safetensors_refusal(raw_file(nested, "")).empty());
  std::string shape = "[1";
  for (int k = 0; k < 500'000; ++k) shape += ",1";
  EXPECT_THAT(safetensors_refusal(raw_file(one(shape + "]", "[0,4]"), "xxxx")), ::testing::HasSubstr("dimensions"));
  EXPECT_FALSE(
      safetensors_refusal(raw_file(one("[1]", "[0,4]", "\"" + std::string(100'000, 'F') + "\""), "xxxx")).empty());
  EXPECT_FALSE(safetensors_refusal(raw_file("{\"" + std::string(100'000, '\x01') + "\":1}", "")).empty());
}

// Cuts and changed bytes of a valid file: either it loads, and then every view lies in the file, or it is refused.
TEST(HostileSafetensors, MutationsNeverCrash) {
  const TemporaryFolder folder;
  const std::vector<float> floats(10, 2.5F);
  const std::vector<std::uint8_t> bytes(7, 9);
  write_safetensors(
      folder.file("valid"),
      {{"first", "F32", {2, 5}, floats.data()}, {"second", "U8", {7}, bytes.data()}, {"none", "I64", {0}, nullptr}},
      {{"note", "text"}, {"epoch", "3"}});
  const std::string valid = read_file(folder.file("valid"));
  RandomStream random(2);
  int loaded = 0, refused = 0;
  for (int k = 0; k < 2000; ++k) {
    std::string content = valid;
    const std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t change = 0; change < changes; ++change) {
      const auto at = static_cast<std::size_t>(random.below(content.size()));
      switch (random.below(4)) {
        case 0:
          content[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          content[at] = "0123456789{}[],:\""[random.below(17)];
          break;
        case 2:
          content.resize(at + 1);
          break;
        default:
          content.insert(at, content.substr(at, random.below(9)));
      }
    }
    const std::string path = folder.write("mutant", content);
    try {
      const SafetensorsFile file(path);
      ++loaded;
      for (const auto& [name, view] : file.tensors()) {
        std::size_t count = dtype_size(view.dtype);
        for (const std::int64_t dimension : view.shape) count *= static_cast<std::size_t>(dimension);
        const std::vector<char> read = testing::values<char>(view, count);  // a sanitizer sees what lies outside
        EXPECT_EQ(read.size(), count) << name;
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      ++refused;
    }
  }
  EXPECT_GT(loaded, 20);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace denseshift::io
