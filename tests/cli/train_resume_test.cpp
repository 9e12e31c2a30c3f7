// A training that is killed or stopped in the middle of an epoch and resumed ends with the bits of an uninterrupted
// one.

#include <filesystem>
#include <fstream>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// State in every corner: momentum, average, half-summed gradients, augmentation, weight statistics.
const std::vector<std::string> kEverything = {
    "--ema", "0.9", "--accumulate", "2", "--warmup-epochs", "0.5", "--label-smoothing", "0.1", "--clip-grad-norm", "5"};

void expect_same_end(const std::vector<std::string>& options, const std::string& signal, int expected_status,
                     const std::string& shown) {
  const TemporaryFolder whole, cut;
  const std::vector<std::string> arguments =
      with(tiny_training(with(kEverything, options)), {"--checkpoint-every", "2"});
  ASSERT_EQ(run_program(arguments, {{}, whole.path(), 120}).status, 0);

  const ProgramResult stopped = run_and_signal(cut, arguments, signal);
  ASSERT_EQ(stopped.status, expected_status) << stopped.err;
  const nlohmann::json runs = json_of(cut, {"runs", "list"});
  ASSERT_EQ(runs.size(), 1u);
  ASSERT_EQ(runs[0].at("status"), shown);
  std::ifstream file(cut.file("denseshift-runs/1/last.json"));
  const nlohmann::json position = nlohmann::json::parse(file).at("position");
  ASSERT_GT(position.at("step").get<int>(), 0) << "the stop did not come in the middle of an epoch";

  const ProgramResult resumed = run_program({"train", "--resume", "1", "--quiet"}, {{}, cut.path(), 120});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.err, IsEmpty());
  EXPECT_THAT(differing_tensors(checkpoint_file(whole, 1, "last"), checkpoint_file(cut, 1, "last")), IsEmpty());
  EXPECT_THAT(differing_tensors(checkpoint_file(whole, 1, "best"), checkpoint_file(cut, 1, "best")), IsEmpty());
  const auto expected = result_metrics(whole, "1");
  // Two epochs of train loss, top1, top5, lr, val loss, top1, top5, and six statistics of the weights.
  EXPECT_EQ(expected.size(), 2u * 13u);
  EXPECT_EQ(result_metrics(cut, "1"), expected);
}

TEST(Resume, AfterSigkillIsBitForBitTheUninterruptedRun) { expect_same_end({}, "KILL", 128 + 9, "killed"); }

TEST(Resume, AfterSigtermIsBitForBitTheUninterruptedRun) { expect_same_end({}, "TERM", 130, "interrupted"); }

TEST(Resume, OfAdamwIsBitForBitTheUninterruptedRun) {
  expect_same_end({"--optimizer", "adamw", "--lr", "0.001"}, "INT", 130, "interrupted");
}

TEST(Resume, ATimeBudgetStopsAndSaves) {
  const TemporaryFolder folder;
  const ProgramResult stopped = run_program(tiny_training({"--time-budget", "0.0001"}), {{}, folder.path(), 120});
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("time budget"));
  EXPECT_THAT(stopped.out, HasSubstr("denseshift train --resume 1"));
  EXPECT_TRUE(std::filesystem::exists(folder.file("denseshift-runs/1/last.json")));
}

TEST(Resume, RefusesKeysThatDecideTheResult) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training({"--epochs", "1"}), {{}, folder.path(), 120}).status, 0);
  const ProgramResult changed = run_program({"train", "--resume", "1", "--lr", "0.2"}, {{}, folder.path(), 60});
  EXPECT_EQ(changed.status, 2);
  EXPECT_THAT(changed.err, HasSubstr("lr: cannot change when a run is resumed"));
  const ProgramResult done = run_program({"train", "--resume", "1"}, {{}, folder.path(), 60});
  EXPECT_EQ(done.status, 2);
  EXPECT_THAT(done.err, HasSubstr("has all its 1 epochs"));
  // More epochs continue a finished run.
  const ProgramResult longer =
      run_program({"train", "--resume", "1", "--epochs", "2", "--quiet"}, {{}, folder.path(), 120});
  EXPECT_EQ(longer.status, 0) << longer.err;
  EXPECT_EQ(json_of(folder, {"runs", "list"})[0].at("status"), "finished");
}

TEST(Resume, TheLoaderThreadsDoNotChangeTheResult) {
  const TemporaryFolder one, three;
  ASSERT_EQ(run_program(tiny_training({"--epochs", "1", "--workers", "0"}), {{}, one.path(), 120}).status, 0);
  ASSERT_EQ(run_program(tiny_training({"--epochs", "1", "--workers", "3"}), {{}, three.path(), 120}).status, 0);
  EXPECT_THAT(differing_tensors(checkpoint_file(one, 1, "last"), checkpoint_file(three, 1, "last")), IsEmpty());
}

}  // namespace
}  // namespace denseshift::testing
