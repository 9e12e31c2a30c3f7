#pragma once
// A study is a table or figure whose cells are configurations: rows, columns, recipes for three scales, and the paper's
// values. Studies are JSON files (experiments/recipes), embedded in the program and overridable from disk. Nothing here
// needs LibTorch: a study's cells name every key that would otherwise be filled in at the start of a training.

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace denseshift::experiments {

/// The scales in the order of their size. A result of one is never shown as a result of another.
[[nodiscard]] const std::vector<std::string>& study_scales();

/// Data, network and schedule that many studies share: equal configurations are one run in the database.
struct Recipe {
  std::string name;
  std::string title;    ///< one line for people: data, size, epochs
  std::string dataset;  ///< as the report prints it: "shapes (rendered)", "CIFAR-10"
  nlohmann::ordered_json set = nlohmann::ordered_json::object();
  double seconds = 0;       ///< of one run where it was measured; 0: unknown
  std::string measured_on;  ///< the machine of `seconds`
};

/// A value of a run: the metric's last (or best) value in `summary`. "{row}" in the name stands for the row's id.
struct MetricReference {
  std::string split = "val";
  std::string name = "top1";
  /// Split and name of another metric: in place of the last value, the value of the epoch where that one was best.
  std::optional<std::pair<std::string, std::string>> selected_by = {};
  bool operator==(const MetricReference&) const = default;
};

/// A column of cells. A difference column has no runs of its own: it subtracts two other columns seed by seed.
struct StudyColumn {
  std::string id;
  std::string title;
  nlohmann::ordered_json set = nlohmann::ordered_json::object();
  MetricReference metric;
  std::string unit = "%";
  int decimals = 2;
  double factor = 1;  ///< the recorded value is multiplied by this before it is shown
  std::optional<std::pair<std::string, std::string>> difference;  ///< (a, b): a - b
};

/// A row: what is printed in front, its part of the configuration, and the paper's values by column.
struct StudyRow {
  std::string id;
  std::map<std::string, std::string> labels;  ///< by label id
  nlohmann::ordered_json set = nlohmann::ordered_json::object();
  std::map<std::string, double> paper;  ///< by column id
  bool hidden = false;                  ///< only there because other rows start from it
  bool cited = false;                   ///< somebody else's result that the paper prints: never run here
};

/// How a study is run at one scale.
struct StudyScale {
  std::string name;
  Recipe recipe;
  int seeds = 1;  ///< seeds 1 .. seeds
  std::string note;
  nlohmann::ordered_json set = nlohmann::ordered_json::object();
  std::map<std::string, nlohmann::ordered_json> rows;     ///< by row id
  std::map<std::string, Recipe> row_recipes;              ///< rows of another recipe: what others start from
  std::map<std::string, nlohmann::ordered_json> columns;  ///< by column id
  std::map<std::string, std::string> column_titles;       ///< where the scale changes what a column means
  /// Values exchanged after everything is merged, by key: {"arch": {"resnet50": "resnet32"}}.
  std::map<std::string, std::map<std::string, std::string>> replace;
};

/// A table, or the runs behind a figure.
struct Study {
  std::string name;
  std::string title;
  std::string source;      ///< "paper, table 1", or "ours"
  std::string paper_data;  ///< what the paper's values were measured on
  std::string task = "classification";
  std::string figure;  ///< empty for a table; else which drawing: accuracy-bits, dynamics, start
  std::string note;
  std::vector<std::pair<std::string, std::string>> labels;  ///< (id, title) of the leading columns
  std::vector<StudyColumn> columns;
  std::vector<StudyRow> rows;
  std::vector<StudyScale> scales;
  std::vector<std::string> aliases;

  /// Throws a usage error with the nearest name.
  [[nodiscard]] const StudyScale& scale(const std::string& name) const;
  [[nodiscard]] const StudyColumn& column(const std::string& id) const;
  [[nodiscard]] const StudyRow& row(const std::string& id) const;
};

/// The metric of a cell: the column's, with the row's id filled in.
[[nodiscard]] MetricReference cell_metric(const StudyRow& row, const StudyColumn& column);

/// Tasks that this program can train; cells of other tasks have no configuration.
[[nodiscard]] bool task_is_built(const std::string& task);
/// The command whose recorded runs fill a task that is measured instead of trained ("bench kernels"); empty for others.
[[nodiscard]] std::string benchmark_of_task(const std::string& task);

/// All studies. Order: tables, kernels, ablations, figures, then those from disk.
class StudyCatalog {
 public:
  /// The embedded studies, and those in `folder` (*.json; empty: none), which replace embedded ones of the same name.
  /// Throws a usage error "FILE: WHERE: ..." for unknown keys (with the nearest), wrong types and broken references.
  explicit StudyCatalog(const std::filesystem::path& folder = {});

  [[nodiscard]] const std::vector<Study>& studies() const { return studies_; }
  /// By name or alias. Throws a usage error with the nearest name.
  [[nodiscard]] const Study& get(const std::string& name) const;

 private:
  std::vector<Study> studies_;
};

}  // namespace denseshift::experiments
