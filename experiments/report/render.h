#pragma once
// Formats of a report. Each shows what was measured beside what the paper says, and never one as the other.

#include <functional>
#include <string>
#include <vector>

#include "experiments/report/study_result.h"

namespace denseshift::experiments {

/// What a report shows besides its cells.
struct RenderOptions {
  bool show_runs = false;             ///< the ids of the runs behind each cell
  bool show_commands = false;         ///< what fills each empty cell
  CellValue value = CellValue::last;  ///< which value of a run the cells hold; only said, not computed
  std::string fill_options = {};      ///< further words for `denseshift ablate STUDY --scale SCALE`, quoted for a shell
};

/// The command that runs what is missing in a table.
[[nodiscard]] std::string fill_command(const StudyResult& result, const RenderOptions& options = {});

/// Aligned plain text, UTF-8, at most about 110 columns wide: a table whose value columns do not fit side by side gets
/// a line for each of them.
[[nodiscard]] std::string render_text(const StudyResult& result, const RenderOptions& options = {});

/// GitHub's Markdown with a pipe table.
[[nodiscard]] std::string render_markdown(const StudyResult& result, const RenderOptions& options = {});

/// A LaTeX `table` environment with booktabs' rules, to be read by \input.
[[nodiscard]] std::string render_latex(const StudyResult& result, const RenderOptions& options = {});

/// A fragment of HTML: `<div class="study">` with one `<table>`, its caption and the lines below it. No style.
[[nodiscard]] std::string render_html_table(const StudyResult& result, const RenderOptions& options = {});

/// CSV (RFC 4180 with LF line ends, UTF-8) in long form: one line for each row and value column of each table, numbers
/// without rounding, missing values as empty fields. Labels have a column each, named `label_ID`; a table that lacks a
/// label leaves it empty.
[[nodiscard]] std::string render_csv(const std::vector<StudyResult>& results, const RenderOptions& options = {});

/// A JSON array with an object for each table: everything that a StudyResult holds, numbers without rounding, missing
/// values as null.
[[nodiscard]] std::string render_json(const std::vector<StudyResult>& results, const RenderOptions& options = {});

/// A format that `report --format` knows.
struct ReportFormat {
  std::string name;
  std::function<std::string(const std::vector<StudyResult>&, const RenderOptions&)> render;
};

/// All formats; a new one is a line here.
[[nodiscard]] const std::vector<ReportFormat>& report_formats();

/// By name. Throws a usage error with the nearest name.
[[nodiscard]] const ReportFormat& report_format(const std::string& name);

}  // namespace denseshift::experiments
