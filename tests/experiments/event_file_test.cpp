// TensorBoard event files, byte by byte, and the folders they go to.

#include "experiments/logs/event_file.h"

#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "tests/support/run_program.h"

namespace denseshift::experiments {
namespace {

using denseshift::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Crc32c, PublishedVectors) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);  // the check value of CRC-32C in every catalogue of CRCs
  // RFC 3720 appendix B.4, bytes in the order of the wire there.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  std::string up, down;
  for (int i = 0; i < 32; ++i) {
    up += static_cast<char>(i);
    down += static_cast<char>(31 - i);
  }
  EXPECT_EQ(crc32c(up), 0x46DD794EU);
  EXPECT_EQ(crc32c(down), 0x113FDB5CU);
  const std::string read_command(
      "\x01\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x14"
      "\x00\x00\x00\x18\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00",
      48);
  EXPECT_EQ(crc32c(read_command), 0xD9963A56U);
}

TEST(EventFile, BytesAreThoseOfTensorBoardsOwnWriter) {
  const std::string expected = read_file(DENSESHIFT_TEST_SOURCE_DIR "/data/events/scalars.tfevents");
  const std::string ours =
      tfrecord(version_event(1700000000.25)) + tfrecord(start_event(1700000001.5, 3)) +
      tfrecord(scalar_event(1700000002.0, 300,
                            {{"train/loss", 0.1F},
                             {"lr", 0.0F},
                             {"val/" + std::string(200, 'x'), std::numeric_limits<float>::infinity()}}));
  EXPECT_TRUE(ours == expected) << "lengths " << ours.size() << " and " << expected.size();
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// Payloads of a file; fails on a broken frame.
std::vector<std::string> payloads(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t size = 0;
    for (std::size_t k = 0; k < 8; ++k) size |= std::uint64_t{static_cast<unsigned char>(bytes.at(at + k))} << (8 * k);
    const std::string payload = bytes.substr(at + 12, size);
    EXPECT_TRUE(bytes.compare(at, size + 16, tfrecord(payload)) == 0);
    all.push_back(payload);
    at += size + 16;
  }
  return all;
}

TEST(EventFile, EachEpochIsOnDiskWhenItWasWritten) {
  const TemporaryFolder folder;
  const std::filesystem::path runs = folder.file("deep/runs");
  EventFile file(runs, 0, false);
  EXPECT_THAT(file.path().filename().string(), StartsWith("events.out.tfevents."));
  EXPECT_EQ(payloads(file.path()).size(), 1u);
  file.write({1, 5.0, {{"train", {{"loss", 0.5}, {"lr", 0.1}}}, {"val", {{"top1", 50}}}}});
  const std::vector<std::string> events = payloads(file.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1], scalar_event(5.0, 1, {{"train/loss", 0.5F}, {"lr", 0.1F}, {"val/top1", 50.0F}}));
}

TEST(EventFile, AResumedRunOpensAnotherFileThatVoidsLaterSteps) {
  const TemporaryFolder folder;
  const EventFile first(folder.path(), 0, false);
  const EventFile second(folder.path(), 4, true);  // the same second and process: still another file, sorted behind
  EXPECT_THAT(files_of(folder.path()), ElementsAre(first.path(), second.path()));
  const std::vector<std::string> events = payloads(second.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].substr(9), start_event(0, 5).substr(9)) << "all but the time";
}

TEST(EventFile, SaysWhereItCannotWrite) {
  const TemporaryFolder folder;
  const std::string file = folder.write("file", "text");
  try {
    const EventFile events(file + "/runs", 0, false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_status(), 1);
    EXPECT_THAT(error.what(), HasSubstr(file + "/runs"));
  }
}

TEST(EventDirectory, IsTheRunsNameOrItsId) {
  const TemporaryFolder folder;
  const std::filesystem::path base = folder.path();
  EXPECT_EQ(event_directory(base, "w3", 7, false), base / "w3");
  EXPECT_EQ(event_directory(base, "", 7, false), base / "7");
  EXPECT_EQ(event_directory(base, "..", 7, false), base / "7");
  EXPECT_EQ(event_directory(base, "../../etc/x\n", 7, false), base / ".._.._etc_x_");
  std::filesystem::create_directories(base / "w3");
  EXPECT_EQ(event_directory(base, "w3", 8, false), base / "w3-8") << "another run has the name";
  EXPECT_EQ(event_directory(base, "w3", 7, true), base / "w3") << "a resumed run goes on where it was";
  std::filesystem::create_directories(base / "w3-8");
  EXPECT_EQ(event_directory(base, "w3", 8, true), base / "w3-8");
}

}  // namespace
}  // namespace denseshift::experiments
