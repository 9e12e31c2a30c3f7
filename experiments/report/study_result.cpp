#include "experiments/report/study_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/util/shell_line.h"
#include "experiments/report/benchmark_rows.h"
#include "experiments/studies/cells.h"
#include "results_db/statement.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;
using results_db::Statement;

/// Finished runs of a recipe by seed, the newest first.
std::map<std::uint64_t, std::vector<std::int64_t>> finished_runs(const Database& database,
                                                                 const std::string& recipe_hash) {
  Statement rows(database,
                 "SELECT CAST(seed AS TEXT), id FROM main.runs WHERE recipe_hash = ? AND status = 'finished' "
                 "ORDER BY id DESC",
                 recipe_hash);
  std::map<std::uint64_t, std::vector<std::int64_t>> runs;
  while (rows.step()) runs[std::stoull(rows.text(0))].push_back(rows.integer(1));
  return runs;
}

class Evaluation {
 public:
  Evaluation(const Study& study, const StudyScale& scale, const Database* database, const EvaluateOptions& options)
      : study_(study), scale_(scale), database_(database), options_(options) {}

  StudyResult run() {
    describe();
    if (!result_.benchmark.empty()) {
      fill_from_benchmarks(result_, study_, database_, options_.value);
      return std::move(result_);
    }
    for (const StudyRow& row : study_.rows) {
      if (!row.hidden) result_.rows.push_back(row_result(row));
    }
    return std::move(result_);
  }

 private:
  void describe() {
    result_.study = study_.name;
    result_.title = study_.title;
    result_.source = study_.source;
    result_.paper_data = study_.paper_data;
    result_.task = study_.task;
    result_.figure = study_.figure;
    result_.benchmark = benchmark_of_task(study_.task);
    result_.scale = scale_.name;
    result_.recipe = scale_.recipe.title;
    result_.dataset = scale_.recipe.dataset;
    result_.labels = study_.labels;
    for (const StudyColumn& column : study_.columns) {
      const auto title = scale_.column_titles.find(column.id);
      result_.columns.push_back({column.id, title == scale_.column_titles.end() ? column.title : title->second,
                                 column.unit, column.decimals});
      result_.selected = result_.selected || column.metric.selected_by.has_value();
    }
    for (const std::string& note : {study_.note, scale_.note}) {
      if (!note.empty()) result_.notes.push_back(note);
    }
    for (const auto& [key, pairs] : scale_.replace) {
      for (const auto& [from, to] : pairs) {
        result_.notes.push_back(fmt::format("At this scale {} {} stands for {}.", key, to, from));
      }
    }
    if (!task_is_built(study_.task) && result_.benchmark.empty()) {
      result_.notes.push_back(fmt::format("The task {} is not built yet: its cells stay empty.", study_.task));
    }
  }

  RowResult row_result(const StudyRow& row) {
    RowResult result;
    result.id = row.id;
    for (const auto& [id, title] : study_.labels) {
      const auto label = row.labels.find(id);
      result.labels.push_back(label == row.labels.end() ? "" : label->second);
    }
    for (const StudyColumn& column : study_.columns) {
      CellResult cell = column.difference ? difference_cell(row, column) : run_cell(row, column);
      if (const auto paper = row.paper.find(column.id); paper != row.paper.end()) cell.paper = paper->second;
      summarise(cell);
      if (cell.wanted > 0) ++result_.total;
      if (cell.wanted > 0 && cell.mean) ++result_.filled;
      result.cells.push_back(std::move(cell));
    }
    return result;
  }

  CellResult run_cell(const StudyRow& row, const StudyColumn& column) {
    CellResult cell;
    cell.not_built = !task_is_built(study_.task);
    if (cell.not_built || row.cited) return cell;
    cell.wanted = options_.seeds > 0 ? options_.seeds : scale_.seeds;
    const StudyCell wanted = study_cell(study_, scale_, row, column, 1);
    if (database_ != nullptr) {
      for (const auto& [seed, runs] : finished_runs(*database_, wanted.recipe_hash)) {
        add_newest(cell, seed, runs, row, column);
      }
    }
    for (std::uint64_t seed = 1; seed <= static_cast<std::uint64_t>(cell.wanted); ++seed) {
      if (std::ranges::find(cell.runs, seed, &CellRun::seed) == cell.runs.end()) {
        cell.commands.push_back(command(row, column, seed));
      }
    }
    return cell;
  }

