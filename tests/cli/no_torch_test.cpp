// A program built without LibTorch says so, at once and plainly.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

TEST(WithoutTorch, CommandsThatNeedItSayHowToGetIt) {
  const std::vector<std::vector<std::string>> needing = {
      {"train"}, {"eval", "--run", "1"}, {"models"}, {"models", "--arch", "resnet18"}, {"bench", "train"}};
  const TemporaryFolder folder;
  for (const auto& arguments : needing) {
    const ProgramResult result = run_program(arguments, {.directory = folder.path()});
    EXPECT_EQ(result.status, 2) << arguments[0];
    EXPECT_THAT(result.err, ::testing::ContainsRegex(
                                "needs LibTorch, and this denseshift was built without it\n  hint: run scripts/"));
  }
  EXPECT_EQ(run_command({"/bin/ls", folder.path()}).out, "");  // no database, no folder was begun
}

TEST(WithoutTorch, VersionAndDoctorSaySo) {
  EXPECT_THAT(run_program({"--version"}).out, ::testing::HasSubstr("LibTorch   none"));
  EXPECT_THAT(run_program({"doctor"}).out, ::testing::ContainsRegex("LibTorch +missing"));
}

}  // namespace
}  // namespace denseshift::testing
