// LaTeX with booktabs.

#include <fmt/format.h>

#include <cctype>

#include "experiments/report/escape.h"
#include "experiments/report/table_layout.h"

namespace denseshift::experiments {
namespace {

constexpr std::size_t kMostCharacters = 105;  // of a table that still fits a page of 16 cm in small type

// Names in \label: other signs could end it.
std::string key(const std::string& text) {
  std::string result;
  for (const char c : text) result += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return result;
}

// A true minus in front of numbers.
std::string latex_number(const std::string& text) {
  if (text.size() > 1 && text[0] == '-') return "$-$" + text.substr(1);
  return escape_latex(text);
}

// A measured value with a spread takes two columns, so that the means stand below each other.
std::size_t columns_of(const TableLayout& layout, std::size_t group) {
  return layout.groups[group].fields.size() + (layout.has_spread(group) ? 1 : 0);
}

std::string alignment(const TableLayout& layout) {
  std::string text(layout.labels.size(), 'l');
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    for (const Field field : layout.groups[g].fields) {
      text += field == Field::measured && layout.has_spread(g) ? "r@{\\,}l" : "r";
    }
  }
  return text;
}

std::string group_heads(const TableLayout& layout) {
  std::string heads(layout.labels.empty() ? 0 : layout.labels.size() - 1, '&');
  std::string rules;
  std::size_t column = layout.labels.size();
  bool any = false;
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    const LayoutGroup& group = layout.groups[g];
    const std::size_t count = columns_of(layout, g);
    heads += fmt::format("{}\\multicolumn{{{}}}{{c}}{{{}}}", column > 0 ? " & " : "", count, escape_latex(group.title));
    rules += fmt::format("\\cmidrule(lr){{{}-{}}}", column + 1, column + count);
    column += count;
    any = any || !group.title.empty();
  }
  return any ? heads + " \\\\\n" + rules + "\n" : std::string();
}

std::string heads(const TableLayout& layout) {
  std::string line;
  const auto add = [&](const std::string& text) { line += (line.empty() ? "" : " & ") + text; };
  for (const std::string& label : layout.labels) add(escape_latex(label));
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    for (const Field field : layout.groups[g].fields) {
      const bool two = field == Field::measured && layout.has_spread(g);
      add(two ? "\\multicolumn{2}{c}{" + layout.heading(field) + "}" : layout.heading(field));
    }
  }
  return line + " \\\\\n";
}

std::string row_line(const TableLayout& layout, std::size_t index) {
  const LayoutRow& row = layout.rows[index];
  std::string line;
  bool first = true;
  const auto add = [&](const std::string& text) {
    line += (first ? "" : " & ") + text;
    first = false;
  };
  // A command before it would take a "[" at the start of a line as its argument.
  for (const std::string& label : row.labels) add((first && label.starts_with('[') ? "{}" : "") + escape_latex(label));
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    for (const Field field : layout.groups[g].fields) {
      if (field != Field::measured) {
        add(latex_number(row.cells[g].text(field)));
        continue;
      }
      add(latex_number(row.cells[g].mean));
      if (layout.has_spread(g)) add(escape_latex(row.cells[g].spread));
    }
  }
  return line + " \\\\\n";
}

std::string tabular(const TableLayout& layout) {
  std::string text = "\\begin{tabular}{" + alignment(layout) + "}\n\\toprule\n";
  text += group_heads(layout) + heads(layout) + "\\midrule\n";
  for (std::size_t i = 0; i < layout.rows.size(); ++i) {
    if (i > 0 && layout.begins_group(i)) text += "\\midrule\n";
    text += row_line(layout, i);
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

std::string latex_caption(const TableFrame& frame) {
  std::string text = escape_latex(frame.title) + ".";
  for (const HeadLine& line : frame.head) {
    text += fmt::format(" {}{}: {}.", static_cast<char>(std::toupper(line.key[0])), line.key.substr(1),
                        escape_latex(line.value));
  }
  if (!frame.caution.empty()) text += " \\textbf{" + escape_latex(frame.caution) + "}";
  return text;
}

std::string foot(const TableFrame& frame) {
  std::string text = "\\par\\medskip\n\\begin{minipage}{\\linewidth}\\footnotesize\n";
  text += escape_latex(frame.legend) + "\n" + escape_latex(frame.filled) + "\n";
  if (!frame.fill_command.empty()) text += "Fill the rest: \\texttt{" + escape_latex(frame.fill_command) + "}.\n";
  for (const std::string& note : frame.notes) text += "Note: " + escape_latex(note) + "\n";
  return text + "\\end{minipage}\n";
}

}  // namespace

std::string render_latex(const StudyResult& result, const RenderOptions& options) {
  TableLayout layout = make_layout(result, options, Shape::wide);
  if (layout.characters() > kMostCharacters && result.columns.size() > 1)
    layout = make_layout(result, options, Shape::lines);
  const TableFrame frame = make_frame(result, options);
  std::string text = "% Needs \\usepackage{booktabs}.\n\\begin{table}[htbp]\n\\centering\n\\small\n";
  text += "\\setlength{\\tabcolsep}{4pt}\n\\caption{" + latex_caption(frame) + "}\n\\smallskip\n";
  text += fmt::format("\\label{{tab:{}-{}}}\n", key(result.study), key(result.scale));
  text += tabular(layout) + foot(frame) + "\\end{table}\n";
  for (const CellCommands& cell : missing_commands(result, options)) {
    text += "% " + cell.cell + "\n";
    for (const std::string& command : cell.commands) text += "%   " + command + "\n";
  }
  return text;
}

}  // namespace denseshift::experiments
