// What a training records beside its metrics: weight traces, statistics for every method, TensorBoard and text logs.

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

nlohmann::json rows(const TemporaryFolder& folder, const std::string& sql) {
  return json_of(folder, {"query", sql, "--format", "json"});
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::vector<std::string> kTraced = {"--trace-weights", "3", "--trace-every", "3"};
const char* const kTraces = "SELECT layer, weight, step, epoch, value, trained FROM weight_traces ORDER BY 1, 2, 3";
const char* const kHistograms =
    "SELECT epoch, layer, tensor, low, high, counts FROM weight_histograms ORDER BY 1, 2, 3";
const char* const kStats = "SELECT * FROM weight_stats ORDER BY epoch, layer";

TEST(Traces, HoldReferencesAndTheWeightTheyStandFor) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training(with(kTraced, {"--accumulate", "2"})), {{}, folder.path(), 120}).status, 0);
  // 2 epochs of 8 steps are 8 updates: 0, 3, 6, and the last.
  EXPECT_EQ(rows(folder, "SELECT DISTINCT step, epoch FROM weight_traces ORDER BY 1").dump(),
            R"([{"epoch":0.0,"step":0},{"epoch":0.75,"step":3},{"epoch":1.5,"step":6},{"epoch":2.0,"step":8}])");
  const nlohmann::json traces = rows(folder, kTraces);
  EXPECT_EQ(traces.size(), 18u * 3u * 4u);  // resnet20 has 18 quantized convolutions
  bool moved = false;
  for (const nlohmann::json& row : traces) {
    const auto trained = nlohmann::json::parse(row.at("trained").get<std::string>());
    // Paper Eq. 3-4 with three gates: S_t = H(w_t) (S_{t-1} + 1).
    int shift = 0;
    for (const char* gate : {"w_1", "w_2", "w_3"}) shift = trained.at(gate).get<double>() > 0 ? shift + 1 : 0;
    const double sign = trained.at("w_sign").get<double>() > 0 ? 1 : -1;
    EXPECT_EQ(row.at("value").get<double>(), sign * (1 << shift)) << row;
    moved = moved || row.at("step") == 8;
  }
  EXPECT_TRUE(moved);
  const nlohmann::json histograms = rows(folder, kHistograms);
  EXPECT_EQ(histograms.size(), 3u * 18u * 4u);  // epochs 0, 1, 2; w_sign, w_1, w_2, w_3
  for (const nlohmann::json& row : histograms) {
    EXPECT_EQ(nlohmann::json::parse(row.at("counts").get<std::string>()).size(), 101u);
    EXPECT_EQ(row.at("low").get<double>(), -row.at("high").get<double>());
  }
  const ProgramResult shown = run_program({"runs", "show", "1"}, {{}, folder.path(), 60});
  EXPECT_THAT(shown.out, HasSubstr("54 weights in 18 layers at 4 steps"));
  EXPECT_EQ(json_of(folder, {"runs", "show", "1"}).at("traces").at("weights"), 54);
}

TEST(Traces, RecordingChangesNoResult) {
  const TemporaryFolder plain, recorded;
  // lr-net draws from the global generator in every step.
  const std::vector<std::string> method = {"--method", "lr-net",          "--wbits",
                                           "2",        "--method-option", "evaluation=sample"};
  ASSERT_EQ(run_program(tiny_training(with(method, {"--weight-stats-every", "0"})), {{}, plain.path(), 120}).status, 0);
  ASSERT_EQ(run_program(tiny_training(with(method, {"--trace-weights", "5", "--trace-every", "1", "--tensorboard", "tb",
                                                    "--log", "log.csv"})),
                        {{}, recorded.path(), 120})
                .status,
            0);
  for (const std::string& name :
       differing_tensors(checkpoint_file(plain, 1, "last"), checkpoint_file(recorded, 1, "last"))) {
    EXPECT_THAT(name, HasSubstr("hook.freezing"));
  }
}

/// Metrics, traces, statistics and logs of a run that was stopped in an epoch are those of one that was not.
void expect_same_records(const std::vector<std::string>& options, const std::string& signal) {
  const TemporaryFolder whole, cut;
  const std::vector<std::string> arguments =
      tiny_training(with(options, {"--checkpoint-every", "2", "--trace-weights", "2", "--trace-every", "1", "--log",
                                   "log.jsonl", "--tensorboard", "tb", "--name", "w"}));
  ASSERT_EQ(run_program(arguments, {{}, whole.path(), 120}).status, 0);
  ASSERT_NE(run_and_signal(cut, arguments, signal).status, 0);
  const ProgramResult resumed = run_program({"train", "--resume", "1", "--quiet"}, {{}, cut.path(), 120});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  for (const char* sql : {kTraces, kHistograms, kStats}) {
    const nlohmann::json expected = rows(whole, sql);
    EXPECT_THAT(expected, Not(IsEmpty())) << sql;
    EXPECT_TRUE(rows(cut, sql) == expected) << sql;
  }
  EXPECT_EQ(result_metrics(cut, "1"), result_metrics(whole, "1"));
  std::vector<int> epochs;
  std::istringstream log(text_of(cut.file("log.jsonl")));
  for (std::string line; std::getline(log, line);) epochs.push_back(nlohmann::json::parse(line).at("epoch"));
  EXPECT_EQ(epochs, (std::vector<int>{1, 2}));
  const auto files = [](const TemporaryFolder& folder) {
    return std::distance(std::filesystem::directory_iterator(folder.file("tb/w")), {});
  };
  EXPECT_EQ(files(whole), 1);
  EXPECT_EQ(files(cut), 2) << "a resumed run adds a file to its folder";
}

