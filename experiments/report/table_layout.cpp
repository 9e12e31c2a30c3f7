#include "experiments/report/table_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace denseshift::experiments {
namespace {

bool has_paper(const StudyResult& result) {
  return std::ranges::any_of(result.rows, [](const RowResult& row) {
    return std::ranges::any_of(row.cells, [](const CellResult& cell) { return cell.paper.has_value(); });
  });
}

bool has_paper(const StudyResult& result, std::size_t column) {
  return std::ranges::any_of(result.rows, [&](const RowResult& row) { return row.cells[column].paper.has_value(); });
}

std::vector<Field> fields(bool paper, const RenderOptions& options) {
  std::vector<Field> result = {Field::measured, Field::count};
  if (options.show_runs) result.push_back(Field::run_ids);
  if (paper) {
    result.push_back(Field::paper);
    result.push_back(Field::difference);
  }
  return result;
}

std::string column_title(const ColumnHead& column) {
  return plain_line(column.unit.empty() ? column.title : fmt::format("{} ({})", column.title, column.unit));
}

std::string run_ids(const CellResult& cell) {
  std::string text;
  for (const CellRun& run : cell.runs) text += fmt::format("{}{}", text.empty() ? "" : " ", run.run);
  return text.empty() ? "-" : text;
}

LayoutCell make_cell(const CellResult& cell, int decimals) {
  LayoutCell text;
  if (cell.mean) text.mean = format_number(*cell.mean, decimals);
  if (cell.mean && cell.spread) text.spread = "±" + format_number(*cell.spread, decimals);
  if (cell.wanted > 0 && !cell.not_built) {
    text.count = fmt::format("{}/{}", cell.runs.size(), cell.wanted);
  } else if (!cell.runs.empty()) {
    text.count = std::to_string(cell.runs.size());
  }
  text.run_ids = run_ids(cell);
  if (cell.paper) text.paper = format_number(*cell.paper, decimals);
  if (cell.difference) text.difference = format_difference(*cell.difference, decimals);
  return text;
}

std::vector<std::string> plain_labels(const RowResult& row) {
  std::vector<std::string> labels;
  for (const std::string& label : row.labels) labels.push_back(plain_line(label));
  return labels;
}

bool lacks_runs(const StudyResult& result) {
  return std::ranges::any_of(result.rows, [](const RowResult& row) {
    return std::ranges::any_of(row.cells, [](const CellResult& cell) { return !cell.commands.empty(); });
  });
}

std::string filled_text(const StudyResult& result) {
  if (result.total == 0) return "No cell of this table can be filled yet.";
  std::string text = fmt::format("{} of {} cells filled", result.filled, result.total);
  if (result.filled == result.total && lacks_runs(result)) text += ", some with fewer seeds than wanted";
  return text + ".";
}

}  // namespace

const char* field_title(Field field) {
  switch (field) {
    case Field::measured:
      return "measured";
    case Field::count:
      return "n";
    case Field::run_ids:
      return "runs";
    case Field::paper:
      return "paper";
    case Field::difference:
      break;
  }
  return "diff";
}

std::string LayoutCell::text(Field field) const {
  switch (field) {
    case Field::measured:
      return spread.empty() ? mean : mean + " " + spread;
    case Field::count:
      return count;
    case Field::run_ids:
      return run_ids;
    case Field::paper:
      return paper;
    case Field::difference:
      break;
  }
  return difference;
}

std::string TableLayout::heading(Field field) const {
  return field == Field::measured ? measured_title : field_title(field);
}

std::size_t TableLayout::characters() const {
  constexpr std::size_t kGap = 2;
  std::size_t all = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::size_t width = display_width(labels[i]);
    for (const LayoutRow& row : rows) width = std::max(width, display_width(row.labels[i]));
    all += width + kGap;
  }
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::size_t below = 0;
    for (const Field field : groups[g].fields) {
      std::size_t width = display_width(heading(field));
      for (const LayoutRow& row : rows) width = std::max(width, display_width(row.cells[g].text(field)));
      below += width + kGap;
    }
    all += std::max(below, display_width(groups[g].title) + kGap);
  }
  return all;
}

std::size_t TableLayout::width() const {
  std::size_t columns = labels.size();
  for (const LayoutGroup& group : groups) columns += group.fields.size();
  return columns;
}

bool TableLayout::has_spread(std::size_t group) const {
  return std::ranges::any_of(rows, [&](const LayoutRow& row) { return !row.cells[group].spread.empty(); });
}

bool TableLayout::begins_group(std::size_t row) const {
  if (labels.empty() || row == 0) return row == 0;
  const auto same = [&](std::size_t i) { return rows[i].labels.front() == rows[i - 1].labels.front(); };
  bool any = false;
  for (std::size_t i = 1; i < rows.size(); ++i) any = any || same(i);
  return any && !same(row);
}

