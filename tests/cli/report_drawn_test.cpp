// `report` as pictures and as a page, through the real program.

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/util/atomic_file.h"
#include "experiments/studies/cells.h"
#include "experiments/studies/study.h"
#include "results_db/store.h"
#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kHostileName = "</script><script>alert(1)</script><!-- \"'&";

bool has_png_module() {
  return std::filesystem::exists(std::filesystem::path(DENSESHIFT_PROGRAM).parent_path() / "libdenseshift_render.so");
}

/// One finished run of a study's row, with three epochs of metrics.
std::int64_t record_run(const std::string& file, const std::string& study_name, std::size_t row,
                        const std::string& name) {
  const experiments::StudyCatalog catalog;
  const experiments::Study& study = catalog.get(study_name);
  const experiments::StudyCell cell =
      experiments::study_cell(study, study.scale("small"), study.rows.at(row), study.columns.front(), 1);
  results_db::Database database(file, results_db::OpenMode::create);
  results_db::RunStore store(database);
  results_db::NewRun run;
  run.command = "train";
  run.command_line = "denseshift train --name '" + name + "'";
  run.name = name;
  run.config = experiments::to_json(cell.config);
  run.config_hash = cell.config_hash;
  run.recipe_hash = cell.recipe_hash;
  run.environment = {{"cpu", "Example <CPU>"}, {"threads", 2}, {"source_revision", "abc123"}};
  const std::int64_t id = store.create(run);
  for (int epoch = 1; epoch <= 3; ++epoch) {
    store.record_metrics(id, epoch, "val", {{"top1", 50.0 + epoch}, {"loss", 2.0 / epoch}});
    store.record_metrics(id, epoch, "train", {{"loss", 1.9 / epoch}});
  }
  store.finish(id, results_db::RunStatus::finished);
  return id;
}

/// Width and height that a PNG's header gives.
std::pair<std::uint32_t, std::uint32_t> png_size(const std::string& png) {
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<unsigned char>(png.at(at + i));
    return value;
  };
  return {number(16), number(20)};
}

TEST(ReportPage, LoadsNothingAndEscapesNames) {
  const TemporaryFolder folder;
  record_run(folder.file("denseshift.db"), "table1", 0, kHostileName);
  const ProgramResult result = run_program({"report", "all", "--format", "html"}, {.directory = folder.path()});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(result.out, HasSubstr("default-src 'none'"));
  // The only address is the name space that the script makes SVG elements in, which is not fetched.
  const std::regex address("(https?:)?//[a-zA-Z0-9.]+");
  for (std::sregex_iterator at(result.out.begin(), result.out.end(), address), end; at != end; ++at) {
    EXPECT_EQ(at->str(), "http://www.w3.org") << at->position();
  }
  for (const char* loading : {"src=", "@import", "url(", "<link", "<iframe", "<object"}) {
    EXPECT_THAT(result.out, Not(HasSubstr(loading))) << loading;
  }
  EXPECT_THAT(result.out, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(result.out, HasSubstr("&lt;/script&gt;&lt;script&gt;alert(1)"));
  EXPECT_THAT(result.out, HasSubstr("Example &lt;CPU&gt;"));
}

TEST(ReportPage, HoldsTablesFiguresRunsAndCurves) {
  const TemporaryFolder folder;
  const std::int64_t run = record_run(folder.file("denseshift.db"), "table1", 0, "first");
  const ProgramResult result = run_program({"report", "all", "--format", "html"}, {.directory = folder.path()});
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* study : {"table1", "table10", "fig1", "fig4", "fig5", "kernels", "methods"}) {
    EXPECT_THAT(result.out, HasSubstr("id=\"study-" + std::string(study) + "\""));
  }
  EXPECT_THAT(result.out, AllOf(HasSubstr("<svg class=\"plot\""), HasSubstr("<details class=\"run\" id=\"run-1\">"),
                                HasSubstr("<dt>source_revision</dt><dd>abc123</dd>"),
                                HasSubstr("<a href=\"#run-1\">1</a>"), HasSubstr("no run recorded yet")));
  const std::string open = "id=\"report-data\">";
  const std::size_t begin = result.out.find(open) + open.size();
  const auto data = nlohmann::json::parse(result.out.substr(begin, result.out.find("</script>", begin) - begin));
  ASSERT_EQ(data.at("runs").size(), 1U);
  EXPECT_EQ(data.at("runs").at(0).at("id"), run);
  EXPECT_EQ(data.at("runs").at(0).at("curves").at("val/top1"), nlohmann::json::parse("[[1,2,3],[51,52,53]]"));
}

TEST(ReportPage, NeedsNoDatabaseAndIsTheSameEachTime) {
  const TemporaryFolder folder;
  const ProgramResult first = run_program({"report", "all", "--format", "html"}, {.directory = folder.path()});
  const ProgramResult second = run_program({"report", "all", "--format", "html"}, {.directory = folder.path()});
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(first.out, second.out);
  EXPECT_THAT(first.out, HasSubstr("no run yet"));
}

