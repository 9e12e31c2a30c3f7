// The zip format: what PyTorch and others write is read, and an archive that lies is refused.

#include "core/io/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/util/error.h"
#include "tests/core/io/torch_files.h"

namespace denseshift::io {
namespace {

using ::testing::HasSubstr;
using testing::number;
using testing::zip;
using testing::ZipEntry;

/// The message that opening (and reading every entry of) the archive gives; empty when there is none.
std::string outcome(const std::string& content) {
  try {
    const ZipArchive archive(content, "the file");
    for (const auto& [name, entry] : archive.entries()) (void)archive.read(name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), ::testing::StartsWith("the file"));
    return error.what();
  }
  return {};
}

ZipEntry entry(const std::function<void(ZipEntry&)>& change = [](ZipEntry&) {}) {
  ZipEntry result("a/b", "hello");
  change(result);
  return result;
}

TEST(ZipArchive, EntriesAreRead) {
  const std::string content = zip({{"a/b", "hello"}, {"a/c", ""}, {"d", "more"}});
  const ZipArchive archive(content, "x");
  EXPECT_TRUE(ZipArchive::looks_like_one(content));
  EXPECT_EQ(archive.entries().size(), 3U);
  EXPECT_EQ(archive.read("a/b"), "hello");
  EXPECT_EQ(archive.read("a/c"), "");
  EXPECT_EQ(archive.read("d"), "more");
  EXPECT_FALSE(archive.contains("a"));
  EXPECT_THROW((void)archive.read("a"), Error);
}

TEST(ZipArchive, DescriptorsCommentsAndZip64) {
  for (const bool zip64 : {false, true}) {
    for (const bool descriptor : {false, true}) {
      for (const std::string& comment :
           {std::string(), std::string("PK\5\6 is not the end"), std::string(65535, 'c')}) {
        const std::string content = zip({entry([&](ZipEntry& e) {
                                           e.zip64 = zip64;
                                           e.descriptor = descriptor;
                                         }),
                                         {"second", "data"}},
                                        {.zip64 = zip64, .comment = comment});
        const ZipArchive archive(content, "x");
        EXPECT_EQ(archive.read("a/b"), "hello");
        EXPECT_EQ(archive.read("second"), "data");
      }
    }
  }
}

TEST(ZipArchive, EncryptedCompressedAndDamagedEntries) {
  EXPECT_THAT(outcome(zip({entry([](ZipEntry& e) { e.flags = 1; })})), HasSubstr("'a/b' is encrypted"));
  EXPECT_THAT(outcome(zip({entry([](ZipEntry& e) { e.method = 8; })})), HasSubstr("'a/b' is compressed"));
  EXPECT_THAT(outcome(zip({entry([](ZipEntry& e) { e.crc ^= 1; })})), HasSubstr("checksum of the entry 'a/b'"));
  EXPECT_THAT(outcome(zip({entry(), entry()})), HasSubstr("two entries are called 'a/b'"));
}

TEST(ZipArchive, SizesAndOffsetsThatLie) {
  constexpr std::uint64_t kHuge = ~std::uint64_t{0} - 40;
  for (const bool zip64 : {false, true}) {
    for (const std::uint64_t wrong :
         {std::uint64_t{4}, std::uint64_t{6}, std::uint64_t{5000}, std::uint64_t{0xFFFFFFF0}, zip64 ? kHuge : 9,
          zip64 ? std::uint64_t{1} << 63 : 10}) {
      EXPECT_NE(outcome(zip({entry([&](ZipEntry& e) { e.zip64 = zip64, e.full = wrong; })})), "");
      EXPECT_NE(outcome(zip({entry([&](ZipEntry& e) { e.zip64 = zip64, e.stored = wrong; })})), "");
      EXPECT_NE(outcome(zip({entry([&](ZipEntry& e) { e.zip64 = zip64, e.stored = e.full = wrong; })})), "");
      EXPECT_NE(outcome(zip({entry([&](ZipEntry& e) { e.zip64 = zip64, e.offset = wrong; })})), "");
      EXPECT_NE(outcome(zip({entry()}, {.zip64 = zip64, .directory_shift = wrong})), "");
      EXPECT_NE(outcome(zip({entry()}, {.zip64 = zip64, .directory_shift = 0 - wrong})), "");
      EXPECT_NE(outcome(zip({entry()}, {.zip64 = zip64, .count_shift = wrong})), "");
      if (zip64) {
        EXPECT_NE(outcome(zip({entry()}, {.zip64 = true, .locator_shift = wrong})), "");
        EXPECT_NE(outcome(zip({entry()}, {.zip64 = true, .locator_shift = 0 - wrong})), "");
      }
    }
  }
  EXPECT_NE(outcome(zip({entry()}, {.count_shift = ~std::uint64_t{0}})), "") << "fewer entries than there are";
}

TEST(ZipArchive, Zip64FieldsThatAreMissingOrShort) {
  for (const std::string& field :
       {number(2, 2) + number(24, 2) + std::string(24, '\0'), number(1, 2) + number(16, 2) + std::string(16, '\0'),
        number(1, 2) + number(100, 2) + std::string(24, '\0'), number(1, 2), std::string(3, '\0')}) {
    EXPECT_THAT(outcome(zip({entry([&](ZipEntry& e) {
                  e.zip64 = true;
                  e.extra_field = field;
                })})),
                HasSubstr("zip64 sizes of 'a/b' are missing"));
  }
}

TEST(ZipArchive, EntriesMayNotOverlap) {
  // The second directory record is that of the first under another name: the local header disagrees. With the same
  // name twice in the data, the outer entry holds the inner one.
  const std::string inner = zip({{"b", "data"}}).substr(0, 30 + 1 + 4);
  ZipEntry hidden("b", "data");
  hidden.offset = 30 + 1;
  const std::string content = zip({{"a", inner}, hidden});
  EXPECT_THAT(outcome(content), HasSubstr("overlap"));
  ZipEntry alias("z", "data");
  alias.offset = 0;
  EXPECT_THAT(outcome(zip({{"a", "data"}, alias})), HasSubstr("does not agree"));
}

TEST(ZipArchive, NothingAndNoise) {
  EXPECT_THAT(outcome(""), HasSubstr("no end record"));
  EXPECT_THAT(outcome("PK\3\4"), HasSubstr("no end record"));
  EXPECT_THAT(outcome(std::string(100'000, 'P')), HasSubstr("no end record"));
  EXPECT_EQ(outcome(zip({})), "");
  const std::string content = zip({entry()}, {.zip64 = true});
  for (std::size_t size = 0; size < content.size(); ++size) EXPECT_NE(outcome(content.substr(0, size)), "");
  EXPECT_NE(outcome("x" + content), "");
  EXPECT_NE(outcome(content + "x"), "");
}

}  // namespace
}  // namespace denseshift::io
