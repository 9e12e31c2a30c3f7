// `denseshift runs reproduce`: a training done again by the real program.

#include <filesystem>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Reproduce : public ::testing::Test {
 protected:
  [[nodiscard]] ProgramResult run(const std::vector<std::string>& arguments) const {
    return run_program(arguments, {{}, folder_.path(), 300});
  }
  [[nodiscard]] nlohmann::json reproduce(const std::vector<std::string>& more) const {
    const ProgramResult result = run(with({"runs", "reproduce", "--json", "--quiet"}, more));
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out, nullptr, false);
  }

  TemporaryFolder folder_;
};

TEST_F(Reproduce, AgreesToTheBitWithThreadsAndConfigurationOfTheRecord) {
  ASSERT_EQ(run(tiny_training({"--threads", "2", "--tag", "mine", "--name", "base", "--ema", "0.9"})).status, 0);
  const nlohmann::json result = reproduce({"base"});
  EXPECT_EQ(result.at("identical"), true) << result.dump(2);
  EXPECT_EQ(result.at("epochs_compared"), 2);
  EXPECT_EQ(result.at("environment").size(), 0u);
  EXPECT_EQ(result.at("dataset_changed"), false);
  ASSERT_EQ(result.at("checkpoints").size(), 2u);
  for (const auto& checkpoint : result.at("checkpoints")) {
    EXPECT_EQ(checkpoint.at("compared"), true);
    EXPECT_GT(checkpoint.at("tensors"), 100);
    EXPECT_EQ(checkpoint.at("differing").size(), 0u);
  }
  const nlohmann::json copy = json_of(folder_, {"runs", "show", "2"});
  EXPECT_EQ(copy.at("tags"), nlohmann::json({"reproduction"}));
  EXPECT_EQ(copy.at("environment").at("threads"), 2);
  EXPECT_THAT(copy.at("note").get<std::string>(), HasSubstr("run 1"));
  EXPECT_EQ(copy.at("config_hash"), json_of(folder_, {"runs", "show", "1"}).at("config_hash"));
  EXPECT_THAT(run({"runs", "reproduce", "1", "--compare", "2"}).out, HasSubstr("agrees to the bit with run 1"));
}

TEST_F(Reproduce, ADifferentSeedIsSeen) {
  ASSERT_EQ(run(tiny_training({"--epochs", "1"})).status, 0);
  ASSERT_EQ(run(tiny_training({"--epochs", "1", "--seed", "2"})).status, 0);
  const nlohmann::json result = reproduce({"1", "--compare", "2"});
  EXPECT_EQ(result.at("identical"), false);
  EXPECT_EQ(result.at("config")[0].at("key"), "seed");
  EXPECT_GT(result.at("checkpoints")[0].at("differing").size(), 50u);
}

TEST_F(Reproduce, AnInterruptedRunIsRepeatedForItsCompletedEpochs) {
  // Stopped as soon as the first of many epochs is on record.
  const std::string script =
      "'" DENSESHIFT_PROGRAM "'" + std::string(
                                       " train --quiet --arch resnet20 --wbits 3 --image-size 32 --limit-train 128 "
                                       "--limit-val 32 --batch-size 16 --epochs 50 --threads 1 & pid=$!; i=0; "
                                       "while [ $i -lt 600 ]; do grep -q '\"epoch\": [1-9]' "
                                       "denseshift-runs/1/last.json 2>/dev/null && break; i=$((i+1)); sleep 0.05; "
                                       "done; kill -TERM $pid; wait $pid");
  ASSERT_EQ(run_command({"/bin/sh", "-c", script}, {{}, folder_.path(), 300}).status, 130);
  const ProgramResult result = run({"runs", "reproduce", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("of 50 epochs: only those are repeated"));
  const nlohmann::json json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json.at("identical"), true) << json.dump(2);
  EXPECT_EQ(json.at("epochs_compared"), json.at("original_epochs"));
  EXPECT_LT(json.at("repeated_epochs"), 50);
}

TEST_F(Reproduce, StartsFromTheSamePretrainedRun) {
  ASSERT_EQ(run(tiny_training({"--method", "fp32", "--wbits", "32", "--epochs", "1", "--name", "base"})).status, 0);
  ASSERT_EQ(run(tiny_training({"--method", "twn", "--wbits", "2", "--epochs", "1", "--pretrained", "last"})).status, 0);
  const nlohmann::json result = reproduce({"2"});  // `last` means run 2 by now
  EXPECT_EQ(result.at("identical"), true) << result.dump(2);
  ASSERT_EQ(run({"runs", "delete", "1", "--yes"}).status, 0);
  const ProgramResult gone = run({"runs", "reproduce", "2"});
  EXPECT_EQ(gone.status, 2);
  EXPECT_THAT(gone.err, AllOf(HasSubstr("started from run 'last', which is no longer in"), HasSubstr("hint:")));
}

}  // namespace
}  // namespace denseshift::testing
