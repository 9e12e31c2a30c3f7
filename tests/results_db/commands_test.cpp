// `denseshift runs` and `denseshift query` as a user meets them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "results_db/store.h"
#include "tests/support/run_program.h"

namespace denseshift::results_db {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    Database database(folder_.file("r.db"), OpenMode::create);
    RunStore store(database);
    for (int wbits = 2; wbits <= 4; ++wbits) {
      NewRun run;
      run.command = "train";
      run.name = "w" + std::to_string(wbits) + ", \"ünïcode\"\n\x1b[31m";
      run.config = {{"arch", "resnet20"}, {"wbits", wbits}, {"dataset", "cifar10"}};
      const std::int64_t id = store.create(run);
      store.set_directory(id, folder_.file(std::to_string(id)));
      store.record_metrics(id, 1, "val", {{"top1", 60.0 + wbits}, {"loss", 1.0 / wbits}});
      store.finish(id, RunStatus::finished);
    }
  }

  [[nodiscard]] ::denseshift::testing::ProgramResult run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--db", folder_.file("r.db")});
    return ::denseshift::testing::run_program(arguments);
  }
  [[nodiscard]] nlohmann::json json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const auto result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out);
  }
  /// One error line and at most one hint, nothing on stdout, exit status 2.
  void expect_refused(const std::vector<std::string>& arguments, const std::string& text) const {
    const auto result = run(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, AllOf(StartsWith("denseshift: "), HasSubstr(text)));
    EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
  }

  ::denseshift::testing::TemporaryFolder folder_;
};

TEST_F(CommandsTest, ListFiltersSortsAndChoosesColumns) {
  const auto rows =
      json({"runs", "list", "--where", "wbits>2 and top1>60", "--sort", "top1", "--columns", "id,top1,val/loss"});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], (nlohmann::json{{"id", 2}, {"top1", 63.0}, {"val/loss", 1.0 / 3}}));
  const auto text = run({"runs", "list"});
  EXPECT_EQ(std::count(text.out.begin(), text.out.end(), '\n'), 4)
      << "a heading and three runs, whatever their names hold";
  EXPECT_EQ(text.out.find('\x1b'), std::string::npos) << "a name cannot steer the terminal";
}

TEST_F(CommandsTest, ShowDiffMetricsAndBest) {
  EXPECT_THAT(run({"runs", "show", "last"}).out,
              AllOf(HasSubstr("Run 3"), HasSubstr("Configuration"), HasSubstr("val/top1")));
  EXPECT_EQ(json({"runs", "show", "2"})["config"]["wbits"], 3);
  EXPECT_THAT(run({"runs", "diff", "1", "2"}).out, HasSubstr("wbits"));
  EXPECT_EQ(json({"runs", "metrics", "1", "--name", "top1"})[0]["value"], 62.0);
  EXPECT_EQ(json({"runs", "best", "--by", "top1"})[0]["id"], 3);
  EXPECT_EQ(json({"runs", "best", "--by", "top1", "--per", "wbits"}).size(), 3u);
}

TEST_F(CommandsTest, MistakesAreOneLine) {
  expect_refused({"runs", "list", "--where", "wbit=2"}, "no such column: wbit");
  expect_refused({"runs", "list", "--where", "1); DELETE FROM runs; --"}, "--where");
  expect_refused({"runs", "list", "--where", ""}, "empty");
  expect_refused({"runs", "list", "--sort", "tpo1"}, "did you mean top1?");
  expect_refused({"runs", "list", "--limit", "-3"}, "negative");
  expect_refused({"runs", "show", "99"}, "there is no run '99'");
  expect_refused({"runs", "show", "w"}, "several runs: 1, 2, 3");
  expect_refused({"runs", "shwo", "1"}, "did you mean show?");
  expect_refused({"runs", "tag", "1", "add"}, "which tag");
  expect_refused({"runs", "export", "--format", "xml"}, "xml");
  expect_refused({"runs", "merge", folder_.file("r.db")}, "into itself");
  expect_refused({"runs", "merge", folder_.write("text", "not a database")}, "not a results database");
  expect_refused({"query", "DELETE FROM runs"}, "only reading is possible");
  expect_refused({"query", "SELECT * FROM run"}, "did you mean runs?");
  expect_refused({"query", "SELECT 1; SELECT 2"}, "one statement");
  const auto missing = ::denseshift::testing::run_program({"runs", "list", "--db", folder_.file("none.db")});
  EXPECT_EQ(missing.status, 2);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("none.db")));
}

TEST_F(CommandsTest, QueryFormats) {
  const std::string sql = "SELECT id, top1 FROM runs ORDER BY id LIMIT 2";
  EXPECT_EQ(run({"query", sql, "--format", "csv"}).out, "id,top1\n1,62\n2,63\n");
  EXPECT_EQ(nlohmann::json::parse(run({"query", sql, "--format", "json"}).out)[1]["top1"], 63.0);
  EXPECT_THAT(run({"query", sql}).out, StartsWith("id"));
  EXPECT_EQ(json({"query", "SELECT 1 WHERE 0"}), nlohmann::json::array());
}

