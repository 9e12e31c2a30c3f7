#pragma once
// Tables of every shape that a report can have, filled by hand.

#include <fmt/format.h>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "experiments/report/study_result.h"

namespace denseshift::testing {

using experiments::CellResult;
using experiments::StudyResult;

/// A cell with a run for each value (ids `first_run`, ...; seeds 1, 2, ...) and a command for each seed that is
/// missing.
inline CellResult make_cell(const std::string& name, int wanted, const std::vector<double>& values,
                            std::optional<double> paper = {}, std::int64_t first_run = 1) {
  CellResult cell;
  cell.wanted = wanted;
  cell.paper = paper;
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    cell.runs.push_back({first_run + static_cast<std::int64_t>(i), i + 1, values[i]});
    sum += values[i];
  }
  const auto n = static_cast<double>(values.size());
  if (n > 0) cell.mean = sum / n;
  if (n > 1) {
    double squares = 0;
    for (const double value : values) squares += (value - *cell.mean) * (value - *cell.mean);
    cell.spread = std::sqrt(squares / (n - 1));
  }
  if (cell.mean && paper) cell.difference = *cell.mean - *paper;
  for (int seed = static_cast<int>(values.size()) + 1; seed <= wanted; ++seed) {
    cell.commands.push_back(fmt::format("denseshift train --quant {} --seed {}", name, seed));
  }
  return cell;
}

/// Counts what evaluate_study() would count.
inline StudyResult counted(StudyResult result) {
  for (const auto& row : result.rows) {
    for (const auto& cell : row.cells) {
      result.filled += cell.mean && cell.wanted > 0 ? 1 : 0;
      result.total += cell.wanted > 0 ? 1 : 0;
    }
  }
  return result;
}

/// One value column; cells with three, two, one and no run, a value that the paper lacks, other data than the paper's.
inline StudyResult one_column() {
  StudyResult result{.study = "table1",
                     .title = "ResNet-18 on ImageNet",
                     .source = "paper, table 1",
                     .paper_data = "ImageNet",
                     .task = "classification",
                     .figure = "",
                     .scale = "small",
                     .recipe = "CIFAR-10, ResNet-20, 30 epochs",
                     .dataset = "CIFAR-10",
                     .notes = {"A note."},
                     .labels = {{"kernel", "Kernel"}, {"method", "Method"}, {"wbits", "W"}},
                     .columns = {},
                     .rows = {}};
  result.columns = {{"top1", "top-1", "%", 2}};
  result.rows = {
      {"fp32", {"Multi.", "FP32", "32"}, {make_cell("fp32", 3, {91.5, 91.25, 92.125}, 69.6, 1)}},
      {"twn-2", {"Sign Flip", "TWN", "2"}, {make_cell("twn", 3, {89.0, 90.0}, 61.8, 10)}},
      {"bwn-1", {"Sign Flip", "BWN", "1"}, {make_cell("bwn", 3, {8.123456789}, 60.8, 12)}},
      {"dense-2", {"Shift + Sign Flip", "DenseShift", "2"}, {make_cell("densequant", 3, {}, 68.9)}},
      {"ours", {"Shift + Sign Flip", "ours", "2"}, {make_cell("ours", 3, {70.004}, {}, 13)}},
  };
  return counted(result);
}

/// Three value columns on the paper's data, complete with one seed each.
inline StudyResult three_columns() {
  StudyResult result{.study = "table10",
                     .title = "Training epochs, DenseShift ResNet-18",
                     .source = "paper, table 10",
                     .paper_data = "ImageNet",
                     .task = "classification",
                     .figure = "",
                     .scale = "paper",
                     .recipe = "ImageNet, ResNet-18",
                     .dataset = "ImageNet",
                     .notes = {},
                     .labels = {{"wbits", "W"}},
                     .columns = {},
                     .rows = {}};
  result.columns = {{"90", "90 epochs", "%", 2}, {"150", "150 epochs", "%", 2}, {"200", "200 epochs", "%", 2}};
  result.rows = {
      {"2",
       {"2"},
       {make_cell("a", 1, {67.36}, 67.36, 1), make_cell("b", 1, {69.0}, 68.41, 2),
        make_cell("c", 1, {68.125}, 68.9, 3)}},
      {"3",
       {"3"},
       {make_cell("d", 1, {69.298}, 69.3, 4), make_cell("e", 1, {70.0}, 69.91, 5), make_cell("f", 1, {}, 70.62)}},
  };
  return counted(result);
}

