// `bench kernels`, `gemm` and `layers` through the real program, at tiny sizes. Nothing here depends on how long
// anything takes.

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "results_db/store.h"
#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const Words kKernels = {"bench", "kernels", "--rounds", "2", "--n", "64"};
const Words kGemm = {"bench", "gemm", "--rounds", "2", "--m", "1,3", "--size", "40", "--bits", "2"};

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

nlohmann::json json_of(const Words& words, const std::string& folder) {
  const ProgramResult result = run_program(words + Words{"--json"}, {.directory = folder});
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

bool has_module() {
  return std::filesystem::exists(std::filesystem::path(DENSESHIFT_PROGRAM).parent_path() / "libdenseshift_peers.so");
}

TEST(BenchKernels, PrintsBothLaddersAndWhereTheyWereMeasured) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(kKernels + Words{"--no-record"}, {.directory = folder.path()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("FP16 dot product of 64 elements, measured on "),
                    HasSubstr("INT8 dot product of 64 elements, measured on "), HasSubstr("paper's baseline"),
                    HasSubstr("paper's denseshift"), HasSubstr("zero-safe"), HasSubstr("2 rounds, ")));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(BenchKernels, EveryLevelOfThisMachineRuns) {
  const TemporaryFolder folder;
  for (const char* level : {"scalar", "avx2", "avx512", "avx512vnni", "neon", "neon-fp16", "neon-dotprod"}) {
    const ProgramResult result =
        run_program(kKernels + Words{"--no-record", "--json", "--isa", level}, {.directory = folder.path()});
    if (result.status == 2) {
      EXPECT_THAT(result.err, HasSubstr("cannot run here"));
      continue;
    }
    ASSERT_EQ(result.status, 0) << result.err;
    const auto json = nlohmann::json::parse(result.out);
    EXPECT_EQ(json["isa"], level);
    EXPECT_THAT(json["source"].get<std::string>(), AllOf(HasSubstr("measured on "), HasSubstr(level)));
    for (const auto& row : json["rows"]) {
      EXPECT_GT(row["us"].get<double>(), 0);
      EXPECT_LE(row["us_min"].get<double>(), row["us"].get<double>());
      EXPECT_GT(row["speedup"].get<double>(), 0);
    }
  }
}

TEST(BenchKernels, ARunAt4096ElementsFillsTheReport) {
  const TemporaryFolder folder;
  const ProgramOptions there = {.directory = folder.path()};
  const auto empty = nlohmann::json::parse(run_program({"report", "kernels", "--json"}, there).out);
  EXPECT_EQ(empty.at(0).at("filled"), 0);
  EXPECT_EQ(empty.at(0).at("rows").size(), 2U);
  EXPECT_THAT(run_program({"report", "kernels"}, there).out,
              AllOf(HasSubstr("0 of 6 cells filled"), HasSubstr("Fill the rest: denseshift bench kernels\n"),
                    HasSubstr("5.98")));

  (void)json_of(kKernels, folder.path());  // another length does not count
  EXPECT_EQ(nlohmann::json::parse(run_program({"report", "kernels", "--json"}, there).out).at(0).at("filled"), 0);
  const auto run = json_of({"bench", "kernels", "--rounds", "2"}, folder.path());
  const auto table = nlohmann::json::parse(run_program({"report", "kernels", "--json"}, there).out).at(0);
  EXPECT_EQ(table.at("filled"), 6);
  const auto& cells = table.at("rows").at(0).at("cells");
  double baseline = 0;
  for (const auto& row : run["rows"]) {
    if (row["group"] == "fp16" && row["paper"] == "baseline") baseline = row["us"];
  }
  EXPECT_DOUBLE_EQ(cells.at("baseline").at("measured").get<double>(), baseline);
  EXPECT_EQ(cells.at("baseline").at("paper"), 5.98);
  const ProgramResult text = run_program({"report", "kernels", "--runs"}, there);
  EXPECT_THAT(text.out, AllOf(HasSubstr(run["source"].get<std::string>()), HasSubstr("6 of 6 cells filled"),
                              HasSubstr("the FP16 kernel of DenseShift is"), HasSubstr(", 1.60 in the paper: ")));
  EXPECT_THAT(run_program({"runs", "show", "last"}, there).out, HasSubstr("bench kernels"));
}

// What another source records: a model of a CPU that is not here.
void record_source(const std::string& file, const std::string& source, const std::string& isa, double speedup) {
  results_db::Database database(file, results_db::OpenMode::create);
  results_db::RunStore store(database);
  results_db::NewRun run;
  run.command = "bench kernels";
  run.task = "kernels";
  run.environment = {{"source", source}, {"isa", isa}};
  const std::int64_t id = store.create(run);
  store.record_metrics(id, 0, "bench",
                       {{"baseline_us/fp16", speedup}, {"denseshift_us/fp16", 1.0}, {"speedup/fp16", speedup}});
  store.finish(id, results_db::RunStatus::finished);
}

TEST(BenchKernels, TheReportKeepsSourcesApart) {
  const TemporaryFolder folder;
  const std::string file = folder.file("denseshift.db");
  record_source(file, "measured on A", "avx2", 7.0);
  record_source(file, "measured on A", "avx2", 0.93);
  record_source(file, "modelled for B", "neon", 1.55);
  record_source(file, "measured on C", "neon", 1.20);
  const ProgramResult result = run_program({"report", "kernels"}, {.directory = folder.path()});
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("measured on A: the FP16 kernel of DenseShift is 0.93 times as fast as its baseline, 1.60 in "),
            HasSubstr("does not hold"), HasSubstr("modelled for B"), HasSubstr("the claim holds there"),
            HasSubstr("it gains less there"), Not(HasSubstr("7.00"))));
  const auto table =
      nlohmann::json::parse(run_program({"report", "kernels", "--json"}, {.directory = folder.path()}).out).at(0);
  EXPECT_EQ(table.at("rows").size(), 4U) << "three sources of FP16, nothing of INT8";
  EXPECT_EQ(table.at("filled"), 9);
}

