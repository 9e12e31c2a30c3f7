// A table as a fragment of HTML.

#include <fmt/format.h>

#include "experiments/report/escape.h"
#include "experiments/report/table_layout.h"

namespace denseshift::experiments {
namespace {

std::string head_row(const TableLayout& layout) {
  std::string groups;
  std::string fields;
  for (const std::string& label : layout.labels) {
    groups += fmt::format("<th scope=\"col\" rowspan=\"2\">{}</th>", escape_html(label));
  }
  for (const LayoutGroup& group : layout.groups) {
    groups +=
        fmt::format("<th scope=\"colgroup\" colspan=\"{}\">{}</th>", group.fields.size(), escape_html(group.title));
    for (const Field field : group.fields) {
      fields += fmt::format("<th scope=\"col\" class=\"{}\">{}</th>", field_title(field), layout.heading(field));
    }
  }
  return "<thead>\n<tr>" + groups + "</tr>\n<tr>" + fields + "</tr>\n</thead>\n";
}

std::string measured(const LayoutCell& cell) {
  std::string text = "<span class=\"mean\">" + escape_html(cell.mean) + "</span>";
  if (!cell.spread.empty()) text += " <span class=\"spread\">" + escape_html(cell.spread) + "</span>";
  return text;
}

std::string body_row(const TableLayout& layout, std::size_t index) {
  const LayoutRow& row = layout.rows[index];
  std::string text = layout.begins_group(index) && index > 0 ? "<tr class=\"group\">" : "<tr>";
  for (const std::string& label : row.labels) text += "<th scope=\"row\">" + escape_html(label) + "</th>";
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    for (const Field field : layout.groups[g].fields) {
      const std::string value = row.cells[g].text(field);
      text += fmt::format("<td class=\"{}{}\">{}</td>", field_title(field), value == "-" ? " empty" : "",
                          field == Field::measured ? measured(row.cells[g]) : escape_html(value));
    }
  }
  return text + "</tr>\n";
}

std::string caption(const TableFrame& frame) {
  std::string text = "<caption>\n<strong>" + escape_html(frame.title) + "</strong>\n";
  for (const HeadLine& line : frame.head) {
    text += fmt::format("<span class=\"head\"><b>{}</b> {}</span>\n", line.key, escape_html(line.value));
  }
  if (!frame.caution.empty()) text += "<span class=\"caution\">" + escape_html(frame.caution) + "</span>\n";
  return text + "</caption>\n";
}

std::string foot(const TableFrame& frame, const std::vector<CellCommands>& missing) {
  std::string text = "<p class=\"legend\">" + escape_html(frame.legend) + "</p>\n<p class=\"filled\">";
  text += escape_html(frame.filled);
  if (!frame.fill_command.empty()) text += " Fill the rest: <code>" + escape_html(frame.fill_command) + "</code>";
  text += "</p>\n";
  for (const std::string& note : frame.notes) text += "<p class=\"note\">" + escape_html(note) + "</p>\n";
  if (missing.empty()) return text;
  text += "<details><summary>Commands that fill the cells</summary>\n<pre>";
  for (const CellCommands& cell : missing) {
    text += "# " + escape_html(cell.cell) + "\n";
    for (const std::string& command : cell.commands) text += escape_html(command) + "\n";
  }
  return text + "</pre>\n</details>\n";
}

}  // namespace

std::string render_html_table(const StudyResult& result, const RenderOptions& options) {
  const TableLayout layout = make_layout(result, options, Shape::wide);
  const TableFrame frame = make_frame(result, options);
  std::string text =
      fmt::format("<div class=\"study\" id=\"{}-{}\">\n", escape_html(result.study), escape_html(result.scale));
  text += "<div class=\"scroll\">\n<table>\n" + caption(frame) + head_row(layout) + "<tbody>\n";
  for (std::size_t i = 0; i < layout.rows.size(); ++i) text += body_row(layout, i);
  text += "</tbody>\n</table>\n</div>\n" + foot(frame, missing_commands(result, options));
  return text + "</div>\n";
}

}  // namespace denseshift::experiments
