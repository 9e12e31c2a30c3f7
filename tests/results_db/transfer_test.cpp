// Merge, export, deletion of files.

#include <gmock/gmock.h>

#include <limits>

#include "results_db/export.h"
#include "results_db/merge.h"
#include "results_db/query.h"
#include "results_db/run_files.h"
#include "tests/results_db/fixture.h"

namespace denseshift::results_db {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::int64_t finished_run(RunStore& store, const std::string& name, std::int64_t parent = 0) {
  NewRun run = example_run(2, name);
  run.parent = parent;
  const std::int64_t id = store.create(run);
  store.set_directory(id, "/runs/" + name);
  store.record_metrics(id, 0, "val", {{"top1", 12.25}, {"loss", 0.1}});
  store.record_weight_stats(id, 0, {{"conv", {1, 2}}});
  store.record_artifact(id, {"checkpoint-last", "last.safetensors", 3, "ab"});
  store.finish(id, RunStatus::finished);
  return id;
}

class TransferTest : public ResultsTest {};

TEST_F(TransferTest, MergeTakesNewRunsWithAllTheirTables) {
  Database ours(path("ours.db"), OpenMode::create);
  RunStore our_store(ours);
  finished_run(our_store, "ours-1");
  finished_run(our_store, "ours-2");
  {
    Database theirs(path("theirs.db"), OpenMode::create);
    RunStore store(theirs);
    const std::int64_t parent = finished_run(store, "theirs-1");
    finished_run(store, "theirs-2");
    finished_run(store, "theirs-3", parent);
  }
  const std::string before = file_bytes(path("theirs.db"));
  const MergeReport report = merge(ours, path("theirs.db"));
  EXPECT_THAT(report.added, ElementsAre(Pair(1, 4), Pair(2, 5), Pair(3, 3))) << "free ids are kept, taken ones are not";
  EXPECT_EQ(report.present, 0);
  EXPECT_TRUE(file_bytes(path("theirs.db")) == before) << "the file changed";

  const Database theirs(path("theirs.db"), OpenMode::read_only);
  for (const auto& [old_id, new_id] : report.added) {
    nlohmann::ordered_json original = run_to_json(theirs, old_id);
    const nlohmann::ordered_json copy = run_to_json(ours, new_id);
    original["id"] = new_id;
    if (old_id == 3) original["parent"] = 4;
    EXPECT_EQ(copy, original);
  }
  EXPECT_EQ(std::get<std::string>(scalar(ours, "SELECT name FROM main.runs WHERE id = 2")), "ours-2");
  EXPECT_TRUE(is_null(scalar(ours, "PRAGMA foreign_key_check")));

  const MergeReport again = merge(ours, path("theirs.db"));
  EXPECT_THAT(again.added, IsEmpty());
  EXPECT_EQ(again.present, 3);
  EXPECT_EQ(integer(ours, "SELECT count(*) FROM main.runs"), 5);
  EXPECT_EQ(finished_run(our_store, "next"), 6);
}

TEST_F(TransferTest, MergeLeavesOutRunningRunsAndBuriesKilledOnes) {
  ASSERT_EQ(in_child([&] {
              Database theirs(path("theirs.db"), OpenMode::create);
              RunStore store(theirs);
              store.create(example_run(2, "killed"));
              ::_exit(5);
            }),
            5);
  Database theirs(path("theirs.db"), OpenMode::write);
  const std::int64_t live = RunStore(theirs).create(example_run(2, "live"));
  // create() has marked the dead run; put it back to what a database without a later writer holds.
  theirs.execute("UPDATE main.runs SET status = 'running' WHERE name = 'killed'");
  Database ours(path("ours.db"), OpenMode::create);
  const MergeReport report = merge(ours, path("theirs.db"));
  EXPECT_THAT(report.running, ElementsAre(live));
  ASSERT_EQ(report.added.size(), 1u);
  EXPECT_EQ(std::get<std::string>(scalar(ours, "SELECT status FROM main.runs")), "killed");
}

TEST_F(TransferTest, MergeRefusesWhatItCannotRead) {
  Database ours(path("ours.db"), OpenMode::create);
  EXPECT_EQ(error_of([&] { return merge(ours, path("ours.db")); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { return merge(ours, path("missing.db")); }).kind(), ErrorKind::input);
  write_text(path("text.db"), std::string(300, 'x'));
  EXPECT_EQ(error_of([&] { return merge(ours, path("text.db")); }).kind(), ErrorKind::input);
  {
    Database newer(path("newer.db"), OpenMode::create);
    newer.execute("PRAGMA user_version=99");
  }
  EXPECT_THAT(error_of([&] { return merge(ours, path("newer.db")); }).what(), HasSubstr("schema version 99"));
  EXPECT_EQ(integer(ours, "SELECT count(*) FROM main.runs"), 0);
}

TEST_F(TransferTest, AFailedMergeChangesNothing) {
  Database ours(path("ours.db"), OpenMode::create);
  {
    Database theirs(path("theirs.db"), OpenMode::create);
    RunStore store(theirs);
    finished_run(store, "good");
    finished_run(store, "bad");
    theirs.execute("PRAGMA ignore_check_constraints=1");
    theirs.execute("UPDATE main.runs SET status = 'nonsense' WHERE name = 'bad'");
  }
  EXPECT_EQ(error_of([&] { return merge(ours, path("theirs.db")); }).exit_status(), 1);
  EXPECT_EQ(integer(ours, "SELECT (SELECT count(*) FROM main.runs) + (SELECT count(*) FROM metrics)"), 0);
}

/// A reader of RFC 4180 written for this test.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        rows.back().back() += text[i++];
      } else if (c == '"') {
        quoted = false;
      } else {
        rows.back().back() += c;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\n') {
      rows.emplace_back(1);
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();
  return rows;
}

TEST_F(TransferTest, CsvReadsBackAsItWas) {
  Database database(path(), OpenMode::create);
  RunStore store(database);
  const std::vector<std::string> names = {"plain", "comma, quote \" and\nline", " blanks ", "漢字", "", "=1+1\r\n"};
  std::vector<std::int64_t> ids;
  for (const std::string& name : names) ids.push_back(finished_run(store, name));
  const double infinity = std::numeric_limits<double>::infinity();
  store.record_metrics(ids[0], 1, "val", {{"top1", 1.0 / 3}, {"loss", std::nan("")}, {"top5", infinity}});
  const auto csv = [&](const std::string& table) {
    std::string text;
    export_csv(database, table, ids, [&](std::string_view part) { text += part; });
    return parse_csv(text);
  };
  const auto runs = csv("runs");
  ASSERT_EQ(runs.size(), names.size() + 1);
  const auto column = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(runs[0].begin(), runs[0].end(), name) - runs[0].begin());
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(runs[i + 1].size(), runs[0].size());
    EXPECT_EQ(runs[i + 1].at(column("name")), names[i]);
    EXPECT_EQ(nlohmann::json::parse(runs[i + 1].at(column("config"))), nlohmann::json(example_run().config));
  }
  const auto metrics = csv("metrics");
  EXPECT_THAT(metrics[0], ElementsAre("run", "epoch", "split", "name", "value"));
  EXPECT_EQ(metrics[3][3], "loss");
  EXPECT_EQ(metrics[3][4], "") << "not a number";
  EXPECT_EQ(std::stod(metrics[4][4]), 1.0 / 3) << "every digit that matters";
  EXPECT_EQ(metrics[5][4], "inf");
  EXPECT_EQ(csv("epochs").size(), names.size() + 2);
  EXPECT_THAT(error_of([&] { csv("metrcs"); }).hint(), HasSubstr("metrics"));
}

