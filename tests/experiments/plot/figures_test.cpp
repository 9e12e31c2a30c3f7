// Figures of studies: what is drawn, and stored drawings of small ones. DENSESHIFT_WRITE_GOLDEN=1 rewrites those.

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "experiments/plot/legend.h"
#include "experiments/report/figures/study_figure.h"
#include "tests/experiments/plot/samples.h"

namespace denseshift::experiments {
namespace {

using ::testing::AllOf;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

void expect_golden(const std::string& name, const std::string& content) {
  const std::string file = std::string(DENSESHIFT_TEST_SOURCE_DIR) + "/golden/plot/" + name;
  if (std::getenv("DENSESHIFT_WRITE_GOLDEN") != nullptr) write_file(file, content);
  EXPECT_EQ(content, read_file(file)) << file;
}

TEST(Golden, PhasePlane) {
  plot::Figure figure;
  figure.title = "Phase plane";
  figure.panels = {phase_plane_panel()};
  expect_golden("phase_plane.svg", plot::draw(figure));
}

TEST(Golden, CurvesOnThePage) {
  auto curves = testing::sample_curves();
  curves.resize(2);
  for (Curve& curve : curves) curve.points.resize(4);
  expect_golden("curves.svg", plot::draw(curves_figure(curves), plot::Theme::page));
}

TEST(PhasePlane, ArrowsFollowTheStraightThroughEstimator) {
  // dS_2/dw_1 = H(w_2), dS_2/dw_2 = H(w_1) + 1, so in units of the upper left's upward component:
  const plot::Panel panel = phase_plane_panel();
  const double unit = [&] {
    for (const auto& arrow : panel.flow) {
      if (arrow.from.x < 0 && arrow.from.y > 0) return arrow.to.y - arrow.from.y;
    }
    return 0.0;
  }();
  ASSERT_GT(unit, 0);
  for (const auto& arrow : panel.flow) {
    const double x = (arrow.from.x + arrow.to.x) / 2;
    const double y = (arrow.from.y + arrow.to.y) / 2;
    EXPECT_NEAR((arrow.to.x - arrow.from.x) / unit, y > 0 ? 1 : 0, 1e-9);
    EXPECT_NEAR((arrow.to.y - arrow.from.y) / unit, x > 0 ? 2 : 1, 1e-9);
  }
}

TEST(Thresholds, AreWhereTheMethodsChangeLevel) {
  EXPECT_THAT(level_thresholds("denseshift", "w_sign", 3), ElementsAre(0));
  // DeepShift-PS at 3 bits has shifts 0, -1, -2.
  EXPECT_THAT(level_thresholds("deepshift-ps", "shift", 3), ElementsAre(DoubleEq(-0.5), DoubleEq(-1.5)));
  // DeepShift-Q at 2 bits has magnitudes 1 and 1/2, which meet at 2^-0.5.
  EXPECT_THAT(level_thresholds("deepshift-q", "weight", 2),
              ElementsAre(0, DoubleEq(std::sqrt(0.5)), DoubleEq(-std::sqrt(0.5))));
  EXPECT_THAT(level_thresholds("bwn", "weight", 1), IsEmpty());
}

TEST(AccuracyBits, KeepsMeasuredAndPaperApart) {
  const plot::Figure figure = accuracy_bits_figure(testing::sample_study(true));
  ASSERT_EQ(figure.panels.size(), 2U);
  EXPECT_EQ(figure.panels[0].title, "measured (CIFAR-10, small)");
  EXPECT_EQ(figure.panels[1].title, "paper (ImageNet)");
  for (const auto& series : figure.panels[0].series) EXPECT_FALSE(series.style.hollow);
  for (const auto& series : figure.panels[1].series) {
    EXPECT_TRUE(series.style.hollow);
    for (const auto& sample : series.samples) EXPECT_EQ(sample.error, 0);
  }
  // A method has one colour and mark in both.
  for (const auto& left : figure.panels[0].series) {
    for (const auto& right : figure.panels[1].series) {
      if (left.name != right.name) continue;
      EXPECT_EQ(left.style.colour, right.style.colour);
      EXPECT_EQ(left.style.mark, right.style.mark);
    }
  }
}

TEST(AccuracyBits, DrawsNoMeasuredValueWithoutRuns) {
  const plot::Figure figure = accuracy_bits_figure(testing::sample_study(false));
  EXPECT_THAT(figure.panels[0].series, IsEmpty());
  EXPECT_EQ(figure.panels[0].empty_text, "no run recorded yet: denseshift ablate fig1");
  EXPECT_THAT(figure.panels[1].series, Not(IsEmpty()));
}

TEST(Figures, WithoutRunsSayHowToGetThem) {
  for (const char* name : {"dynamics", "start"}) {
    StudyResult result;
    result.study = "figX";
    result.title = "X";
    result.figure = name;
    EXPECT_THAT(plot::draw(study_figure(result, nullptr)), HasSubstr("denseshift ablate")) << name;
  }
}

TEST(Figures, RefuseTablesAndUnknownDrawings) {
  StudyResult result;
  result.study = "table1";
  EXPECT_THROW((void)study_figure(result, nullptr), Error);
  result.figure = "strat";
  try {
    (void)study_figure(result, nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.hint(), HasSubstr("start"));
  }
}

TEST(Start, HasEqualAxesAndMarksStarts) {
  const TracedRun run{1, "denseshift", 2, "lvr", "run 1"};
  const plot::Figure figure = start_figure("t", "fig5", {run, testing::sample_traces(3, 0.05, 10)},
                                           {run, testing::sample_traces(3, 0.001, 10)});
  for (const auto& panel : figure.panels) {
    EXPECT_EQ(*panel.x.range, *figure.panels[0].x.range);
    EXPECT_EQ(*panel.y.range, *figure.panels[0].x.range);
    EXPECT_EQ(panel.series.size(), 3U);
    for (const auto& series : panel.series) EXPECT_TRUE(series.style.only_ends);
  }
}

TEST(Legend, NamesEachSeriesOnce) {
  const plot::Figure figure = accuracy_bits_figure(testing::sample_study(true));
  const auto entries = plot::legend_entries(figure.panels);
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    EXPECT_THAT(names, Not(::testing::Contains(entry.name)));
    names.push_back(entry.name);
  }
  EXPECT_THAT(names, AllOf(::testing::Contains("DenseShift"), ::testing::Contains("DeepShift (PT)"),
                           ::testing::Contains("FP32, 32 bits")));
}

TEST(Styles, DoNotRepeatBeforeTheSixtieth) {
  for (int i = 0; i < 60; ++i) {
    for (int k = 0; k < i; ++k) {
      const auto a = plot::numbered_style(i);
      const auto b = plot::numbered_style(k);
      EXPECT_FALSE(a.colour == b.colour && a.mark == b.mark) << i << " and " << k;
    }
  }
}

TEST(Draw, InterruptsLinesAtMissingValues) {
  plot::Figure figure;
  plot::Panel panel;
  panel.series.push_back({"a", {}, {{0, 1}, {1, 2}, {2, NAN}, {3, 2}, {4, 1}}});
  figure.panels = {panel};
  const std::string svg = plot::draw(figure);
  const std::string line = "class=\"l\"";
  std::size_t count = 0;
  for (std::size_t at = svg.find(line); at != std::string::npos; at = svg.find(line, at + 1)) ++count;
  EXPECT_EQ(count, 3U);  // two pieces and the legend's
}

}  // namespace
}  // namespace denseshift::experiments
