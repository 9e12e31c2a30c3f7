// Every format of every shape of table, byte by byte against stored files in tests/golden/report.
//
// After an intended change: DENSESHIFT_WRITE_GOLDEN=1 build/tests/experiments_report_test --gtest_filter='*Golden*',
// then read the difference in git. Tests that wrote a file fail, so that a run that writes cannot pass for a check.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "experiments/report/render.h"
#include "tests/experiments/report/results.h"

namespace denseshift::testing {
namespace {

using experiments::RenderOptions;

struct Shape {
  std::string name;
  StudyResult (*make)();
  RenderOptions options;
};

struct Format {
  std::string extension;
  std::string (*render)(const StudyResult& result, const RenderOptions& options);
};

std::string csv(const StudyResult& result, const RenderOptions& options) {
  return experiments::render_csv({result}, options);
}
std::string json(const StudyResult& result, const RenderOptions& options) {
  return experiments::render_json({result}, options);
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {"one_column", one_column, {}},
      {"runs_and_commands",
       one_column,
       {.show_runs = true,
        .show_commands = true,
        .value = experiments::CellValue::best,
        .fill_options = "--db 'my results.db'"}},
      {"three_columns", three_columns, {}},
      {"difference_column", difference_column, {}},
      {"not_built", not_built, {}},
      {"special_characters", special_characters, {.show_runs = true, .show_commands = true}},
  };
  return all;
}

const std::vector<Format>& formats() {
  static const std::vector<Format> all = {
      {"txt", experiments::render_text},
      {"md", experiments::render_markdown},
      {"tex", experiments::render_latex},
      {"html", experiments::render_html_table},
      {"csv", csv},
      {"json", json},
  };
  return all;
}

class Golden : public ::testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};

TEST_P(Golden, IsTheStoredFile) {
  const Shape& shape = shapes()[std::get<0>(GetParam())];
  const Format& format = formats()[std::get<1>(GetParam())];
  const std::string text = format.render(shape.make(), shape.options);
  const std::filesystem::path file =
      std::filesystem::path(DENSESHIFT_TEST_SOURCE_DIR) / "golden/report" / (shape.name + "." + format.extension);
  if (std::getenv("DENSESHIFT_WRITE_GOLDEN") != nullptr) {
    std::ofstream(file, std::ios::binary) << text;
    FAIL() << "wrote " << file;
  }
  std::ifstream stream(file, std::ios::binary);
  ASSERT_TRUE(stream) << "no file " << file;
  std::ostringstream stored;
  stored << stream.rdbuf();
  EXPECT_EQ(text, stored.str()) << file;
}

std::string golden_name(const ::testing::TestParamInfo<std::tuple<std::size_t, std::size_t>>& info) {
  return shapes()[std::get<0>(info.param)].name + "_" + formats()[std::get<1>(info.param)].extension;
}

INSTANTIATE_TEST_SUITE_P(Report, Golden,
                         ::testing::Combine(::testing::Range<std::size_t>(0, shapes().size()),
                                            ::testing::Range<std::size_t>(0, formats().size())),
                         golden_name);

}  // namespace
}  // namespace denseshift::testing
