// JSON with everything.

#include "experiments/report/render.h"
#include "experiments/report/table_layout.h"
#include "results_db/value.h"

namespace denseshift::experiments {
namespace {

using Json = nlohmann::ordered_json;

// Infinities and NaN become null: JSON has none.
Json json_number(const std::optional<double>& value) {
  return value ? results_db::to_json(results_db::Value(*value)) : Json(nullptr);
}

Json cell_json(const CellResult& cell) {
  Json json;
  json["measured"] = json_number(cell.mean);
  json["spread"] = json_number(cell.spread);
  json["n"] = cell.runs.size();
  json["wanted"] = cell.wanted;
  json["paper"] = json_number(cell.paper);
  json["difference"] = json_number(cell.difference);
  json["built"] = !cell.not_built;
  json["runs"] = Json::array();
  for (const CellRun& run : cell.runs) {
    json["runs"].push_back({{"run", run.run}, {"seed", run.seed}, {"value", json_number(run.value)}});
  }
  json["commands"] = cell.commands;
  return json;
}

Json row_json(const StudyResult& result, const RowResult& row) {
  Json json;
  json["id"] = row.id;
  json["labels"] = Json::object();
  for (std::size_t i = 0; i < result.labels.size(); ++i) json["labels"][result.labels[i].first] = row.labels[i];
  json["cells"] = Json::object();
  for (std::size_t i = 0; i < row.cells.size(); ++i) json["cells"][result.columns[i].id] = cell_json(row.cells[i]);
  return json;
}

Json table_json(const StudyResult& result, const RenderOptions& options) {
  Json json;
  json["study"] = result.study;
  json["title"] = result.title;
  json["figure"] = result.figure.empty() ? Json(nullptr) : Json(result.figure);
  json["task"] = result.task;
  json["scale"] = result.scale;
  json["recipe"] = result.recipe;
  json["dataset"] = result.dataset;
  json["source"] = result.source;
  json["paper_data"] = result.paper_data;
  json["same_data"] = result.dataset == result.paper_data;
  json["value"] = value_name(result, options);
  json["filled"] = result.filled;
  json["total"] = result.total;
  json["fill"] = fill_command(result, options);
  json["labels"] = Json::array();
  for (const auto& [id, title] : result.labels) json["labels"].push_back({{"id", id}, {"title", title}});
  json["columns"] = Json::array();
  for (const ColumnHead& column : result.columns) {
    json["columns"].push_back(
        {{"id", column.id}, {"title", column.title}, {"unit", column.unit}, {"decimals", column.decimals}});
  }
  json["rows"] = Json::array();
  for (const RowResult& row : result.rows) json["rows"].push_back(row_json(result, row));
  json["notes"] = result.notes;
  return json;
}

}  // namespace

std::string render_json(const std::vector<StudyResult>& results, const RenderOptions& options) {
  Json json = Json::array();
  for (const StudyResult& result : results) json.push_back(table_json(result, options));
  return results_db::dump(json, 2) + "\n";
}

}  // namespace denseshift::experiments
