// `report` through the real program, on databases filled here.

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "experiments/studies/cells.h"
#include "experiments/studies/study.h"
#include "results_db/store.h"
#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A database with one finished run for each seed up to `seeds` of the first row of a study.
void record_first_row(const std::string& file, const std::string& study_name, const std::string& scale_name,
                      int seeds) {
  const experiments::StudyCatalog catalog;
  const experiments::Study& study = catalog.get(study_name);
  const experiments::StudyScale& scale = study.scale(scale_name);
  results_db::Database database(file, results_db::OpenMode::create);
  results_db::RunStore store(database);
  for (int seed = 1; seed <= seeds; ++seed) {
    const experiments::StudyCell cell = experiments::study_cell(study, scale, study.rows.front(), study.columns.front(),
                                                                static_cast<std::uint64_t>(seed));
    results_db::NewRun run;
    run.command = "train";
    run.config = {{"seed", seed}};
    run.config_hash = cell.config_hash;
    run.recipe_hash = cell.recipe_hash;
    const std::int64_t id = store.create(run);
    const experiments::MetricReference& metric = study.columns.front().metric;
    store.record_metrics(id, 1, metric.split, {{metric.name, 60.0}});
    store.record_metrics(id, 2, metric.split, {{metric.name, 50.0 + seed}});
    store.finish(id, results_db::RunStatus::finished);
  }
}

nlohmann::json first_cell(const ProgramResult& result) {
  const auto json = nlohmann::json::parse(result.out);
  return json.at(0).at("rows").at(0).at("cells").begin().value();
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Report, PrintsAllRowsFromAnEmptyFolder) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program({"report", "table1"}, {.directory = folder.path()});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("denseshift.db does not exist"));
  EXPECT_THAT(result.out, AllOf(HasSubstr("scale     smoke"), HasSubstr("0 of 26 cells filled"), HasSubstr("68.90"),
                                HasSubstr("denseshift ablate table1 --scale smoke")));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Report, ShowsMeanSpreadAndRunsOfADatabase) {
  const TemporaryFolder folder;
  record_first_row(folder.file("denseshift.db"), "table1", "small", 2);
  const ProgramResult text = run_program({"report", "table1", "--runs"}, {.directory = folder.path()});
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.err, IsEmpty());
  EXPECT_THAT(text.out, AllOf(HasSubstr("scale     small"), HasSubstr("51.50 ±0.71"), HasSubstr("1 of 26 cells"),
                              ContainsRegex(" 1 2 +69\\.60 +-18\\.10\n")));

  const auto cell = first_cell(run_program({"report", "table1", "--json"}, {.directory = folder.path()}));
  EXPECT_EQ(cell.at("measured"), 51.5);
  EXPECT_EQ(cell.at("runs").size(), 2U);
}

TEST(Report, BestValuesSeedsAndCommands) {
  const TemporaryFolder folder;
  record_first_row(folder.file("denseshift.db"), "table1", "smoke", 2);
  const ProgramResult result =
      run_program({"report", "table1", "--value", "best", "--seeds", "4", "--json"}, {.directory = folder.path()});
  const auto cell = first_cell(result);
  EXPECT_EQ(cell.at("measured"), 60.0);
  EXPECT_EQ(cell.at("wanted"), 4);
  EXPECT_EQ(cell.at("commands").size(), 2U);
  EXPECT_THAT(run_program({"report", "table1", "--seeds", "4", "--commands"}, {.directory = folder.path()}).out,
              AllOf(HasSubstr("denseshift train "), HasSubstr("ablate table1 --scale smoke --seeds 4")));
}