TableLayout make_layout(const StudyResult& result, const RenderOptions& options, Shape shape) {
  TableLayout layout;
  // A benchmark's values may be modelled ones: each row says what they are.
  if (!result.benchmark.empty()) layout.measured_title = "value";
  for (const auto& [id, title] : result.labels) layout.labels.push_back(plain_line(title));
  if (shape == Shape::wide) {
    for (std::size_t i = 0; i < result.columns.size(); ++i) {
      layout.groups.push_back({column_title(result.columns[i]), fields(has_paper(result, i), options)});
    }
  } else {
    layout.labels.emplace_back("value");
    layout.groups.push_back({"", fields(has_paper(result), options)});
  }
  for (const RowResult& row : result.rows) {
    LayoutRow line{plain_labels(row), {}};
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const ColumnHead& column = result.columns[i];
      line.cells.push_back(make_cell(row.cells[i], column.decimals));
      if (shape == Shape::wide) continue;
      line.labels.push_back(column_title(column));
      layout.rows.push_back(line);
      line = {plain_labels(row), {}};
    }
    if (shape == Shape::wide) layout.rows.push_back(std::move(line));
  }
  return layout;
}

std::string fill_command(const StudyResult& result, const RenderOptions& options) {
  if (!result.benchmark.empty()) return plain_line("denseshift " + result.benchmark);
  std::string command = fmt::format("denseshift ablate {} --scale {}", result.study, result.scale);
  if (!options.fill_options.empty()) command += " " + options.fill_options;
  return plain_line(command);
}

namespace {

/// Where the values of a benchmark come from stands in its rows.
void frame_benchmark(TableFrame& frame, const StudyResult& result) {
  for (HeadLine& line : frame.head) {
    if (line.key == "measured") line = {"values", result.filled > 0 ? "as each row says" : "none yet"};
  }
  frame.caution = "The paper's values are from another machine: compare the speed-ups, not the times.";
  frame.legend = "value: of the newest recorded run of its source; diff: value - paper.";
}

}  // namespace

const char* value_name(const StudyResult& result, const RenderOptions& options) {
  if (options.value == CellValue::best) return "best";
  return result.selected ? "selected" : "last";
}

TableFrame make_frame(const StudyResult& result, const RenderOptions& options) {
  TableFrame frame;
  const bool paper = has_paper(result);
  frame.title = plain_line(fmt::format("{}: {}", result.study, result.title));
  frame.head = {{"scale", plain_line(result.scale)},
                {"recipe", plain_line(result.recipe)},
                {"measured", plain_line(result.dataset.empty() ? "nothing yet" : "on " + result.dataset)},
                {"paper", plain_line(paper ? fmt::format("on {}; source: {}", result.paper_data, result.source)
                                           : "no values for this table")}};
  if (paper && !result.dataset.empty() && result.dataset != result.paper_data) {
    frame.caution = "Measured and paper values are from different data: the difference is for orientation only.";
  }
  frame.filled = filled_text(result);
  if (lacks_runs(result)) frame.fill_command = fill_command(result, options);
  frame.legend = fmt::format("measured: mean of {} values ± sample standard deviation over seeds; n: runs/wanted{}.",
                             value_name(result, options), paper ? "; diff: measured - paper" : "");
  for (const std::string& note : result.notes) frame.notes.push_back(plain_line(note));
  if (!result.benchmark.empty()) frame_benchmark(frame, result);
  return frame;
}

std::vector<CellCommands> missing_commands(const StudyResult& result, const RenderOptions& options) {
  std::vector<CellCommands> all;
  if (!options.show_commands) return all;
  std::set<std::string> seen;
  for (const RowResult& row : result.rows) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      CellCommands cell;
      for (const std::string& label : plain_labels(row)) cell.cell += label + ", ";
      cell.cell += plain_line(result.columns[i].title);
      for (const std::string& command : row.cells[i].commands) {
        if (seen.insert(command).second) cell.commands.push_back(plain_line(command));
      }
      if (!cell.commands.empty()) all.push_back(std::move(cell));
    }
  }
  return all;
}

std::string format_number(double value, int decimals) {
  const std::string text = fmt::format("{:.{}f}", value, std::clamp(decimals, 0, 12));
  return text.starts_with('-') && text.find_first_of("123456789inf") == std::string::npos ? text.substr(1) : text;
}

std::string format_difference(double value, int decimals) {
  const std::string text = format_number(value, decimals);
  const bool positive = text[0] != '-' && text.find_first_of("123456789i") != std::string::npos;
  return positive ? "+" + text : text;
}

std::size_t display_width(const std::string& text) {
  // Every byte that does not continue a UTF-8 sequence begins a code point.
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string plain_line(const std::string& text) {
  std::string line = text;
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

}  // namespace denseshift::experiments
