// What every format must hold to, whatever it looks like.

#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/util/error.h"
#include "experiments/report/escape.h"
#include "experiments/report/render.h"
#include "experiments/report/table_layout.h"
#include "tests/experiments/report/results.h"

namespace denseshift::testing {
namespace {

using namespace experiments;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<StudyResult (*)()> kShapes = {one_column, three_columns, difference_column, not_built,
                                                special_characters};

// A reader of RFC 4180 that shares nothing with the writer: a state machine over bytes. Throws for a stray quote.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  enum class State { begin, bare, quoted, closed } state = State::begin;
  std::vector<std::vector<std::string>> lines = {{""}};
  for (const char c : text) {
    if (state == State::quoted) {
      if (c == '"') {
        state = State::closed;
      } else {
        lines.back().back() += c;
      }
    } else if (c == '"') {
      if (state == State::bare) throw std::runtime_error("a quote inside a bare field");
      if (state == State::closed) lines.back().back() += '"';
      state = State::quoted;
    } else if (c == ',') {
      lines.back().emplace_back();
      state = State::begin;
    } else if (c == '\n') {
      lines.push_back({""});
      state = State::begin;
    } else {
      if (state == State::closed) throw std::runtime_error("text after a closing quote");
      lines.back().back() += c;
      state = State::bare;
    }
  }
  if (state != State::begin || lines.back() != std::vector<std::string>{""}) throw std::runtime_error("no line end");
  lines.pop_back();
  return lines;
}

std::map<std::string, std::string> by_name(const std::vector<std::string>& head, const std::vector<std::string>& line) {
  std::map<std::string, std::string> fields;
  for (std::size_t i = 0; i < head.size(); ++i) fields[head[i]] = line.at(i);
  return fields;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

TEST(ReportCsv, ReadsBackWithFullPrecision) {
  for (const auto make : kShapes) {
    const StudyResult result = make();
    const auto lines = read_csv(render_csv({result}, {.show_commands = true}));
    std::size_t line = 1;
    for (const auto& row : result.rows) {
      for (std::size_t i = 0; i < row.cells.size(); ++i, ++line) {
        ASSERT_LT(line, lines.size());
        ASSERT_EQ(lines[line].size(), lines[0].size());
        const auto fields = by_name(lines[0], lines[line]);
        const CellResult& cell = row.cells[i];
        EXPECT_EQ(fields.at("row"), row.id);
        EXPECT_EQ(fields.at("column"), result.columns[i].id);
        EXPECT_EQ(fields.at("title"), result.title);
        EXPECT_EQ(fields.at("recipe"), result.recipe);
        for (std::size_t l = 0; l < result.labels.size(); ++l) {
          EXPECT_EQ(fields.at("label_" + result.labels[l].first), row.labels[l]);
        }
        EXPECT_EQ(fields.at("measured").empty(), !cell.mean.has_value());
        if (cell.mean) {
          EXPECT_EQ(std::stod(fields.at("measured")), *cell.mean);
        }
        if (cell.spread) {
          EXPECT_EQ(std::stod(fields.at("spread")), *cell.spread);
        }
        EXPECT_EQ(fields.at("difference").empty(), !cell.difference.has_value());
        EXPECT_EQ(fields.at("n"), std::to_string(cell.runs.size()));
        EXPECT_EQ(fields.at("commands").empty(), cell.commands.empty());
      }
    }
    EXPECT_EQ(line, lines.size());
  }
}

TEST(ReportCsv, TablesWithOtherLabelsShareOneHead) {
  const auto lines = read_csv(render_csv({one_column(), not_built()}));
  ASSERT_EQ(lines.size(), 1U + 5U + 2U);
  for (const auto& line : lines) EXPECT_EQ(line.size(), lines[0].size());
  EXPECT_EQ(by_name(lines[0], lines[1]).at("label_kernel"), "Multi.");
  EXPECT_EQ(by_name(lines[0], lines[6]).at("label_kernel"), "");
  EXPECT_EQ(by_name(lines[0], lines[6]).at("label_method"), "FP32");
  EXPECT_EQ(by_name(lines[0], lines[6]).at("built"), "false");
}

TEST(ReportJson, HoldsEverything) {
  const StudyResult result = one_column();
  const auto json = nlohmann::json::parse(render_json({result, not_built()}));
  ASSERT_EQ(json.size(), 2U);
  const auto& cell = json[0]["rows"][1]["cells"]["top1"];
  EXPECT_EQ(cell["measured"], 89.5);
  EXPECT_DOUBLE_EQ(cell["spread"].get<double>(), std::sqrt(0.5));
  EXPECT_EQ(cell["paper"], 61.8);
  EXPECT_EQ(cell["runs"].size(), 2U);
  EXPECT_EQ(cell["runs"][1], (nlohmann::json{{"run", 11}, {"seed", 2}, {"value", 90.0}}));
  EXPECT_THAT(cell["commands"].get<std::vector<std::string>>(), ElementsAre("denseshift train --quant twn --seed 3"));
  EXPECT_TRUE(json[0]["rows"][3]["cells"]["top1"]["measured"].is_null());
  EXPECT_EQ(json[0]["same_data"], false);
  EXPECT_EQ(json[1]["rows"][0]["cells"]["miou"]["built"], false);
}

TEST(Report, TablesForProgramsSayWhichValueCounts) {
  StudyResult result = one_column();
  const auto value = [&](const experiments::RenderOptions& options) {
    const auto json = nlohmann::json::parse(render_json({result}, options));
    const auto lines = read_csv(render_csv({result}, options));
    EXPECT_EQ(by_name(lines[0], lines[1]).at("value"), json[0]["value"]);
    return json[0]["value"].get<std::string>();
  };
  EXPECT_EQ(value({}), "last");
  result.selected = true;
  EXPECT_EQ(value({}), "selected");
  EXPECT_EQ(value({.value = experiments::CellValue::best}), "best");
}

TEST(ReportJson, ValuesThatAreNotFiniteAreNull) {
  StudyResult result = one_column();
  result.rows[0].cells[0] = make_cell("nan", 1, {std::numeric_limits<double>::quiet_NaN()}, 1.0);
  const auto json = nlohmann::json::parse(render_json({result}));
  EXPECT_TRUE(json[0]["rows"][0]["cells"]["top1"]["measured"].is_null());
  EXPECT_EQ(json[0]["rows"][0]["cells"]["top1"]["n"], 1);
  EXPECT_THAT(render_text(result), HasSubstr("nan"));
}

TEST(Report, SaysWhatWasMeasuredOnWhatInEveryFormat) {
  for (const auto& render : {render_text, render_markdown, render_latex, render_html_table}) {
    EXPECT_THAT(render(one_column(), {}),
                AllOf(HasSubstr("ResNet-18 on ImageNet"), HasSubstr("small"), HasSubstr("CIFAR-10, ResNet-20"),
                      HasSubstr("paper, table 1"), HasSubstr("measured"), HasSubstr("different data"),
                      HasSubstr("4 of 5 cells filled"), HasSubstr("denseshift ablate table1"), HasSubstr("A note.")));
  }
}

TEST(Report, NoCautionOnThePapersData) {
  for (const auto& render : {render_text, render_markdown, render_latex, render_html_table}) {
    EXPECT_THAT(render(three_columns(), {}), Not(HasSubstr("different data")));
  }
}

TEST(Report, ATableWithoutPaperValuesHasNoColumnForThem) {
  const TableLayout layout = make_layout(special_characters(), {}, experiments::Shape::wide);
  for (const LayoutGroup& group : layout.groups) EXPECT_THAT(group.fields, ElementsAre(Field::measured, Field::count));
  EXPECT_THAT(make_frame(special_characters(), {}).caution, IsEmpty());
}

TEST(Report, ATaskThatIsNotBuiltHasNoDataYet) {
  StudyResult result = not_built();
  result.dataset.clear();
  EXPECT_THAT(render_text(result), AllOf(HasSubstr("measured  nothing yet"), Not(HasSubstr("different data"))));
}

TEST(Report, EveryRowIsPrintedInBothShapes) {
  for (const auto make : kShapes) {
    const StudyResult result = make();
    EXPECT_EQ(make_layout(result, {}, experiments::Shape::wide).rows.size(), result.rows.size());
    EXPECT_EQ(make_layout(result, {}, experiments::Shape::lines).rows.size(),
              result.rows.size() * result.columns.size());
  }
}

TEST(Report, AnEmptyCellIsADashAndNeverThePapersValue) {
  const TableLayout layout = make_layout(one_column(), {.show_runs = true}, experiments::Shape::wide);
  const LayoutCell& cell = layout.rows[3].cells[0];
  EXPECT_EQ(cell.text(Field::measured), "-");
  EXPECT_EQ(cell.text(Field::count), "0/3");
  EXPECT_EQ(cell.text(Field::run_ids), "-");
  EXPECT_EQ(cell.text(Field::paper), "68.90");
  EXPECT_EQ(cell.text(Field::difference), "-");
}

TEST(Report, OneRunHasNoSpread) {
  const TableLayout layout = make_layout(one_column(), {.show_runs = true}, experiments::Shape::wide);
  EXPECT_EQ(layout.rows[0].cells[0].text(Field::measured), "91.62 ±0.45");
  EXPECT_EQ(layout.rows[0].cells[0].text(Field::run_ids), "1 2 3");
  EXPECT_EQ(layout.rows[2].cells[0].text(Field::measured), "8.12");
}

TEST(Report, ACommandThatServesSeveralCellsIsNamedOnce) {
  StudyResult result = one_column();
  result.rows[4].cells[0] = result.rows[3].cells[0];
  EXPECT_EQ(count(render_text(result, {.show_commands = true}), "--quant densequant --seed 2"), 1U);
  EXPECT_EQ(count(render_text(result, {}), "denseshift train"), 0U);
}

TEST(ReportText, LinesFitWhereColumnsCanBeSplit) {
  for (const auto make : kShapes) {
    std::istringstream lines(render_text(make()));
    for (std::string line; std::getline(lines, line);) {
      const auto width =
          std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
      EXPECT_LE(width, 110) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
    }
  }
}

TEST(ReportMarkdown, EveryTableLineHasTheSameCells) {
  for (const auto make : kShapes) {
    std::istringstream lines(render_markdown(make(), {.show_runs = true}));
    std::size_t cells = 0;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("|")) continue;
      const std::size_t bars = count(line, "|") - count(line, "\\|");
      if (cells == 0) cells = bars;
      EXPECT_EQ(bars, cells) << line;
    }
    EXPECT_GT(cells, 0U);
  }
}

