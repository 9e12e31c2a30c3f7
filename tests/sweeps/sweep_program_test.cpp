// `denseshift sweep` and its Slurm launcher as a user meets them. Nothing is trained: runs are recorded by the test
// under the hashes that the program plans.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/results_db/fixture.h"
#include "tests/support/run_program.h"

namespace denseshift::sweeps {
namespace {

namespace fs = std::filesystem;
using ::denseshift::testing::ProgramResult;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kBase = R"("base": {"arch": "resnet20", "wbits": 2, "init": "lvr", "image_size": 32}, )";

class SweepTest : public ::testing::Test {
 protected:
  [[nodiscard]] ProgramResult run(const std::vector<std::string>& arguments) const {
    ::denseshift::testing::ProgramOptions options;
    options.directory = folder_.path();
    options.environment = {{"PATH", folder_.file("bin")}};
    return ::denseshift::testing::run_program(arguments, options);
  }
  [[nodiscard]] nlohmann::json json(const std::vector<std::string>& arguments) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out);
  }
  void fake(const std::string& name, const std::string& body) const {
    fs::permissions(folder_.write("bin/" + name, "#!/bin/sh\n" + body + "\n"), fs::perms::owner_all);
  }
  /// A finished run of one planned training.
  void record(const std::string& db, const std::string& hash, double top1) const {
    results_db::Database database(folder_.file(db), results_db::OpenMode::create);
    results_db::RunStore store(database);
    results_db::NewRun run = results_db::example_run();
    run.config_hash = hash;
    const std::int64_t id = store.create(run);
    store.record_metrics(id, 0, "val", {{"top1", top1}});
    store.finish(id, results_db::RunStatus::finished);
  }
  /// Runs for everything that is missing; the value of a training is found by its label.
  void record_all(const std::string& file, const std::vector<std::pair<std::string, double>>& values) const {
    for (const auto& job : json({"sweep", file, "--dry-run", "--json"})) {
      for (const auto& [part, value] : values) {
        if (job["label"].get<std::string>().find(part) != std::string::npos) {
          record("denseshift.db", job["config_hash"].get<std::string>(), value);
        }
      }
    }
  }

  ::denseshift::testing::TemporaryFolder folder_;
};

TEST_F(SweepTest, PlansThenRanks) {
  folder_.write("s.json", "{\"search\": \"grid\", " + kBase + R"("space": {"lr": [0.1, 0.01, 0.3]}, "seeds": 2})");
  const ProgramResult plan = run({"sweep", "s.json", "--dry-run"});
  EXPECT_EQ(plan.status, 0) << plan.err;
  EXPECT_THAT(plan.out, AllOf(HasSubstr("s: lr=0.1 seed=1"), HasSubstr("denseshift train "), HasSubstr("--lr=0.3"),
                              HasSubstr("0 of 6 trainings are done")));
  EXPECT_FALSE(fs::exists(folder_.file("denseshift.db")));
  record_all("s.json", {{"lr=0.1 seed=1", 60}, {"lr=0.1 seed=2", 62}, {"lr=0.01 ", 70}, {"lr=0.3 ", 61}});

  const ProgramResult table = run({"sweep", "s.json"});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("val/top1"));
  const auto ranks = json({"sweep", "s.json", "--json"})["trials"];
  ASSERT_EQ(ranks.size(), 3u);
  EXPECT_EQ(ranks[0]["keys"], (nlohmann::json{{"lr", 0.01}}));
  EXPECT_EQ(ranks[1]["keys"], (nlohmann::json{{"lr", 0.1}})) << "61 against 61: the earlier trial";
  EXPECT_EQ(ranks[1]["mean"], 61.0);
  EXPECT_NEAR(ranks[1]["spread"].get<double>(), 1.41421356, 1e-8);
  EXPECT_EQ(ranks[0]["runs"].size(), 2u);
}

