// The embedded studies, study files from disk, and what a database makes of them.

#include "experiments/studies/study.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "core/util/error.h"
#include "experiments/report/study_result.h"
#include "experiments/studies/cells.h"
#include "results_db/store.h"
#include "tests/support/run_program.h"

namespace denseshift::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "no error";
}

TEST(Studies, EveryTableAndFigureOfThePaperIsThere) {
  const StudyCatalog catalog;
  for (const char* name :
       {"table1", "table2",       "table3",  "table4",  "table5", "table6",    "table7",   "table8",
        "table9", "table10",      "kernels", "rescale", "init",   "zero-free", "freezing", "activation-bits",
        "epochs", "weight-decay", "methods", "fig1",    "fig4",   "fig5"}) {
    EXPECT_NO_THROW((void)catalog.get(name)) << name;
  }
  EXPECT_EQ(catalog.get("table1").rows.size(), 26U);
  EXPECT_THAT(error_of([&] { (void)catalog.get("tabel1"); }), HasSubstr("did you mean table1?"));
}

TEST(Studies, EveryCellOfEveryScaleIsAConfigurationOfItsOwn) {
  const StudyCatalog catalog;
  for (const Study& study : catalog.studies()) {
    for (const StudyScale& scale : study.scales) {
      const std::vector<StudyCell> cells = study_cells(study, scale, 2);
      std::set<std::string> seen;
      for (const StudyCell& cell : cells) {
        EXPECT_TRUE(seen.insert(cell.config_hash).second) << study.name << ' ' << cell.row;
        if (!cell.depends_on.empty()) {
          EXPECT_TRUE(seen.contains(cell.depends_on)) << study.name << ' ' << cell.row << " comes before its start";
        }
      }
      EXPECT_EQ(cells.empty(), !task_is_built(study.task)) << study.name << ' ' << scale.name;
    }
  }
}

TEST(Studies, PretrainedRowsNameTheStartWithoutRunNumbers) {
  const StudyCatalog catalog;
  const Study& table1 = catalog.get("table1");
  const StudyScale& scale = table1.scale("smoke");
  const StudyColumn& column = table1.columns.front();
  const StudyCell base = study_cell(table1, scale, table1.row("fp32"), column, 2);
  const StudyCell inq = study_cell(table1, scale, table1.row("inq-w2"), column, 2);
  EXPECT_EQ(inq.config.pretrained, "recipe:" + base.recipe_hash);
  EXPECT_EQ(inq.config.init, "pretrained");
  EXPECT_EQ(inq.depends_on, base.config_hash);
  EXPECT_NE(inq.depends_on, study_cell(table1, scale, table1.row("inq-w2"), column, 1).depends_on);
  EXPECT_EQ(inq.recipe_hash, study_cell(table1, scale, table1.row("inq-w2"), column, 1).recipe_hash);
}

TEST(Studies, EqualConfigurationsOfTwoStudiesAreOneRun) {
  const StudyCatalog catalog;
  const auto cell = [&](const char* study, const char* row, const char* column) {
    const Study& s = catalog.get(study);
    return study_cell(s, s.scale("paper"), s.row(row), s.column(column), 1).config_hash;
  };
  EXPECT_EQ(cell("table1", "denseshift-w3", "top1"), cell("table10", "w3", "e200"));
  EXPECT_EQ(cell("table1", "denseshift-w3", "top1"), cell("table7", "resnet18-a32", "w3"));
  EXPECT_EQ(cell("table1", "denseshift-w2", "top1"), cell("fig1", "denseshift-w2", "top1"));
  EXPECT_NE(cell("table10", "w3", "e90"), cell("table10", "w3", "e200"));
}

TEST(Studies, TrainArgumentsGiveTheConfigurationBack) {
  const StudyCatalog catalog;
  for (const Study& study : catalog.studies()) {
    for (const StudyScale& scale : study.scales) {
      for (const StudyCell& cell : study_cells(study, scale, 1)) {
        TrainConfig read;
        for (const std::string& word : train_arguments(cell.config)) {
          const std::size_t equals = word.find('=');
          std::string key = word.substr(2, equals - 2);
          std::replace(key.begin(), key.end(), '-', '_');
          set_field(read, key, word.substr(equals + 1));
        }
        EXPECT_EQ(read, cell.config) << study.name << ' ' << cell.row;
      }
    }
  }
}

class StudyFiles : public ::testing::Test {
 protected:
  std::string problem(const std::string& text) {
    folder_.write("mine.json", text);
    return error_of([&] { (void)StudyCatalog(folder_.path()); });
  }
  denseshift::testing::TemporaryFolder folder_;
};