TEST_F(CommandsTest, TagDeleteExportMerge) {
  EXPECT_THAT(json({"runs", "tag", "1", "add", "a", "b"}), ElementsAre("a", "b"));
  EXPECT_THAT(json({"runs", "tag", "1", "remove", "a"}), ElementsAre("b"));
  EXPECT_EQ(json({"runs", "tag"})["b"], 1);
  EXPECT_EQ(run({"runs", "export", "--format", "json", "--out", folder_.file("o.json")}).status, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_.file("o.json")));
  const auto merged = ::denseshift::testing::run_program(
      {"runs", "merge", folder_.file("r.db"), "--db", folder_.file("m.db"), "--json"});
  EXPECT_EQ(nlohmann::json::parse(merged.out)["added"].size(), 3u);

  folder_.write("2/last.safetensors", "x");
  expect_refused({"runs", "delete", "2"}, "confirmation");
  EXPECT_EQ(json({"runs", "delete", "2", "--files", "--yes"})["files"], 1);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("2")));
  EXPECT_EQ(json({"runs", "list"}).size(), 2u);
}

TEST_F(CommandsTest, ExportForMlflow) {
  const std::string mlruns = folder_.file("ml runs");
  const auto first = json({"runs", "export", "--mlflow", mlruns});
  EXPECT_EQ(first["added"], 3);
  EXPECT_EQ(first["experiments"], nlohmann::json({"cifar10 classification"}));
  const auto again = run({"runs", "export", "2", "--mlflow", mlruns});
  EXPECT_THAT(again.out, AllOf(HasSubstr("added 0 runs and updated 1"),
                               HasSubstr("mlflow ui --backend-store-uri '" + mlruns + "'")));
  folder_.write("letters/a.txt", "dear");
  expect_refused({"runs", "export", "--mlflow", folder_.file("letters")}, "is not a folder of MLflow");
  expect_refused({"runs", "export", "--mlflow", mlruns, "--format", "csv"}, "--format does not go with --mlflow");
  expect_refused({"runs", "export", "--copy-artifacts"}, "--copy-artifacts belongs to --mlflow");
  expect_refused({"runs", "export", "--mlflow", mlruns, "--experiment", ""}, "empty");
}

TEST_F(CommandsTest, ReproduceShowsTheCommand) {
  const auto plan = json({"runs", "reproduce", "2", "--dry-run", "--threads", "3"});
  EXPECT_EQ(plan["original"], 2);
  EXPECT_EQ(plan["config"]["wbits"], 3);
  EXPECT_TRUE(plan["epochs"].is_null());
  EXPECT_THAT(plan["command"].get<std::string>(),
              AllOf(StartsWith("denseshift train --config FILE --threads 3 "), HasSubstr("--tag reproduction"),
                    HasSubstr("--time-budget 0"), HasSubstr("--db " + folder_.file("r.db"))));
  // With the file that the run wrote at its start, while it says what was recorded.
  folder_.write("2/config.json", plan["config"].dump());
  EXPECT_THAT(run({"runs", "reproduce", "2", "--dry-run"}).out, HasSubstr("--config " + folder_.file("2/config.json")));
  folder_.write("2/config.json", "{}");
  EXPECT_THAT(run({"runs", "reproduce", "2", "--dry-run"}).out, HasSubstr("--config FILE"));
}

TEST_F(CommandsTest, ReproduceComparesWithAnotherRun) {
  const auto result = json({"runs", "reproduce", "1", "--compare", "2"});
  EXPECT_EQ(result["identical"], false);
  EXPECT_EQ(result["config"][0]["key"], "wbits");
  EXPECT_EQ(result["metrics"][1]["largest_difference"], 1.0);
  EXPECT_THAT(run({"runs", "reproduce", "1", "--compare", "2"}).out,
              AllOf(HasSubstr("run 2 does not agree with run 1"), HasSubstr("val/top1"), HasSubstr("wbits")));
}

TEST_F(CommandsTest, ReproduceSaysWhyTheTrainingDidNotStart) {
  // Without LibTorch, or without the dataset, the training refuses with a line of its own.
  const auto result = run({"runs", "reproduce", "2", "--data", folder_.file("nowhere"), "--quiet"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(StartsWith("denseshift: "), HasSubstr("run 2 cannot be started again")));
  EXPECT_EQ(json({"runs", "list"}).size(), 3u);
}

TEST_F(CommandsTest, ReproduceRefusesWhatItCannotDo) {
  {
    Database database(folder_.file("r.db"), OpenMode::write);
    RunStore store(database);
    NewRun evaluation;
    evaluation.command = "eval";
    evaluation.name = "evaluation";
    store.finish(store.create(evaluation), RunStatus::finished);
    NewRun started;
    started.command = "train";
    started.name = "started";
    started.config = {{"arch", "resnet20"}, {"epochs", 4}, {"pretrained", "base"}};
    started.environment = {{"pretrained", {{"run", 99}}}};
    store.finish(store.create(started), RunStatus::failed);
    const std::int64_t orphan = store.create(started);
    store.record_metrics(orphan, 1, "val", {{"loss", 1}});
    store.finish(orphan, RunStatus::failed);
  }
  expect_refused({"runs", "reproduce", "evaluation"}, "is no training (eval)");
  expect_refused({"runs", "reproduce", "5"}, "has no completed epoch");
  expect_refused({"runs", "reproduce", "6"}, "started from run 'base', which is no longer in");
  expect_refused({"runs", "reproduce", "99"}, "there is no run '99'");
  expect_refused({"runs", "reproduce", "1", "--compare", "1"}, "is the run itself");
  expect_refused({"runs", "reproduce", "1", "--compare", "2", "--threads", "1"}, "--threads does not go with");
}

TEST_F(CommandsTest, ALiveRunIsNotDeleted) {
  Database database(folder_.file("r.db"), OpenMode::write);
  const std::int64_t live = RunStore(database).create(NewRun{});
  expect_refused({"runs", "delete", "1", std::to_string(live), "--yes"}, "still running");
  EXPECT_EQ(json({"runs", "list"}).size(), 4u);
}

}  // namespace
}  // namespace denseshift::results_db