TEST(Records, SurviveSigkill) { expect_same_records({"--accumulate", "2"}, "KILL"); }

TEST(Records, SurviveAStop) { expect_same_records({"--method", "lq-nets", "--wbits", "2"}, "TERM"); }

TEST(Records, OfFullPrecisionAreRoundedToLevels) {
  expect_same_records({"--method", "fp32", "--wbits", "32", "--stats-levels", "3"}, "KILL");
}

TEST(Records, FullPrecisionIsSeenThroughDenseShiftsLevels) {
  const TemporaryFolder folder;
  const std::vector<std::string> fp32 = {"--method", "fp32", "--wbits", "32", "--epochs", "1", "--trace-weights", "2"};
  ASSERT_EQ(run_program(tiny_training(with(fp32, {"--stats-levels", "2"})), {{}, folder.path(), 120}).status, 0);
  const nlohmann::json stats =
      rows(folder, "SELECT layer, histogram, frozen_fraction FROM weight_stats ORDER BY layer");
  EXPECT_EQ(stats.size(), 18u) << "the layers that denseshift would quantize";
  for (const nlohmann::json& row : stats) {
    const auto histogram = nlohmann::json::parse(row.at("histogram").get<std::string>());
    ASSERT_EQ(histogram.size(), 4u);
    for (const auto& count : histogram) EXPECT_GT(count.get<int>(), 0) << row;
  }
  for (const nlohmann::json& row : rows(folder, kTraces)) {
    const auto trained = nlohmann::json::parse(row.at("trained").get<std::string>());
    EXPECT_EQ(trained.at("weight").get<float>(), row.at("value").get<float>());
  }
  ASSERT_EQ(run_program(tiny_training(fp32), {{}, folder.path(), 120}).status, 0);
  EXPECT_EQ(rows(folder, "SELECT count(*) AS n FROM weight_stats WHERE run = 2")[0].at("n"), 0);
}

TEST(Logs, CsvHasEverySplitAndTheDatabasesValues) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training({"--log", "metrics.csv"}), {{}, folder.path(), 120}).status, 0);
  std::istringstream csv(text_of(folder.file("metrics.csv")));
  std::vector<std::string> lines;
  for (std::string line; std::getline(csv, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 1u + 2u * 3u);
  EXPECT_THAT(lines[0], HasSubstr("run,uid,epoch,split,time,loss,top1,top5,lr,images_per_second"));
  EXPECT_THAT(lines[0], HasSubstr("frozen_fraction"));
  EXPECT_THAT(lines[5], HasSubstr(",2,val,"));
  const double loss = result_metrics(folder, "1").at("2 val loss");
  EXPECT_THAT(lines[5], HasSubstr("," + nlohmann::json(loss).dump() + ","));
  const ProgramResult shown = run_program({"runs", "show", "1"}, {{}, folder.path(), 60});
  EXPECT_THAT(shown.out, HasSubstr(folder.file("metrics.csv")));
}

TEST(Logs, AnUnusableFileIsAnErrorBeforeAnythingIsRecorded) {
  const TemporaryFolder folder;
  const ProgramResult ending = run_program(tiny_training({"--log", "metrics.txt"}), {{}, folder.path(), 60});
  EXPECT_EQ(ending.status, 2);
  EXPECT_THAT(ending.err, HasSubstr("log: 'metrics.txt' is neither a .csv nor a .jsonl file"));
  EXPECT_THAT(ending.err, HasSubstr("hint: "));
  folder.write("taken.csv", "a,b\n1,2\n");
  const ProgramResult taken = run_program(tiny_training({"--log", "taken.csv"}), {{}, folder.path(), 60});
  EXPECT_EQ(taken.status, 2);
  EXPECT_THAT(taken.err, HasSubstr("taken.csv exists and is no log of denseshift"));
  EXPECT_EQ(text_of(folder.file("taken.csv")), "a,b\n1,2\n");
  EXPECT_FALSE(std::filesystem::exists(folder.file("denseshift.db")));
}

}  // namespace
}  // namespace denseshift::testing
