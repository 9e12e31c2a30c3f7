// CSV in long form.

#include <algorithm>

#include "experiments/report/render.h"
#include "experiments/report/table_layout.h"
#include "results_db/value.h"

namespace denseshift::experiments {
namespace {

using Fields = std::vector<std::string>;

std::string line(const Fields& fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) text += (i > 0 ? "," : "") + results_db::csv_field(fields[i]);
  return text + "\n";
}

std::string number(const std::optional<double>& value) {
  return value ? results_db::to_text(results_db::Value(*value)) : std::string();
}

/// Ids of all labels of all tables, in the order in which they come up.
Fields label_ids(const std::vector<StudyResult>& results) {
  Fields ids;
  for (const StudyResult& result : results) {
    for (const auto& [id, title] : result.labels) {
      if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
    }
  }
  return ids;
}

std::string label(const StudyResult& result, const RowResult& row, const std::string& id) {
  for (std::size_t i = 0; i < result.labels.size(); ++i) {
    if (result.labels[i].first == id) return row.labels[i];
  }
  return {};
}

/// Something of each run, separated by blanks.
template <class Part>
std::string each_run(const CellResult& cell, const Part& part) {
  std::string text;
  for (const CellRun& run : cell.runs) text += (text.empty() ? "" : " ") + part(run);
  return text;
}

Fields head_fields(const Fields& labels, const RenderOptions& options) {
  Fields fields = {"study", "title", "source", "scale", "recipe", "dataset", "paper_data", "row"};
  for (const std::string& id : labels) fields.push_back("label_" + id);
  fields.insert(fields.end(), {"column", "column_title", "unit", "value", "measured", "spread", "n", "wanted", "paper",
                               "difference", "built", "runs", "seeds", "run_values"});
  if (options.show_commands) fields.emplace_back("commands");
  return fields;
}

Fields cell_fields(const StudyResult& result, const RowResult& row, std::size_t column, const Fields& labels,
                   const RenderOptions& options) {
  const CellResult& cell = row.cells[column];
  const ColumnHead& head = result.columns[column];
  Fields fields = {result.study,  result.title,   result.source,     result.scale,
                   result.recipe, result.dataset, result.paper_data, row.id};
  for (const std::string& id : labels) fields.push_back(label(result, row, id));
  const Fields measured = {
      head.id,
      head.title,
      head.unit,
      value_name(result, options),
      number(cell.mean),
      number(cell.spread),
      std::to_string(cell.runs.size()),
      std::to_string(cell.wanted),
      number(cell.paper),
      number(cell.difference),
      cell.not_built ? "false" : "true",
      each_run(cell, [](const CellRun& run) { return std::to_string(run.run); }),
      each_run(cell, [](const CellRun& run) { return std::to_string(run.seed); }),
      each_run(cell, [](const CellRun& run) { return number(run.value); }),
  };
  fields.insert(fields.end(), measured.begin(), measured.end());
  if (options.show_commands) {
    std::string commands;
    for (const std::string& command : cell.commands) commands += (commands.empty() ? "" : "\n") + command;
    fields.push_back(commands);
  }
  return fields;
}

}  // namespace

std::string render_csv(const std::vector<StudyResult>& results, const RenderOptions& options) {
  const Fields labels = label_ids(results);
  std::string text = line(head_fields(labels, options));
  for (const StudyResult& result : results) {
    for (const RowResult& row : result.rows) {
      for (std::size_t i = 0; i < row.cells.size(); ++i) text += line(cell_fields(result, row, i, labels, options));
    }
  }
  return text;
}

}  // namespace denseshift::experiments
