// GitHub's Markdown.

#include <algorithm>

#include "experiments/report/escape.h"
#include "experiments/report/table_layout.h"

namespace denseshift::experiments {
namespace {

constexpr std::size_t kMostColumns = 18;  // of a table that still fits a page on GitHub

std::string cell(const std::string& text) { return " " + escape_markdown(text) + " |"; }

// A run of backticks longer than any in the text delimits it.
std::string code(const std::string& text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
  const std::string marks(longest + 1, '`');
  return longest == 0 ? marks + text + marks : marks + " " + text + " " + marks;
}

// Markdown has one line of headings: each names its value column.
std::string heading(const TableLayout& layout, const LayoutGroup& group, Field field) {
  return group.title.empty() ? layout.heading(field) : group.title + " " + layout.heading(field);
}

std::string table_markdown(const TableLayout& layout) {
  std::string heads = "|";
  std::string rule = "|";
  for (const std::string& label : layout.labels) {
    heads += cell(label);
    rule += " --- |";
  }
  for (const LayoutGroup& group : layout.groups) {
    for (const Field field : group.fields) {
      heads += cell(heading(layout, group, field));
      rule += " ---: |";
    }
  }
  std::string text = heads + "\n" + rule + "\n";
  for (const LayoutRow& row : layout.rows) {
    text += "|";
    for (const std::string& label : row.labels) text += cell(label);
    for (std::size_t g = 0; g < layout.groups.size(); ++g) {
      for (const Field field : layout.groups[g].fields) text += cell(row.cells[g].text(field));
    }
    text += "\n";
  }
  return text;
}

std::string commands_markdown(const std::vector<CellCommands>& missing) {
  std::string text = "\n```sh\n";
  for (const CellCommands& cell : missing) {
    text += "# " + cell.cell + "\n";
    for (const std::string& command : cell.commands) text += command + "\n";
  }
  return text + "```\n";
}

}  // namespace

std::string render_markdown(const StudyResult& result, const RenderOptions& options) {
  TableLayout layout = make_layout(result, options, Shape::wide);
  if (layout.width() > kMostColumns && result.columns.size() > 1) layout = make_layout(result, options, Shape::lines);
  const TableFrame frame = make_frame(result, options);
  std::string text = "### " + escape_markdown(frame.title) + "\n\n";
  for (const HeadLine& line : frame.head) text += "- " + line.key + ": " + escape_markdown(line.value) + "\n";
  if (!frame.caution.empty()) text += "\n**" + escape_markdown(frame.caution) + "**\n";
  text += "\n" + table_markdown(layout) + "\n" + escape_markdown(frame.legend) + "\n\n";
  text += escape_markdown(frame.filled);
  if (!frame.fill_command.empty()) text += " Fill the rest: " + code(frame.fill_command);
  text += "\n";
  if (!frame.notes.empty()) text += "\n";
  for (const std::string& note : frame.notes) text += "- " + escape_markdown(note) + "\n";
  const std::vector<CellCommands> missing = missing_commands(result, options);
  return missing.empty() ? text : text + commands_markdown(missing);
}

}  // namespace denseshift::experiments