TEST(BenchGemm, RowsOfOursAndPlainLoopsWithoutOthers) {
  const TemporaryFolder folder;
  const auto json = json_of(kGemm + Words{"--against", "none", "--csv", "rows.csv"}, folder.path());
  std::vector<std::string> names;
  for (const auto& row : json["rows"]) names.push_back(row["name"]);
  for (const char* name : {"w2a8", "w2a8+q", "w2f32", "w2a8-scalar", "plain-f32"}) EXPECT_THAT(names, Contains(name));
  EXPECT_EQ(names.size(), 10U);
  for (const auto& row : json["rows"]) {
    EXPECT_GT(row["limit_fraction"].get<double>(), 0);
    EXPECT_GT(row["x_float"].get<double>(), 0);
  }
  std::ostringstream csv;
  csv << std::ifstream(folder.file("rows.csv")).rdbuf();
  EXPECT_EQ(lines_of(csv.str()), 11U);
  EXPECT_EQ(csv.str().rfind("source,date,mode,threads,place,m,size,name,ours,label,us,", 0), 0U);
  const ProgramResult metrics =
      run_program({"query", "SELECT count(*) FROM metrics WHERE split = 'bench' AND name LIKE 'us%/w2a8/m1/size40'"},
                  {.directory = folder.path()});
  EXPECT_THAT(metrics.out, HasSubstr("5"));
}

TEST(BenchGemm, ColdRotatesAndSaysSo) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program({"bench", "gemm", "--rounds", "1", "--m", "1", "--size", "512", "--bits",
                                            "2", "--against", "none", "--cold", "--no-record"},
                                           {.directory = folder.path()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("cold: "), HasSubstr("M=1 size 512"), HasSubstr("of the limit")));
}

TEST(BenchGemm, OtherLibrariesThatAreThereAreCheckedAndTimed) {
  if (!has_module()) GTEST_SKIP() << "built without other libraries";
  const TemporaryFolder folder;
  const auto json = json_of(kGemm + Words{"--no-record"}, folder.path());
  for (const auto& peer : json["peers"]) {
    const auto named = std::ranges::count_if(json["rows"], [&](const auto& row) {
      return row["name"].template get<std::string>().starts_with(peer["name"].template get<std::string>() + "/");
    });
    EXPECT_GT(named, 0) << peer;
  }
}

TEST(BenchGemm, AnAbsentLibraryIsNamedWithItsPackage) {
  const TemporaryFolder folder;
  for (const auto& [name, package] : {std::pair("openblas", "libopenblas-dev"), std::pair("onednn", "libdnnl-dev"),
                                      std::pair("xnnpack", "libxnnpack-dev")}) {
    const ProgramResult result =
        run_program(kGemm + Words{"--no-record", "--against", name}, {.directory = folder.path()});
    if (result.status == 0) continue;
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, AllOf(HasSubstr(name), HasSubstr(package)));
  }
}

