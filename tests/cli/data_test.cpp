// The command data through the real program.

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::size_t files_below(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    count += entry.is_regular_file() ? 1 : 0;
  return count;
}

TEST(Data, ListNamesEveryDataset) {
  const ProgramResult result = run_program({"data", "list"});
  EXPECT_EQ(result.status, 0);
  for (const char* name : {"shapes", "cifar10", "cifar100", "mnist", "fashion-mnist", "imagefolder", "imagenet"}) {
    EXPECT_THAT(result.out, HasSubstr(name));
  }
}

TEST(Data, InfoOfTheRenderedSetIsTheSameEveryTime) {
  const ProgramResult first = run_program({"data", "info", "shapes", "--json"});
  const ProgramResult second = run_program({"data", "info", "shapes", "--json"});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_TRUE(json::accept(first.out));
  EXPECT_EQ(first.out, second.out);
}

TEST(Data, ASynthesisedFolderChecksOutUntilAFileIsDamaged) {
  const TemporaryFolder folder;
  const ProgramResult synth =
      run_program({"data", "synth", "shapes", "--out", "set", "--train", "30", "--val", "10", "--image-size", "32"},
                  {{}, folder.path(), 60});
  ASSERT_EQ(synth.status, 0) << synth.err;
  EXPECT_EQ(files_below(folder.file("set")), 40u);
  EXPECT_EQ(run_program({"data", "check", "imagefolder", "--data", "set"}, {{}, folder.path(), 60}).status, 0);

  std::string victim;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.file("set"))) {
    if (entry.is_regular_file()) victim = entry.path().string();
  }
  std::filesystem::resize_file(victim, std::filesystem::file_size(victim) / 2);
  const ProgramResult check = run_program({"data", "check", "imagefolder", "--data", "set"}, {{}, folder.path(), 60});
  EXPECT_EQ(check.status, 2);
  EXPECT_THAT(check.out + check.err, HasSubstr(std::filesystem::path(victim).filename().string()));

  const ProgramResult again = run_program({"data", "synth", "shapes", "--out", "set"}, {{}, folder.path(), 60});
  EXPECT_EQ(again.status, 2);
  EXPECT_EQ(files_below(folder.file("set")), 40u) << "the folder was written to all the same";
}

TEST(Data, AMissingFolderIsOneLineWithAHint) {
  const TemporaryFolder folder;
  const ProgramResult none = run_program({"data", "info", "cifar10"}, {{}, folder.path(), 60});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("--data"));
  const ProgramResult wrong = run_program({"data", "info", "cifar10", "--data", "nowhere"}, {{}, folder.path(), 60});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("nowhere"));
}

}  // namespace
}  // namespace denseshift::testing