/// Two measured columns and their difference, which has no runs of its own and alone has a value of the paper.
inline StudyResult difference_column() {
  StudyResult result{.study = "rescale",
                     .title = "Gain from re-scaling",
                     .source = "paper, section 4.3",
                     .paper_data = "ImageNet",
                     .task = "classification",
                     .figure = "",
                     .scale = "smoke",
                     .recipe = "shapes, 2 epochs",
                     .dataset = "shapes (rendered)",
                     .notes = {},
                     .labels = {{"wbits", "W"}},
                     .columns = {},
                     .rows = {}};
  result.columns = {{"eq7", "Eq. 7", "%", 2}, {"eq8", "Eq. 8", "%", 2}, {"gain", "gain", "points", 1}};
  auto row = [](int bits, std::vector<double> before, std::vector<double> after, double paper, std::int64_t run) {
    std::vector<double> gains;
    for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) gains.push_back(after[i] - before[i]);
    experiments::RowResult result{std::to_string(bits), {std::to_string(bits)}, {}};
    result.cells = {make_cell(fmt::format("eq7-{}", bits), 2, before, {}, run),
                    make_cell(fmt::format("eq8-{}", bits), 2, after, {}, run + 2),
                    make_cell("", 0, gains, paper, run + 2)};
    return result;
  };
  result.rows = {row(2, {50, 52}, {50.5, 52.25}, 0.3, 1), row(3, {60.0, 61.0}, {}, 0.7, 5)};
  return counted(result);
}

/// A task that cannot be trained yet.
inline StudyResult not_built() {
  StudyResult result{.study = "table5",
                     .title = "DeepLabV3",
                     .source = "paper, table 5",
                     .paper_data = "COCO",
                     .task = "segmentation",
                     .figure = "",
                     .scale = "smoke",
                     .recipe = "shapes",
                     .dataset = "shapes",
                     .notes = {"The task segmentation is not built yet: its cells stay empty."},
                     .labels = {{"method", "Method"}},
                     .columns = {},
                     .rows = {}};
  result.columns = {{"miou", "mIoU", "%", 1}, {"global_correct", "global correct", "%", 1}};
  CellResult left;
  left.paper = 66.4;
  left.not_built = true;
  CellResult right = left;
  right.paper = 92.4;
  result.rows = {{"fp32", {"FP32"}, {left, right}}};
  return counted(result);
}

/// Every sign that some format reads as its own; six value columns, too many to stand side by side in text.
inline StudyResult special_characters() {
  StudyResult result{.study = "mine_2",
                     .title = "50% <b>of</b> A&B, \"C_1\" | $x^2$ ~ {y} #1 \\end`z`*",
                     .source = "ours",
                     .paper_data = "",
                     .task = "classification",
                     .figure = "accuracy-bits",
                     .scale = "smoke",
                     .recipe = "line\nbreak",
                     .dataset = "shapes, 'rendered'",
                     .notes = {"[link](x) & <script>"},
                     .labels = {{"a,b", "A|B"}, {"größe", "Größe"}},
                     .columns = {},
                     .rows = {}};
  for (int i = 1; i <= 6; ++i) result.columns.push_back({fmt::format("c{}", i), fmt::format("col_{}", i), "µs", 3});
  const std::vector<std::pair<std::string, std::string>> labels = {
      {"-", "ä|b"}, {"[0]", "\"quoted\", 5%"}, {"=1+1", "x < y && z > 0 \\\\"}};
  std::int64_t run = 100;
  for (const auto& [a, b] : labels) {
    experiments::RowResult row{a, {a, b}, {}};
    for (int i = 0; i < 6; ++i) {
      const std::vector<double> values = i == 5 ? std::vector<double>{} : std::vector<double>{-0.0001 * i, -12.5 * i};
      row.cells.push_back(make_cell(fmt::format("'a|b' --name {}_{}%", a, i), 2, values, {}, run += 2));
    }
    result.rows.push_back(row);
  }
  return counted(result);
}

}  // namespace denseshift::testing