TEST(ReportLatex, BracesAndColumnsBalance) {
  for (const auto make : kShapes) {
    const std::string text = render_latex(make(), {.show_runs = true});
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) {
        ++i;
        continue;
      }
      depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
      ASSERT_GE(depth, 0);
    }
    EXPECT_EQ(depth, 0);
    EXPECT_EQ(count(text, "\\begin{"), count(text, "\\end{"));
  }
}

TEST(ReportHtml, TagsBalanceAndNothingFromLabelsIsATag) {
  for (const auto make : kShapes) {
    const std::string text = render_html_table(make(), {.show_commands = true});
    for (const char* tag :
         {"table", "thead", "tbody", "tr", "th", "td", "div", "p", "span", "code", "pre", "details"}) {
      const std::string name = tag;
      EXPECT_EQ(count(text, "<" + name + ">") + count(text, "<" + name + " "), count(text, "</" + name + ">")) << tag;
    }
    EXPECT_THAT(text, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<b>of"))));
  }
}

TEST(ReportNumbers, DecimalsAndSigns) {
  EXPECT_EQ(format_number(1.005, 2), "1.00");  // 1.005 is below it as a double
  EXPECT_EQ(format_number(-0.001, 2), "0.00");
  EXPECT_EQ(format_number(5.98, 0), "6");
  EXPECT_EQ(format_difference(0.3, 1), "+0.3");
  EXPECT_EQ(format_difference(-12.421, 2), "-12.42");
  EXPECT_EQ(format_difference(0.004, 2), "0.00");
  EXPECT_EQ(format_difference(-0.004, 2), "0.00");
  EXPECT_EQ(format_difference(std::numeric_limits<double>::infinity(), 2), "+inf");
  EXPECT_EQ(format_number(-std::numeric_limits<double>::infinity(), 2), "-inf");
}

TEST(ReportEscape, EverySpecialSign) {
  EXPECT_EQ(escape_latex("a\\b{}$&#%_^~"),
            "a\\textbackslash{}b\\{\\}\\$\\&\\#\\%\\_\\textasciicircum{}\\textasciitilde{}");
  EXPECT_EQ(escape_latex("--scale ä ±1"), "-{}-scale ä $\\pm$1");
  EXPECT_EQ(escape_markdown("a|b *c* <d> e_f"), "a\\|b \\*c\\* &lt;d&gt; e\\_f");
  EXPECT_EQ(escape_html("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
}

TEST(ReportFormats, UnknownNamesGetTheNearest) {
  EXPECT_EQ(report_format("latex").name, "latex");
  try {
    (void)report_format("latx");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_status(), 2);
    EXPECT_THAT(error.hint(), HasSubstr("latex"));
  }
}

}  // namespace
}  // namespace denseshift::testing