TEST(Report, ScalesAreNeverMixed) {
  const TemporaryFolder folder;
  record_first_row(folder.file("denseshift.db"), "table1", "smoke", 1);
  record_first_row(folder.file("denseshift.db"), "table1", "small", 1);
  const auto both =
      nlohmann::json::parse(run_program({"report", "table1", "--json"}, {.directory = folder.path()}).out);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0]["scale"], "smoke");
  EXPECT_EQ(both[1]["scale"], "small");
  for (const auto& table : both) EXPECT_EQ(table["filled"], 1);
  const auto paper = nlohmann::json::parse(
      run_program({"report", "table1", "--scale", "paper", "--json"}, {.directory = folder.path()}).out);
  ASSERT_EQ(paper.size(), 1U);
  EXPECT_EQ(paper[0]["filled"], 0);
}

TEST(Report, AllInEveryFormat) {
  const TemporaryFolder folder;
  record_first_row(folder.file("denseshift.db"), "table10", "smoke", 1);
  for (const char* format : {"text", "md", "latex", "csv", "json"}) {
    const ProgramResult result = run_program({"report", "all", "--format", format}, {.directory = folder.path()});
    EXPECT_EQ(result.status, 0) << format << result.err;
    for (const char* study : {"table1", "table5", "table10"}) EXPECT_THAT(result.out, HasSubstr(study)) << format;
  }
  EXPECT_EQ(run_program({"report", "all", "table1", "--json"}, {.directory = folder.path()}).out,
            run_program({"report", "all", "--json"}, {.directory = folder.path()}).out);
}

TEST(Report, WritesAFileWholeOrNotAtAll) {
  const TemporaryFolder folder;
  const ProgramOptions there = {.directory = folder.path()};
  const ProgramResult result = run_program({"report", "table1", "--format", "csv", "--out", "t.csv"}, there);
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, IsEmpty());
  std::ostringstream text;
  text << std::ifstream(folder.file("t.csv")).rdbuf();
  EXPECT_EQ(text.str(), run_program({"report", "table1", "--format", "csv"}, there).out);
  EXPECT_EQ(lines_of(text.str()), 27U);
  EXPECT_EQ(run_program({"report", "table1", "--out", "missing/t.txt"}, there).status, 1);
  EXPECT_EQ(run_program({"report", "tabel1", "--out", "u.txt"}, there).status, 2);
  EXPECT_FALSE(std::filesystem::exists(folder.file("u.txt")));
}

TEST(Report, ListsStudies) {
  const TemporaryFolder folder;
  const ProgramResult text = run_program({"report", "--list"}, {.directory = folder.path()});
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.err, IsEmpty());
  EXPECT_THAT(text.out, AllOf(HasSubstr("\ntable1 "), HasSubstr("\ntable10"), HasSubstr("fig1")));
  const auto json = nlohmann::json::parse(run_program({"report", "--list", "--json"}).out);
  EXPECT_EQ(json.size() + 1, lines_of(text.out));
}

TEST(Report, MistakesAreOneLineWithTheNearest) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"report", "tabel1"}, "table1"},
      {{"report", "table1", "--format", "latx"}, "latex"},
      {{"report", "table1", "--scale", "smal"}, "small"},
      {{"report", "table1", "--value", "bset"}, "best"},
      {{"report", "table1", "--seeds", "0"}, "from 1"},
      {{"report", "table1", "--comands"}, "--commands"},
      {{"report", "table1", "--json", "--format", "csv"}, "exclude"},
      {{"report"}, "report --list"},
  };
  const TemporaryFolder folder;
  for (const auto& [words, part] : mistakes) {
    const ProgramResult result = run_program(words, {.directory = folder.path()});
    EXPECT_EQ(result.status, 2) << part;
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, AllOf(HasSubstr(part), Not(HasSubstr("does not exist"))));
    EXPECT_LE(lines_of(result.err), 2U) << result.err;
  }
}

TEST(Report, AFileThatIsNoDatabaseIsAnError) {
  const TemporaryFolder folder;
  folder.write("denseshift.db", "this is no database, but it is long enough to be looked at");
  const ProgramResult result = run_program({"report", "table1"}, {.directory = folder.path()});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("denseshift.db"));
}

}  // namespace
}  // namespace denseshift::testing
