// denseshift doctor through the real program.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;

nlohmann::json finding(const ProgramResult& result, const std::string& subject) {
  for (const auto& entry : nlohmann::json::parse(result.out)) {
    if (entry["subject"] == subject) return entry;
  }
  return nlohmann::json::object();
}

TEST(Doctor, EveryFindingThatIsNotOkSaysWhatToDo) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program({"doctor", "--json"}, {.directory = folder.path()});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* subject : {"program", "LibTorch", "CPU", "SQLite", "database", "disk"}) {
    EXPECT_FALSE(finding(result, subject).empty()) << subject;
  }
  for (const auto& entry : nlohmann::json::parse(result.out)) {
    EXPECT_TRUE(entry["status"] == "ok" || !entry["advice"].get<std::string>().empty()) << entry;
  }
  EXPECT_EQ(finding(result, "database")["status"], "missing");
}

TEST(Doctor, ACorruptDatabaseIsBrokenAndStaysAsItIs) {
  const TemporaryFolder folder;
  const std::string db = folder.write("broken.db", std::string("not a database, ") + std::string(8192, 'x'));
  const ProgramResult result = run_program({"doctor", "--json", "--db", db});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(finding(result, "database")["status"], "broken");
  EXPECT_THAT(finding(result, "database")["detail"].get<std::string>(), HasSubstr(db));
  EXPECT_THAT(run_command({"/bin/cat", db}).out, ::testing::StartsWith("not a database, "));
}

TEST(Doctor, DatasetsAreLookedForInTheGivenFolder) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program({"doctor", "--json"}, {.environment = {{"DENSESHIFT_DATA", folder.path()}}});
  EXPECT_THAT(finding(result, "datasets")["detail"].get<std::string>(), HasSubstr("cifar10"));
  EXPECT_EQ(finding(result, "datasets")["status"], "missing");
}

TEST(Doctor, TextHasOneLineForEachFinding) {
  const ProgramResult result = run_program({"doctor"});
  EXPECT_THAT(result.out, ::testing::StartsWith("program"));
  EXPECT_THAT(result.out, HasSubstr("\nCPU"));
}

}  // namespace
}  // namespace denseshift::testing