TEST(BenchLayers, EveryShapeOfTheNetworkWithoutOthers) {
  const TemporaryFolder folder;
  const auto json = json_of({"bench", "layers", "--rounds", "1", "--against", "none"}, folder.path());
  EXPECT_EQ(json["tables"].size(), 10U);
  EXPECT_EQ(json["rows"].size(), 20U);
  EXPECT_EQ(json["sums"].size(), 2U);
}

TEST(Bench, MistakesAreOneLineWithStatus2) {
  const std::vector<std::pair<Words, std::string>> mistakes = {
    {{"bench", "gem"}, "gemm"},
    {{"bench", "gemm", "--against", "onednm"}, "did you mean onednn?"},
    {{"bench", "gemm", "--against", ""}, "unknown library"},
    {{"bench", "gemm", "--isa", "avx3"}, "avx2"},
    {{"bench", "gemm", "--size", "0"}, "'0' is not a number of 1 or more"},
    {{"bench", "gemm", "--size", "99999"}, "99999"},
    {{"bench", "gemm", "--m", "one"}, "'one'"},
    {{"bench", "gemm", "--bits", "5"}, "5 is not from 2 to 4"},
    {{"bench", "gemm", "--rounds", "0"}, "--rounds"},
    {{"bench", "gemm", "--threads", "0"}, "--threads"},
    {{"bench", "kernels", "--n", "0"}, "'0'"},
    {{"bench", "kernels", "--n", "99999999"}, "99999999"},
    {{"bench", "kernels", "--colt"}, "--cold"},
    {{"bench", "layers", "--arch", "resnet81"}, "resnet18"},
    {{"bench", "kernels", "--model", "cortex-a75"}, "cortex-a57"},
    {{"bench", "kernels", "--model", "cortex-a57", "--isa", "scalar"}, "--isa is about measuring"},
    {{"bench", "kernels", "--model", "cortex-a57", "--clock", "fast"}, "'fast'"},
    {{"bench", "kernels", "--model", "cortex-a57", "--mca", "no-such-mca"}, "no-such-mca"},
    {{"bench", "kernels", "--clock", "2"}, "--clock is about a modelled CPU"},
    {{"bench", "layers", "--batch", "0"}, "'0'"},
#if defined(__x86_64__)
    {{"bench", "kernels", "--isa", "neon"}, "another architecture"},
#else
    {{"bench", "kernels", "--isa", "avx2"}, "another architecture"},
#endif
  };
  const TemporaryFolder folder;
  for (const auto& [words, part] : mistakes) {
    const ProgramResult result = run_program(words, {.directory = folder.path()});
    EXPECT_EQ(result.status, 2) << part;
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_LE(lines_of(result.err), 2U) << result.err;
  }
  const ProgramResult variable =
      run_program({"bench", "kernels"}, {.environment = {{"DENSESHIFT_ISA", "sse9"}}, .directory = folder.path()});
  EXPECT_EQ(variable.status, 2);
  EXPECT_THAT(variable.err, HasSubstr("DENSESHIFT_ISA"));
}

TEST(BenchKernels, AModelIsRecordedForEachClockAndNeverCalledMeasured) {
  const TemporaryFolder folder;
  const ProgramOptions there = {.directory = folder.path()};
  const ProgramResult result = run_program({"bench", "kernels", "--model", "cortex-a57", "--json"}, there);
  if (result.status == 2) GTEST_SKIP() << "no llvm-mca or no AArch64 compiler: " << result.err;
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["source"], "modelled Cortex-A57 at 1.43 GHz");
  for (const auto& row : json["rows"]) {
    EXPECT_NEAR(row["us_1.43ghz"].get<double>(), row["cycles_per_element"].get<double>() * 4096 / 1430, 1e-9);
    EXPECT_GE(row["cycles_per_element"].get<double>(), row["bound_per_element"].get<double>() * 0.999);
  }
  const std::string report = run_program({"report", "kernels"}, there).out;
  EXPECT_THAT(report, AllOf(HasSubstr("12 of 12 cells filled"), HasSubstr("modelled Cortex-A57 at 1.43 GHz"),
                            HasSubstr("modelled Cortex-A57 at 2 GHz"), Not(HasSubstr("measured"))));
}

TEST(Doctor, NamesTheLevelOfTheKernels) {
  const TemporaryFolder folder;
  EXPECT_THAT(run_program({"doctor"}, {.environment = {{"DENSESHIFT_ISA", "scalar"}}, .directory = folder.path()}).out,
              ::testing::ContainsRegex("kernels +ok +scalar \\(DENSESHIFT_ISA\\)"));
}

}  // namespace
}  // namespace denseshift::testing