constexpr const char* kMine = R"({"study": "mine", "title": "Mine", "labels": [{"id": "m", "title": "Method"}],
 "columns": [{"id": "a", "set": {"epochs": 1}}, {"id": "b", "set": {"epochs": 2}},
             {"id": "gain", "unit": "points", "difference": ["b", "a"]}],
 "rows": [{"id": "w2", "labels": {"m": "ours"}, "set": {"method": "denseshift", "wbits": 2}, "paper": {"a": 50}}],
 "scales": {"smoke": {"recipe": "shapes-smoke", "seeds": 3}}})";

TEST_F(StudyFiles, AddToTheEmbeddedOnes) {
  folder_.write("mine.json", kMine);
  const StudyCatalog catalog(folder_.path());
  const Study& mine = catalog.get("mine");
  EXPECT_EQ(study_cells(mine, mine.scale("smoke")).size(), 6U);
  EXPECT_NO_THROW((void)catalog.get("table1"));
}

TEST_F(StudyFiles, ReplaceAnEmbeddedStudyOfTheSameName) {
  std::string text = kMine;
  text.replace(text.find("\"mine\""), 6, "\"table1\"");
  folder_.write("t.json", text);
  EXPECT_EQ(StudyCatalog(folder_.path()).get("table1").title, "Mine");
}

TEST_F(StudyFiles, ProblemsAreOneLineWithTheNearestName) {
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string text = kMine;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  EXPECT_THAT(problem(changed("\"columns\"", "\"colums\"")), HasSubstr("unknown key 'colums' | did you mean columns?"));
  EXPECT_THAT(problem(changed("\"epochs\": 2", "\"epoch\": 2")),
              HasSubstr("columns[1]: set: epoch: unknown configuration key | did you mean epochs?"));
  EXPECT_THAT(problem(changed("shapes-smoke", "shapes-smok")), HasSubstr("did you mean shapes-smoke?"));
  EXPECT_THAT(problem(changed("[\"b\", \"a\"]", "[\"b\", \"c\"]")), HasSubstr("there is no 'c'"));
  EXPECT_THAT(problem(changed("\"paper\": {\"a\": 50}", "\"paper\": {\"a\": \"x\"}")), HasSubstr("expected a number"));
  EXPECT_THAT(problem(changed("\"smoke\"", "\"smoky\"")), HasSubstr("did you mean smoke?"));
  EXPECT_THAT(problem("{\n\n\"study\": }"), HasSubstr("mine.json:3: not valid JSON"));
  EXPECT_THAT(problem("[]"), HasSubstr("expected an object"));
}

TEST_F(StudyFiles, ACellThatCannotBeTrainedNamesItsPlace) {
  std::string text = kMine;
  text.replace(text.find("\"epochs\": 2"), 11, "\"lr\": -1");
  folder_.write("mine.json", text);
  const StudyCatalog catalog(folder_.path());
  const Study& mine = catalog.get("mine");
  EXPECT_THAT(error_of([&] { (void)study_cells(mine, mine.scale("smoke")); }),
              HasSubstr("mine smoke: row w2, column b: lr: -1 is out of range"));
}

/// A database with finished runs of chosen cells.
class StudyResults : public StudyFiles {
 protected:
  StudyResults() : database_(folder_.file("runs.db"), results_db::OpenMode::create), store_(database_) {
    folder_.write("mine.json", kMine);
    catalog_ = std::make_unique<StudyCatalog>(folder_.path());
  }

  std::int64_t record(const char* column, std::uint64_t seed, double top1,
                      results_db::RunStatus status = results_db::RunStatus::finished) {
    const Study& mine = catalog_->get("mine");
    const StudyCell cell = study_cell(mine, mine.scale("smoke"), mine.row("w2"), mine.column(column), seed);
    results_db::NewRun run;
    run.command = "train";
    run.config = to_json(cell.config);
    run.config_hash = cell.config_hash;
    run.recipe_hash = cell.recipe_hash;
    const std::int64_t id = store_.create(run);
    store_.record_metrics(id, 1, "val", {{"top1", top1 + 5}});
    store_.record_metrics(id, 2, "val", {{"top1", top1}});
    store_.finish(id, status);
    return id;
  }

  [[nodiscard]] StudyResult result(const EvaluateOptions& options = {}) const {
    const Study& mine = catalog_->get("mine");
    return evaluate_study(mine, mine.scale("smoke"), &database_, options);
  }

  results_db::Database database_;
  results_db::RunStore store_;
  std::unique_ptr<StudyCatalog> catalog_;
};

TEST_F(StudyResults, AnEmptyDatabaseGivesEmptyCellsAndTheirCommands) {
  const StudyResult empty = result();
  ASSERT_EQ(empty.rows.size(), 1U);
  EXPECT_THAT(empty.rows[0].labels, ElementsAre("ours"));
  const CellResult& cell = empty.rows[0].cells[0];
  EXPECT_FALSE(cell.mean.has_value());
  EXPECT_EQ(cell.paper, 50);
  EXPECT_EQ(cell.commands.size(), 3U);
  EXPECT_THAT(cell.commands[1], HasSubstr("--seed=2"));
  EXPECT_EQ(empty.filled, 0);
  EXPECT_EQ(empty.total, 2);
  EXPECT_THAT(scales_with_runs(catalog_->get("mine"), database_), IsEmpty());
}