TEST_F(TransferTest, JsonReadsBackAsItWas) {
  Database database(path(), OpenMode::create);
  RunStore store(database);
  const std::int64_t first = finished_run(store, "ünïcode \xff broken");
  const std::int64_t second = finished_run(store, "second");
  store.record_metrics(first, 1, "val", {{"top1", std::numeric_limits<double>::infinity()}, {"loss", 1.0 / 3}});
  std::string text;
  export_json(database, {first, second}, [&](std::string_view part) { text += part; });
  const auto json = nlohmann::json::parse(text);
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[1]["name"], "second");
  EXPECT_EQ(json[0]["config"], nlohmann::json(example_run().config));
  EXPECT_EQ(json[0]["metrics"].size(), 4u);
  EXPECT_EQ(json[0]["metrics"][2]["value"].get<double>(), 1.0 / 3);
  EXPECT_TRUE(json[0]["metrics"][3]["value"].is_null());
  EXPECT_EQ(json[0]["weight_stats"][0]["histogram"], nlohmann::json({1, 2}));
  EXPECT_EQ(json[0]["artifacts"][0]["sha256"], "ab");
  text.clear();
  export_json(database, {}, [&](std::string_view part) { text += part; });
  EXPECT_EQ(nlohmann::json::parse(text), nlohmann::json::array());
}

TEST_F(TransferTest, OnlyTheRunsOwnFilesAreRemoved) {
  std::filesystem::create_directories(path("mixed/sub"));
  write_text(path("mixed/last.safetensors"), "a");
  write_text(path("mixed/notes.txt"), "mine");
  write_text(path("outside.txt"), "mine too");
  RunRecord run;
  run.id = 7;
  run.run_dir = path("mixed");
  const std::vector<Artifact> artifacts = {{"checkpoint-last", "last.safetensors", 1, ""},
                                           {"odd", "../outside.txt", 1, ""},
                                           {"odd", path("outside.txt"), 1, ""},
                                           {"gone", "missing", 1, ""}};
  RemovedFiles removed = remove_run_files(run, artifacts);
  EXPECT_EQ(removed.files, 1u);
  EXPECT_FALSE(removed.kept.empty());
  EXPECT_TRUE(std::filesystem::exists(path("mixed/notes.txt")));
  EXPECT_TRUE(std::filesystem::exists(path("outside.txt")));

  std::filesystem::create_directories(path("7/deep"));
  write_text(path("7/deep/x"), "x");
  run.run_dir = path("7");
  removed = remove_run_files(run, {});
  EXPECT_EQ(removed.files, 1u);
  EXPECT_FALSE(std::filesystem::exists(path("7")));
  EXPECT_EQ(remove_run_files(run, {}).files, 0u) << "already gone";
}

}  // namespace
}  // namespace denseshift::results_db
