#include "core/util/atomic_file.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/util/error.h"
#include "tests/support/run_program.h"

namespace denseshift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, AppearsWholeAtCommit) {
  const TemporaryFolder folder;
  const fs::path path = folder.file("result");
  AtomicFile file(path);
  file.write("first ", 6);
  file.write("second", 6);
  EXPECT_FALSE(fs::exists(path));
  file.commit();
  EXPECT_EQ(read_file(path), "first second");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, DroppedWithoutCommitLeavesTheOldContentAndNoLitter) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("result", "old");
  {
    AtomicFile file(path);
    file.write("new", 3);
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, ReplacesAndSurvivesTwoWritersOfOnePath) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("result", "old");
  AtomicFile a(path);
  AtomicFile b(path);
  a.write("a", 1);
  b.write("bb", 2);
  a.commit();
  EXPECT_EQ(read_file(path), "a");
  b.commit();
  EXPECT_EQ(read_file(path), "bb");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, AMissingFolderIsAWorkErrorThatNamesIt) {
  try {
    write_file("/no/such/folder/result", "x");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::work);
    EXPECT_THAT(error.what(), HasSubstr("/no/such/folder"));
  }
}

// A file system of 64 KB that is gone at the end of the scope.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& folder, unsigned long flags = 0) : folder_(folder) {
    mounted_ = mount("none", folder.c_str(), "tmpfs", flags, "size=64k") == 0;
    if (!mounted_) reason_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::string folder_;
  std::string reason_;
  bool mounted_ = false;
};

TEST(AtomicFile, AReadOnlyFolderIsAWorkErrorWithAHint) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path(), MS_RDONLY);  // permissions alone do not stop root
  if (!disk.mounted()) {
    if (geteuid() == 0) GTEST_SKIP() << "cannot mount a tmpfs: " << disk.reason();
    ASSERT_EQ(chmod(folder.path().c_str(), 0500), 0);
  }
  try {
    write_file(folder.file("result"), "x");
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::work);
    EXPECT_THAT(error.hint(), HasSubstr("may write"));
  }
  if (!disk.mounted()) chmod(folder.path().c_str(), 0700);
}

TEST(AtomicFile, AFullDiskKeepsTheOldFileAndSaysSo) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder.path());
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs: " << disk.reason();
  const fs::path path = folder.write("result", "old");
  try {
    write_file(path, std::string(1 << 20, 'x'));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::work);
    EXPECT_THAT(error.what(), HasSubstr(path.string()));
    EXPECT_THAT(error.what(), HasSubstr("No space left on device"));
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(ReadFile, RefusesWhatIsMissingOrTooLarge) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("ten", "0123456789");
  EXPECT_EQ(read_file(path, 10), "0123456789");
  EXPECT_THROW((void)read_file(path, 9), Error);
  EXPECT_THROW((void)read_file(folder.file("absent")), Error);
  EXPECT_THROW((void)read_file(folder.path()), Error);  // a folder
}

}  // namespace
}  // namespace denseshift
