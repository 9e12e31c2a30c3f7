#include "experiments/report/benchmark_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "results_db/statement.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;
using results_db::Statement;

/// Runs with the same words about where their values come from, the newest first.
struct Source {
  std::string text;
  std::string isa;
  std::vector<std::int64_t> runs;
};

/// In the order of their newest runs, the newest last, so that a table grows at its end.
std::vector<Source> load_sources(const Study& study, const Database& database) {
  Statement rows(database,
                 "SELECT id, coalesce(json_extract(environment, '$.source'), ''), "
                 "coalesce(json_extract(environment, '$.isa'), '') FROM main.runs "
                 "JOIN main.run_documents ON run = id "
                 "WHERE command = ? AND status = 'finished' ORDER BY id DESC",
                 benchmark_of_task(study.task));
  std::vector<Source> sources;
  while (rows.step()) {
    auto found = std::ranges::find(sources, rows.text(1), &Source::text);
    if (found == sources.end()) found = sources.insert(sources.end(), {rows.text(1), rows.text(2), {}});
    found->runs.push_back(rows.integer(0));
  }
  std::ranges::reverse(sources);
  return sources;
}

/// The newest run that has the value fills the cell.
CellResult source_cell(const StudyRow& row, const StudyColumn& column, const Source& source, const Database& database,
                       CellValue which) {
  CellResult cell;
  for (const std::int64_t run : source.runs) {
    if (const auto value = run_value(database, run, cell_metric(row, column), which)) {
      cell.runs.push_back({run, 0, *value * column.factor});
      break;
    }
  }
  return cell;
}

RowResult make_row(const Study& study, const StudyRow& row, const Source* source, const Database* database,
                   CellValue which) {
  RowResult result;
  result.id = row.id;
  for (const auto& [id, title] : study.labels) {
    const auto label = row.labels.find(id);
    result.labels.push_back(label == row.labels.end() ? "" : label->second);
  }
  result.labels.push_back(source == nullptr ? "-" : source->text);
  for (const StudyColumn& column : study.columns) {
    CellResult cell = source == nullptr ? CellResult() : source_cell(row, column, *source, *database, which);
    cell.wanted = 1;
    if (const auto paper = row.paper.find(column.id); paper != row.paper.end()) cell.paper = paper->second;
    summarise(cell);
    if (!cell.mean) cell.commands.push_back("denseshift " + benchmark_of_task(study.task));
    result.cells.push_back(std::move(cell));
  }
  return result;
}

std::string reason(const std::string& row, const std::string& isa) {
  if (row != "fp16") return {};
  if (isa.starts_with("avx")) return " (x86 converts FP16 to FP32 in one cheap instruction)";
  if (isa == "neon-fp16") return " (this CPU computes in FP16 and needs no conversion)";
  return {};
}

/// Whether the paper's claim holds where these values are from, in words.
std::string verdict(const std::string& row, const std::string& kernel, const Source& source, double ours,
                    double paper) {
  constexpr double kNoGain = 1.05;
  constexpr double kAsThePaper = 0.9;
  const std::string figures =
      fmt::format("{}: the {} kernel of DenseShift is {:.2f} times as fast as its baseline, {:.2f} in the paper",
                  source.text, kernel, ours, paper);
  if (ours < kNoGain) return fmt::format("{}: the claim does not hold there{}.", figures, reason(row, source.isa));
  if (ours < kAsThePaper * paper) return fmt::format("{}: it gains less there{}.", figures, reason(row, source.isa));
  return figures + ": the claim holds there.";
}

void append_verdicts(StudyResult& result, const Study& study, const std::vector<Source>& sources) {
  constexpr const char* kSpeedup = "speedup";
  const auto column = std::ranges::find(study.columns, kSpeedup, &StudyColumn::id);
  if (column == study.columns.end()) return;
  const auto index = static_cast<std::size_t>(column - study.columns.begin());
  for (const Source& source : sources) {
    for (const RowResult& row : result.rows) {
      const CellResult& cell = row.cells[index];
      if (row.labels.back() != source.text || !cell.mean || !cell.paper) continue;
      const std::string kernel = row.labels.size() > 1 ? row.labels.front() : row.id;
      result.notes.push_back(verdict(row.id, kernel, source, *cell.mean, *cell.paper));
    }
  }
}

bool any_value(const RowResult& row) {
  return std::ranges::any_of(row.cells, [](const CellResult& cell) { return cell.mean.has_value(); });
}

}  // namespace

void fill_from_benchmarks(StudyResult& result, const Study& study, const Database* database, CellValue which) {
  const std::vector<Source> sources = database == nullptr ? std::vector<Source>() : load_sources(study, *database);
  result.labels.emplace_back("source", "Source");
  for (const StudyRow& row : study.rows) {
    const std::size_t before = result.rows.size();
    for (const Source& source : sources) {
      RowResult filled = make_row(study, row, &source, database, which);
      if (any_value(filled)) result.rows.push_back(std::move(filled));
    }
    if (result.rows.size() == before) result.rows.push_back(make_row(study, row, nullptr, nullptr, which));
  }
  for (const RowResult& row : result.rows) {
    for (const CellResult& cell : row.cells) {
      ++result.total;
      if (cell.mean) ++result.filled;
    }
  }
  append_verdicts(result, study, sources);
}

bool has_benchmarks(const Study& study, const Database& database) { return !load_sources(study, database).empty(); }

}  // namespace denseshift::experiments