TEST_F(StudyResults, MeanAndSpreadAreOverSeedsAndTheNewestRunOfASeedCounts) {
  record("a", 1, 10);
  record("a", 1, 40);
  record("a", 2, 44);
  record("a", 3, 90, results_db::RunStatus::interrupted);
  const CellResult cell = result().rows[0].cells[0];
  ASSERT_EQ(cell.runs.size(), 2U);
  EXPECT_EQ(cell.runs[0].run, 2);
  EXPECT_DOUBLE_EQ(*cell.mean, 42);
  EXPECT_DOUBLE_EQ(*cell.spread, std::sqrt(8.0));
  EXPECT_DOUBLE_EQ(*cell.difference, -8);
  EXPECT_EQ(cell.commands.size(), 1U);
  EXPECT_DOUBLE_EQ(*result({.value = CellValue::best}).rows[0].cells[0].mean, 47);
  EXPECT_THAT(scales_with_runs(catalog_->get("mine"), database_), ElementsAre("smoke"));
}

TEST_F(StudyResults, AMetricCanBeOfTheEpochThatAnotherOneSelected) {
  const std::int64_t run = record("a", 1, 40);  // validation top-1: 45, then 40
  store_.record_metrics(run, 1, "test", {{"top1", 30}});
  store_.record_metrics(run, 2, "test", {{"top1", 35}});
  const experiments::MetricReference last{"test", "top1"}, selected{"test", "top1", {{"val", "top1"}}};
  EXPECT_EQ(run_value(database_, run, last, CellValue::last), 35);
  EXPECT_EQ(run_value(database_, run, selected, CellValue::last), 30);
  EXPECT_EQ(run_value(database_, run, selected, CellValue::best), 35);
  EXPECT_EQ(run_value(database_, run, {"test", "top1", {{"val", "nothing"}}}, CellValue::last), std::nullopt);
}

TEST_F(StudyResults, ADifferencePairsRunsBySeed) {
  record("a", 1, 10);
  record("a", 2, 20);
  record("b", 1, 11);
  record("b", 2, 23);
  record("b", 3, 99);
  const CellResult gain = result().rows[0].cells[2];
  ASSERT_EQ(gain.runs.size(), 2U);
  EXPECT_DOUBLE_EQ(*gain.mean, 2);
  EXPECT_DOUBLE_EQ(*gain.spread, std::sqrt(2.0));
  EXPECT_TRUE(gain.commands.empty());
}

TEST(StudyReports, CitedRowsShowThePaperAlone) {
  const StudyCatalog catalog;
  const Study& table6 = catalog.get("table6");
  const StudyResult result = evaluate_study(table6, table6.scale("small"), nullptr);
  const auto& cell = std::ranges::find(result.rows, "avila-et-al-2022-w2", &RowResult::id)->cells[0];
  EXPECT_EQ(cell.paper, 90.66);
  EXPECT_EQ(cell.wanted, 0);
  EXPECT_TRUE(cell.commands.empty());
  for (const StudyCell& of_study : study_cells(table6, table6.scale("small"), 1)) {
    EXPECT_THAT(of_study.row, ::testing::Not(::testing::StartsWith("avila")));
  }
}

TEST(Studies, RowsStartFromRowsOfOtherRecipes) {
  const StudyCatalog catalog;
  const Study& table4 = catalog.get("table4");
  const auto cells = study_cells(table4, table4.scale("paper"), 1);
  const auto detector = std::ranges::find(cells, "w3-backbone-fpn", &StudyCell::row);
  const auto start = std::ranges::find(cells, "start-w3", &StudyCell::row);
  ASSERT_NE(detector, cells.end());
  ASSERT_NE(start, cells.end());
  EXPECT_EQ(detector->depends_on, start->config_hash);
  EXPECT_EQ(detector->config.backbone, "recipe:" + start->recipe_hash);
  EXPECT_EQ(detector->config.arch, "fcos_resnet50_fpn");
  // The start is the run of another table: it is trained once.
  const Study& table2 = catalog.get("table2");
  const auto classifiers = study_cells(table2, table2.scale("paper"), 1);
  EXPECT_NE(std::ranges::find(classifiers, start->config_hash, &StudyCell::config_hash), classifiers.end());
  EXPECT_EQ(start->metrics, (std::vector<MetricReference>{{"val", "top1"}}));
}

}  // namespace
}  // namespace denseshift::experiments