TEST(ReportFigure, IsAnSvgFile) {
  const TemporaryFolder folder;
  record_run(folder.file("denseshift.db"), "fig1", 0, "x");
  const ProgramResult result =
      run_program({"report", "fig1", "--format", "svg", "--out", "f.svg"}, {.directory = folder.path()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, IsEmpty());
  const std::string svg = read_file(folder.file("f.svg"));
  EXPECT_THAT(svg,
              AllOf(StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\""), HasSubstr("measured (CIFAR-10, small)"),
                    HasSubstr("paper (ImageNet)"), Not(HasSubstr("var("))));
}

TEST(ReportFigure, IsAPngOfTheSizeAskedFor) {
  if (!has_png_module()) GTEST_SKIP() << "built without librsvg";
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program({"report", "fig4", "--format", "png", "--width", "500"}, {.directory = folder.path()});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("\x89PNG\r\n\x1a\n"));
  EXPECT_EQ(png_size(result.out).first, 500U);
  const ProgramResult twice =
      run_program({"report", "fig4", "--format", "png", "--scale-factor", "1"}, {.directory = folder.path()});
  const ProgramResult once =
      run_program({"report", "fig4", "--format", "png", "--scale-factor", "2"}, {.directory = folder.path()});
  EXPECT_EQ(png_size(twice.out).first * 2, png_size(once.out).first);
}

TEST(ReportFigure, WithoutLibrsvgSaysWhatToInstall) {
  if (has_png_module()) GTEST_SKIP() << "built with librsvg";
  const TemporaryFolder folder;
  const ProgramResult result = run_program({"report", "fig4", "--format", "png"}, {.directory = folder.path()});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("librsvg2-dev"));
}

TEST(ReportCurves, GivesTheRecordedValues) {
  const TemporaryFolder folder;
  record_run(folder.file("denseshift.db"), "table1", 0, "a,b");
  const ProgramOptions options{.directory = folder.path()};
  const ProgramResult csv =
      run_program({"report", "curves", "1", "--metric", "loss", "--split", "val,train", "--format", "csv"}, options);
  EXPECT_EQ(csv.status, 0) << csv.err;
  EXPECT_EQ(csv.out,
            "run,name,epoch,split,metric,value\n"
            "1,\"1 a,b\",1,val,loss,2.0\n1,\"1 a,b\",2,val,loss,1.0\n1,\"1 a,b\",3,val,loss,0.6666666666666666\n"
            "1,\"1 a,b\",1,train,loss,1.9\n1,\"1 a,b\",2,train,loss,0.95\n"
            "1,\"1 a,b\",3,train,loss,0.6333333333333333\n");
  const auto json = nlohmann::json::parse(run_program({"report", "curves", "last", "--json"}, options).out);
  EXPECT_EQ(json.at(0).at("metric"), "top1");
  EXPECT_EQ(json.at(0).at("values"), nlohmann::json::parse("[51, 52, 53]"));
  EXPECT_THAT(run_program({"report", "curves", "1"}, options).out, StartsWith("<svg "));
}

struct BadInput {
  std::vector<std::string> arguments;
  std::string says;
};

TEST(ReportDrawn, BadInputIsOneLineAndStatusTwo) {
  const TemporaryFolder folder;
  record_run(folder.file("denseshift.db"), "table1", 0, "x");
  const std::vector<BadInput> cases = {
      {{"fig1", "--format", "sgv"}, "did you mean svg"},
      {{"table1", "--format", "svg"}, "is a table and has no drawing"},
      {{"fig1", "fig4", "--format", "svg"}, "draws one study"},
      {{"fig1", "--format", "svg", "--width", "300"}, "--width is for --format png"},
      {{"fig1", "--format", "png", "--width", "3"}, "from 50 to 20000"},
      {{"fig1", "--format", "png", "--width", "300", "--scale-factor", "2"}, "exclude each other"},
      {{"fig1", "--format", "png", "--scale-factor", "nan"}, "--scale-factor"},
      {{"fig1", "--format", "svg", "--theme", "drak"}, "did you mean dark"},
      {{"fig1", "--theme", "dark"}, "--theme is for"},
      {{"curves"}, "no run given"},
      {{"curves", "99"}, "99"},
      {{"curves", "1", "--metric", "tpo1"}, "did you mean top1"},
      {{"curves", "1", "--split", "test"}, "none of these runs recorded 'test'"},
      {{"curves", "1", "--format", "html"}, "unknown format"},
      {{"curves", "1", "--db", "missing.db"}, "missing.db"},
  };
  for (const BadInput& bad : cases) {
    std::vector<std::string> arguments = {"report"};
    arguments.insert(arguments.end(), bad.arguments.begin(), bad.arguments.end());
    const ProgramResult result = run_program(arguments, {.directory = folder.path()});
    EXPECT_EQ(result.status, 2) << bad.says;
    EXPECT_THAT(result.err, AllOf(StartsWith("denseshift: "), HasSubstr(bad.says)));
    EXPECT_THAT(result.out, IsEmpty()) << bad.says;
  }
}

}  // namespace
}  // namespace denseshift::testing
