// Wrong usage through the real program: one line that says what is wrong, a hint, status 2, nothing on stdout.

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

struct WrongUsage {
  Words arguments;
  std::string message;
  std::string hint;  ///< empty: no hint line
};

std::string error_text(const WrongUsage& usage) {
  return "denseshift: " + usage.message + "\n" + (usage.hint.empty() ? "" : "  hint: " + usage.hint + "\n");
}

void expect_refused(const WrongUsage& usage) {
  const ProgramResult result = run_program(usage.arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(result.err, error_text(usage));
}

TEST(Usage, UnknownCommandsGetTheNearest) {
  expect_refused({{"tran"}, "unknown command 'tran'", "did you mean train?"});
  expect_refused({{"modles"}, "unknown command 'modles'", "did you mean models?"});
  expect_refused({{"bench", "trian"}, "bench: unknown command 'trian'", "did you mean train?"});
  expect_refused({{"help", "evla"}, "unknown command 'evla'", "did you mean eval?"});
  expect_refused({{"--verison"}, "unknown option '--verison'", "options come after the command"});
}

TEST(Usage, UnknownOptionsGetTheNearest) {
  expect_refused({{"train", "--wbitz", "3"}, "unknown option '--wbitz'", "did you mean --wbits?"});
  expect_refused({{"train", "--batch_size", "3"}, "unknown option '--batch_size'", "did you mean --batch-size?"});
  expect_refused({{"train", "--quxquux"}, "unknown option '--quxquux'", "--help lists the options"});
  expect_refused({{"train", "--no-epochs"}, "unknown option '--no-epochs'", "did you mean --epochs?"});
  expect_refused({{"train", "-x"}, "unknown option '-x'", "--help lists the options"});
  expect_refused({{"eval", "--rnu", "1"}, "unknown option '--rnu'", "did you mean --run?"});
}

TEST(Usage, NamesAreNeverAbbreviated) {
  expect_refused({{"train", "--epoch", "3"}, "unknown option '--epoch'", "did you mean --epochs?"});
}

TEST(Usage, WrongValuesNameTheOption) {
  expect_refused({{"train", "--wbits", "two"}, "--wbits: expected a whole number, got 'two'", ""});
  expect_refused({{"train", "--nesterov=maybe"}, "--nesterov: expected true or false, got 'maybe'", ""});
  expect_refused({{"train", "--optimizer", "adamv"}, "optimizer: unknown value 'adamv'", "did you mean adamw?"});
  expect_refused({{"train", "--wbits", "99"}, "wbits: 99 is out of range", "use a value from 1 to 32"});
  expect_refused({{"train", "--lr", "0"}, "lr: 0 is out of range", "use a value above 0 to 1000000"});
  expect_refused(
      {{"bench", "train", "--rounds", "many"}, "--rounds: 'many' is not a valid value", "--help shows what it takes"});
  expect_refused({{"bench", "train", "--rounds", "-1"}, "--rounds: must be 0 or more", ""});
  expect_refused({{"bench", "train", "--batch-size", "8,x"},
                  "--batch-size: 'x' is not a number of 1 or more",
                  "write --batch-size 64,8"});
  expect_refused({{"models", "method"}, "unknown topic 'method'", "did you mean methods?"});
}

TEST(Usage, MissingSurplusAndRepeatedValuesAreRefused) {
  expect_refused({{"train", "--wbits"}, "option '--wbits' needs a value", "write --wbits=VALUE"});
  expect_refused({{"train", "--note", "--json"}, "option '--note' needs a value", "write --note=VALUE"});
  expect_refused({{"train", "--json=yes"}, "option '--json' takes no value", ""});
  expect_refused({{"train", "resnet18"}, "unexpected argument 'resnet18'", ""});
  expect_refused({{"train", "--seed", "1", "--seed", "2"}, "option '--seed' is given more than once", ""});
}

TEST(Usage, ContradictionsAreRefused) {
  for (const Words& arguments : std::vector<Words>{{"eval"},
                                                   {"eval", "--run", "1", "--checkpoint", "x"},
                                                   {"eval", "--run", "1", "--best", "--last"},
                                                   {"models", "--wbits", "2"},
                                                   {"train", "--resume", "1", "--config", "x.json"},
                                                   {"train", "--resume", "1", "--dry-run"},
                                                   {"train", "--nesterov", "--momentum", "0"}}) {
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, ::testing::StartsWith("denseshift: "));
    EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 2);
  }
}