  /// The newest run that has the value.
  void add_newest(CellResult& cell, std::uint64_t seed, const std::vector<std::int64_t>& runs, const StudyRow& row,
                  const StudyColumn& column) const {
    for (const std::int64_t run : runs) {
      if (const auto value = run_value(*database_, run, cell_metric(row, column), options_.value)) {
        cell.runs.push_back({run, seed, *value * column.factor});
        return;
      }
    }
  }

  std::string command(const StudyRow& row, const StudyColumn& column, std::uint64_t seed) const {
    const StudyCell cell = study_cell(study_, scale_, row, column, seed);
    std::vector<std::string> words = {"denseshift", cell.config.backbone.empty() ? "train" : "finetune"};
    for (const std::string& word : train_arguments(cell.config)) words.push_back(word);
    return shell_line(words);
  }

  /// Pairs runs by seed, so that what the seeds have in common does not count.
  CellResult difference_cell(const StudyRow& row, const StudyColumn& column) {
    CellResult cell;
    cell.not_built = !task_is_built(study_.task);
    if (cell.not_built || row.cited) return cell;
    const CellResult a = run_cell(row, study_.column(column.difference->first));
    const CellResult b = run_cell(row, study_.column(column.difference->second));
    for (const CellRun& of_a : a.runs) {
      const auto of_b = std::ranges::find(b.runs, of_a.seed, &CellRun::seed);
      if (of_b != b.runs.end()) cell.runs.push_back({of_a.run, of_a.seed, of_a.value - of_b->value});
    }
    return cell;
  }

  const Study& study_;
  const StudyScale& scale_;
  const Database* database_;
  const EvaluateOptions& options_;
  StudyResult result_;
};

}  // namespace

std::optional<double> run_value(const Database& database, std::int64_t run, const MetricReference& metric,
                                CellValue which) {
  if (metric.selected_by && which == CellValue::last) {
    Statement row(database,
                  "SELECT m.value FROM summary s JOIN metrics m ON m.run = s.run AND m.epoch = s.best_epoch "
                  "WHERE s.run = ? AND s.split = ? AND s.name = ? AND m.split = ? AND m.name = ?",
                  run, metric.selected_by->first, metric.selected_by->second, metric.split, metric.name);
    if (!row.step() || row.is_null(0)) return std::nullopt;
    return row.real(0);
  }
  Statement row(database, "SELECT last, best FROM summary WHERE run = ? AND split = ? AND name = ?", run, metric.split,
                metric.name);
  const int column = which == CellValue::last ? 0 : 1;
  if (!row.step() || row.is_null(column)) return std::nullopt;
  return row.real(column);
}

void summarise(CellResult& cell) {
  if (!cell.runs.empty()) {
    double sum = 0;
    for (const CellRun& run : cell.runs) sum += run.value;
    const auto count = static_cast<double>(cell.runs.size());
    cell.mean = sum / count;
    if (cell.runs.size() > 1) {
      double squares = 0;
      for (const CellRun& run : cell.runs) squares += (run.value - *cell.mean) * (run.value - *cell.mean);
      cell.spread = std::sqrt(squares / (count - 1));
    }
  }
  if (cell.mean && cell.paper) cell.difference = *cell.mean - *cell.paper;
}

StudyResult evaluate_study(const Study& study, const StudyScale& scale, const Database* database,
                           const EvaluateOptions& options) {
  return Evaluation(study, scale, database, options).run();
}

std::vector<std::string> scales_with_runs(const Study& study, const Database& database) {
  std::vector<std::string> names;
  if (!benchmark_of_task(study.task).empty() && has_benchmarks(study, database)) names.emplace_back("paper");
  if (!task_is_built(study.task)) return names;
  for (const std::string& name : study_scales()) {
    const auto scale = std::ranges::find(study.scales, name, &StudyScale::name);
    if (scale == study.scales.end()) continue;
    const std::vector<StudyCell> cells = study_cells(study, *scale, 1);
    if (std::ranges::any_of(
            cells, [&](const StudyCell& cell) { return !finished_runs(database, cell.recipe_hash).empty(); })) {
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace denseshift::experiments
