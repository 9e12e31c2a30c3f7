#include "core/util/hash.h"

#include <gmock/gmock.h>

#include "core/util/error.h"
#include "tests/support/run_program.h"

namespace denseshift {
namespace {

std::string digest(const std::string& text) { return sha256(text.data(), text.size()); }

// Expected values: FIPS 180-4 examples and the NIST long-message example of a million letters.
TEST(Sha256, MatchesThePublishedExamples) {
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 31);
  Sha256 pieces;
  std::size_t from = 0;
  for (std::size_t size = 0; from < text.size(); ++size) {  // piece sizes 0, 1, 2, ... cross every block boundary
    const std::size_t count = std::min(size, text.size() - from);
    pieces.update(text.data() + from, count);
    from += count;
  }
  EXPECT_EQ(pieces.hex(), digest(text));
}

TEST(Sha256, FileGivesTheDigestOfItsContent) {
  const testing::TemporaryFolder folder;
  const std::string content(3 * 1024 * 1024 + 17, 'x');
  EXPECT_EQ(sha256_file(folder.write("big", content)), digest(content));
  EXPECT_EQ(sha256_file(folder.write("empty", "")), digest(""));
}

TEST(Sha256, MissingFileIsNamed) {
  try {
    (void)sha256_file("/no/such/file");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("/no/such/file"));
  }
}

}  // namespace
}  // namespace denseshift