TEST_F(SweepTest, HalvingPlansTheNextRungFromResults) {
  folder_.write("h.json", "{\"search\": \"halving\", " + kBase +
                              R"("space": {"lr": [0.1, 0.2, 0.3, 0.4]}, "halving": {"epochs": [1, 3]}})");
  EXPECT_THAT(
      run({"sweep", "h.json", "--dry-run"}).out,
      AllOf(HasSubstr("0 of 4 trainings"), HasSubstr("then rung 2: the best 2 trials, 2 trainings of 3 epochs")));
  record_all("h.json", {{"lr=0.1 ", 10}, {"lr=0.2 ", 40}, {"lr=0.3 ", 20}, {"lr=0.4 ", 30}});
  const ProgramResult second = run({"sweep", "h.json", "--dry-run"});
  EXPECT_THAT(second.out, AllOf(HasSubstr("lr=0.2 epochs=3"), HasSubstr("lr=0.4 epochs=3"), Not(HasSubstr("lr=0.3")),
                                HasSubstr("0 of 2 trainings")));
  record_all("h.json", {{"lr=0.2 ", 55}, {"lr=0.4 ", 66}});
  const auto ranks = json({"sweep", "h.json", "--json"})["trials"];
  std::vector<double> order;
  for (const auto& trial : ranks) order.push_back(trial["keys"]["lr"].get<double>());
  EXPECT_THAT(order, ElementsAre(0.4, 0.2, 0.3, 0.1)) << "later rungs first";
  EXPECT_EQ(ranks[0]["epochs"], 3);
  EXPECT_EQ(ranks[3]["epochs"], 1);
}

TEST_F(SweepTest, MistakesAreOneLine) {
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& text) {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, AllOf(StartsWith("denseshift: "), HasSubstr(text)));
    EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
  };
  folder_.write("bad.json", "{\"search\": \"grid\",\n\"space\": {\"rl\": [1]}}");
  folder_.write("s.json", "{\"search\": \"grid\", " + kBase + R"("space": {"lr": [0.1]}})");
  refused({"sweep", "bad.json"}, "bad.json:2: rl: unknown configuration key");
  refused({"sweep", "none.json"}, "none.json");
  refused({"sweep"}, "missing file");
  refused({"sweep", "s.json", "--launcher", "slrm"}, "did you mean slurm?");
  refused({"sweep", "s.json", "--partition", "gpu"}, "--partition belongs to --launcher=slurm");
  refused({"sweep", "s.json", "--launcher", "slurm", "--on-failure", "stop"}, "not possible with Slurm");
  refused({"sweep", "s.json", "--launcher", "slurm"}, "sbatch is not on PATH");
  EXPECT_FALSE(fs::exists(folder_.file("denseshift-slurm")));
  refused({"worker", "none", "0"}, "cell-0.json");
  EXPECT_THAT(run({"--help"}).out, Not(HasSubstr("worker")));
}

TEST_F(SweepTest, SlurmFromSubmissionToMergedResults) {
  folder_.write("s.json", "{\"search\": \"grid\", " + kBase + R"("space": {"lr": [0.1, 0.01]}})");
  fake("sbatch", "echo \"$@\" >> calls; echo $((100 + $(/usr/bin/wc -l < calls)))");
  fake("squeue", "exit 0");
  const std::vector<std::string> words = {
      "sweep", "s.json", "--launcher=slurm", "--slurm-folder=out", "--jobs=1", "--slurm-option=--account=lab"};
  auto dry = words;
  dry.emplace_back("--dry-run");
  EXPECT_THAT(run(dry).out, AllOf(HasSubstr("wave-1.sh: 2 tasks"), HasSubstr("merge.sh")));
  EXPECT_FALSE(fs::exists(folder_.file("out")));

  const ProgramResult submitted = run(words);
  EXPECT_EQ(submitted.status, 0) << submitted.err;
  EXPECT_THAT(submitted.out, HasSubstr("submitted 2 tasks as 101 and their merge as 102"));
  EXPECT_THAT(results_db::file_bytes(folder_.file("out/wave-1.sh")),
              AllOf(HasSubstr("--array=0-1%1\n"), HasSubstr("--account=lab\n")));
  const auto state = nlohmann::json::parse(results_db::file_bytes(folder_.file("out/submitted.json")));
  ASSERT_EQ(state["cells"].size(), 2u);

  record("out/cell-0.db", state["cells"][0]["config_hash"].get<std::string>(), 50);
  const ProgramResult done = run({"worker", "out", "0"});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("cell 0 is done"));
  EXPECT_THAT(run({"worker", "out", "--merge"}).out, HasSubstr("merged 1 runs; 1 cells have no finished run"));
  fake("squeue", "echo 101_1");
  EXPECT_THAT(run({"sweep", "s.json", "--launcher=slurm", "--slurm-folder=again"}).err,
              HasSubstr("lr=0.01 seed=1: queued already"));
}

}  // namespace
}  // namespace denseshift::sweeps
