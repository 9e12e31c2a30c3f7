// What every command says about itself, through the real program.

#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::vector<std::string> kCommands = {"train",  "eval", "report", "runs",  "query",
                                            "models", "data", "bench",  "doctor"};

TEST(Help, ListsEveryCommand) {
  const ProgramResult result = run_program({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, IsEmpty());
  for (const std::string& command : kCommands) EXPECT_THAT(result.out, HasSubstr("\n  " + command + " "));
}

TEST(Help, EveryCommandExplainsItselfWithAnExample) {
  for (const std::string& command : kCommands) {
    const ProgramResult result = run_program({command, "--help"});
    EXPECT_EQ(result.status, 0) << command;
    EXPECT_THAT(result.err, IsEmpty()) << command;
    EXPECT_THAT(result.out, StartsWith("Usage: denseshift " + command)) << command;
    EXPECT_THAT(result.out, ::testing::AnyOf(HasSubstr("Example:\n  "), HasSubstr("\nCommands:\n"))) << command;
    EXPECT_EQ(run_program({"help", command}).out, result.out) << command;
    EXPECT_EQ(run_program({command, "-h"}).out, result.out) << command;
  }
}

// Names of the entries in the list that a command with sub-commands prints.
std::vector<std::string> listed(const std::string& help) {
  std::vector<std::string> names;
  std::istringstream lines(help.substr(std::min(help.find("\nCommands:\n"), help.size())));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ")) names.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return names;
}

TEST(Help, EverySubcommandExplainsItselfWithAnExample) {
  for (const std::string command : {"runs", "data", "bench"}) {
    const std::vector<std::string> names = listed(run_program({command, "--help"}).out);
    EXPECT_FALSE(names.empty()) << command;
    for (const std::string& name : names) {
      const ProgramResult result = run_program({command, name, "--help"});
      EXPECT_EQ(result.status, 0) << command << ' ' << name;
      EXPECT_THAT(result.out, StartsWith("Usage: denseshift " + command + " " + name));
      EXPECT_THAT(result.out, HasSubstr("Example:\n  denseshift " + command + " " + name));
    }
  }
}

TEST(Help, NoCommandIsWrongUsage) {
  const ProgramResult result = run_program({});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, HasSubstr("Usage: denseshift COMMAND"));
}

TEST(Help, TrainShowsDefaultsOfEveryGroup) {
  const std::string text = run_program({"train", "--help"}).out;
  for (const char* part : {"--wbits N", "[3]", "--batch-size N", "[64]", "--nesterov true|false", "--db FILE",
                           "Network:", "Data:", "Training:", "Environment:", "Record:"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Version, NamesProgramLibrariesAndProcessor) {
  const ProgramResult result = run_program({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, ::testing::ContainsRegex("^denseshift [0-9]+\\.[0-9]+\\.[0-9]+ \\(revision [0-9a-z-]+\\)"));
  for (const char* part : {"\nLibTorch ", "\nSQLite     3.", "\nCPU "}) EXPECT_THAT(result.out, HasSubstr(part));
}

TEST(Colour, NeverOutsideATerminal) {
  for (const std::string command : {"tran", "--help", "doctor"}) {
    const ProgramResult result = run_program({command}, {.environment = {{"TERM", "xterm-256color"}}});
    EXPECT_THAT(result.out + result.err, Not(HasSubstr("\033"))) << command;
  }
}

}  // namespace
}  // namespace denseshift::testing