TEST(Usage, AResultThatCannotBeWrittenIsAFailure) {
  const ProgramResult result =
      run_command({"/bin/sh", "-c", std::string(DENSESHIFT_PROGRAM) + " --version > /dev/full"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("denseshift: the result could not be written to standard output"));
}

nlohmann::json dry_run(Words options) {
  options.insert(options.begin(), {"train", "--dry-run"});
  const ProgramResult result = run_program(options);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, IsEmpty());
  return nlohmann::json::parse(result.out);
}

TEST(DryRun, EveryFormOfAnOptionReachesTheConfiguration) {
  const nlohmann::json config =
      dry_run({"--wbits", "2", "--lr=0.25", "--shift-bias", "-1", "--nesterov", "--no-augment",
               "--decay-references=false", "--channels-last", "true", "--note", "a, b", "--name="})["config"];
  EXPECT_EQ(config["wbits"], 2);
  EXPECT_EQ(config["lr"], 0.25);
  EXPECT_EQ(config["shift_bias"], -1);
  EXPECT_EQ(config["nesterov"], true);
  EXPECT_EQ(config["augment"], false);
  EXPECT_EQ(config["decay_references"], false);
  EXPECT_EQ(config["channels_last"], true);
  EXPECT_EQ(config["note"], "a, b");
  EXPECT_EQ(config["name"], "");
}

TEST(DryRun, ListsAreRepeatableAndCommaSeparated) {
  const nlohmann::json config = dry_run({"--rule", "layer1*=fp32", "--rule", "fc=denseshift:4", "--milestones",
                                         "30,60.5", "--tag", "a,b", "--tag", "c"})["config"];
  EXPECT_EQ(config["rule"], (nlohmann::json{"layer1*=fp32", "fc=denseshift:4"}));
  EXPECT_EQ(config["milestones"], (nlohmann::json{30.0, 60.5}));
  EXPECT_EQ(config["tag"], (nlohmann::json{"a", "b", "c"}));
}

TEST(DryRun, HashIgnoresWhatDoesNotDecideTheResult) {
  const nlohmann::json hash = dry_run({})["config_hash"];
  EXPECT_EQ(dry_run({"--note", "x", "--threads", "3"})["config_hash"], hash);
  EXPECT_NE(dry_run({"--wbits", "2"})["config_hash"], hash);
}

TEST(ConfigFile, OptionsWinOverTheFile) {
  const TemporaryFolder folder;
  const std::string file = folder.write("recipe.json", R"({"wbits": 2, "lr": 0.5, "tag": ["x"]})");
  const nlohmann::json config = dry_run({"--config", file, "--lr", "0.25"})["config"];
  EXPECT_EQ(config["wbits"], 2);
  EXPECT_EQ(config["lr"], 0.25);
  EXPECT_EQ(config["tag"], nlohmann::json{"x"});
}

TEST(ConfigFile, ItsOwnDryRunOutputIsAccepted) {
  const TemporaryFolder folder;
  const nlohmann::json config = dry_run({"--wbits", "4", "--milestones", "1,2"})["config"];
  EXPECT_EQ(dry_run({"--config", folder.write("again.json", config.dump())})["config"], config);
}

TEST(ConfigFile, ErrorsNameFileLineAndKey) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& name, const std::string& text, const std::string& message,
                           const std::string& hint) {
    const std::string file = folder.write(name, text);
    expect_refused({{"train", "--config", file, "--dry-run"}, file + message, hint});
  };
  refused("key.json", "{\n  \"wbits\": 2,\n  \"weight_dacay\": 1\n}", ":3: weight_dacay: unknown configuration key",
          "did you mean weight_decay?");
  refused("type.json", "{\n  \"wbits\": \"2\"\n}", ":2: wbits: expected a whole number, got '\"2\"'", "");
  refused("cut.json", "{\n  \"wbits\": 2,\n  \"lr\": ", ":3: not valid JSON",
          "compare with `denseshift train --dry-run`");
  refused("list.json", "[1]", ": not a JSON object", "write {\"wbits\": 2, ...}");
  refused("empty.json", "", ":1: not valid JSON", "compare with `denseshift train --dry-run`");
  refused("binary.json", std::string("\0\xff\xfe", 3), ":1: not valid JSON",
          "compare with `denseshift train --dry-run`");
  const ProgramResult missing = run_program({"train", "--config", folder.file("absent.json")});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("absent.json"));
}

}  // namespace
}  // namespace denseshift::testing
