#pragma once
// What a printed table holds, cell by cell as text, before a format draws it. Shared by text, md, latex and html.

#include <string>
#include <vector>

#include "experiments/report/render.h"

namespace denseshift::experiments {

/// Columns under one value column's heading.
enum class Field { measured, count, run_ids, paper, difference };

/// "measured", "n", "runs", "paper", "diff": also the names of classes in HTML.
[[nodiscard]] const char* field_title(Field field);

/// A value column's heading and what stands below it. Without any value of the paper there is no `paper` and no `diff`.
struct LayoutGroup {
  std::string title;  ///< with the unit; may be empty
  std::vector<Field> fields;
};

/// A cell; "-" where there is nothing.
struct LayoutCell {
  std::string mean = "-";
  std::string spread;  ///< "±0.31", or empty
  std::string count = "-";
  std::string run_ids = "-";
  std::string paper = "-";
  std::string difference = "-";

  /// Text of a field; the measured one is "56.48 ±0.31".
  [[nodiscard]] std::string text(Field field) const;
};

/// A printed line.
struct LayoutRow {
  std::vector<std::string> labels;
  std::vector<LayoutCell> cells;  ///< one for each group
};

/// How several value columns are printed.
enum class Shape {
  wide,   ///< side by side
  lines,  ///< a line for each, with its name as a further label
};

struct TableLayout {
  std::vector<std::string> labels;
  std::vector<LayoutGroup> groups;
  std::vector<LayoutRow> rows;
  std::string measured_title = "measured";

  /// Heading of a field: field_title(), but measured_title for the measured one.
  [[nodiscard]] std::string heading(Field field) const;
  /// About how many characters a line takes when columns stand two characters apart.
  [[nodiscard]] std::size_t characters() const;
  /// Columns in all.
  [[nodiscard]] std::size_t width() const;
  /// Whether any cell of the group has a spread.
  [[nodiscard]] bool has_spread(std::size_t group) const;
  /// Whether `row` begins a new group of rows with the same first label; never where no two neighbours share one.
  [[nodiscard]] bool begins_group(std::size_t row) const;
};

[[nodiscard]] TableLayout make_layout(const StudyResult& result, const RenderOptions& options, Shape shape);

/// Which of a run's values the cells show: "last", "best", or "selected" where another metric chose the epoch.
[[nodiscard]] const char* value_name(const StudyResult& result, const RenderOptions& options);

/// A line above the table: what and its value.
struct HeadLine {
  std::string key;
  std::string value;
};

/// What stands around a table, as plain text without any format's marks.
struct TableFrame {
  std::string title;
  std::vector<HeadLine> head;  ///< scale, recipe, measured (on what), paper (on what)
  std::string caution;         ///< non-empty when measured and paper values are from different data
  std::string filled;          ///< how many cells have a value
  std::string fill_command;    ///< empty when no run is missing
  std::string legend;          ///< how to read a cell
  std::vector<std::string> notes;
};

[[nodiscard]] TableFrame make_frame(const StudyResult& result, const RenderOptions& options);

/// Commands that fill one cell.
struct CellCommands {
  std::string cell;  ///< its labels and its value column
  std::vector<std::string> commands;
};

/// Of all empty or incomplete cells; a command that serves several cells is named with the first. Empty without
/// `show_commands`.
[[nodiscard]] std::vector<CellCommands> missing_commands(const StudyResult& result, const RenderOptions& options);

/// A number with a fixed number of decimals; never "-0.00".
[[nodiscard]] std::string format_number(double value, int decimals);

/// The same with its sign; a difference that rounds to zero has none.
[[nodiscard]] std::string format_difference(double value, int decimals);

/// Code points of UTF-8 text.
[[nodiscard]] std::size_t display_width(const std::string& text);

/// Text on one line: control characters become blanks.
[[nodiscard]] std::string plain_line(const std::string& text);

}  // namespace denseshift::experiments
