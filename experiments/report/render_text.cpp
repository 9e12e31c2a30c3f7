// Aligned plain text.

#include <fmt/format.h>

#include <algorithm>

#include "experiments/report/table_layout.h"

namespace denseshift::experiments {
namespace {

constexpr std::size_t kLineWidth = 110;
constexpr std::size_t kGap = 2;       // between columns
constexpr std::size_t kGroupGap = 3;  // in front of a group

std::string blanks(std::size_t count) { return std::string(count, ' '); }

std::string to_left(const std::string& text, std::size_t width) {
  const std::size_t own = display_width(text);
  return text + blanks(own < width ? width - own : 0);
}

std::string to_right(const std::string& text, std::size_t width) {
  const std::size_t own = display_width(text);
  return blanks(own < width ? width - own : 0) + text;
}

// A measured cell with the room that the widest spread of its column takes, so that means stand below each other.
std::string padded_text(const LayoutCell& cell, Field field, std::size_t spread_width) {
  if (field != Field::measured || spread_width == 0) return cell.text(field);
  return cell.mean + " " + to_left(cell.spread, spread_width);
}

struct GroupWidths {
  std::vector<std::size_t> fields;
  std::size_t spread = 0;
  std::size_t all = 0;
};

struct Widths {
  std::vector<std::size_t> labels;
  std::vector<GroupWidths> groups;
  std::size_t all = 0;
};

GroupWidths measure_group(const TableLayout& layout, std::size_t index) {
  const LayoutGroup& group = layout.groups[index];
  GroupWidths widths;
  for (const LayoutRow& row : layout.rows) {
    widths.spread = std::max(widths.spread, display_width(row.cells[index].spread));
  }
  for (const Field field : group.fields) {
    std::size_t width = display_width(layout.heading(field));
    for (const LayoutRow& row : layout.rows) {
      width = std::max(width, display_width(padded_text(row.cells[index], field, widths.spread)));
    }
    widths.fields.push_back(width);
    widths.all += width + (widths.fields.size() > 1 ? kGap : 0);
  }
  // A title that is longer than what stands below widens the first column.
  if (const std::size_t title = display_width(group.title); title > widths.all) {
    widths.fields.front() += title - widths.all;
    widths.all = title;
  }
  return widths;
}

Widths measure(const TableLayout& layout) {
  Widths widths;
  for (std::size_t i = 0; i < layout.labels.size(); ++i) {
    std::size_t width = display_width(layout.labels[i]);
    for (const LayoutRow& row : layout.rows) width = std::max(width, display_width(row.labels[i]));
    widths.labels.push_back(width);
    widths.all += width + (i > 0 ? kGap : 0);
  }
  for (std::size_t i = 0; i < layout.groups.size(); ++i) {
    widths.groups.push_back(measure_group(layout, i));
    widths.all += kGroupGap + widths.groups.back().all;
  }
  return widths;
}

std::string finish_line(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string label_part(const std::vector<std::string>& labels, const Widths& widths) {
  std::string line;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    line += blanks(i > 0 ? kGap : 0) + to_left(labels[i], widths.labels[i]);
  }
  return line;
}

/// One line of the table; `text(group, field)` is right-aligned in its column.
template <class Text>
std::string table_line(const TableLayout& layout, const Widths& widths, const std::vector<std::string>& labels,
                       const Text& text) {
  std::string line = label_part(labels, widths);
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    line += blanks(kGroupGap);
    for (std::size_t f = 0; f < layout.groups[g].fields.size(); ++f) {
      line += blanks(f > 0 ? kGap : 0) + to_right(text(g, layout.groups[g].fields[f]), widths.groups[g].fields[f]);
    }
  }
  return finish_line(line);
}

// "2 bits (%) --------" above each group.
std::string group_line(const TableLayout& layout, const Widths& widths) {
  std::string line = label_part(std::vector<std::string>(layout.labels.size()), widths);
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    const std::string& title = layout.groups[g].title;
    const std::size_t left = widths.groups[g].all - display_width(title);
    line += blanks(kGroupGap) + title + (left > 1 ? " " + std::string(left - 1, '-') : blanks(left));
  }
  return finish_line(line);
}

std::string table_text(const TableLayout& layout, const Widths& widths) {
  std::string text;
  if (std::ranges::any_of(layout.groups, [](const LayoutGroup& group) { return !group.title.empty(); })) {
    text += group_line(layout, widths);
  }
  text += table_line(layout, widths, layout.labels, [&](std::size_t, Field field) { return layout.heading(field); });
  for (const LayoutRow& row : layout.rows) {
    text += table_line(layout, widths, row.labels, [&](std::size_t g, Field field) {
      return padded_text(row.cells[g], field, widths.groups[g].spread);
    });
  }
  return text;
}

// Words on lines of at most kLineWidth; later lines are indented.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string result;
  std::size_t used = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const std::size_t width = display_width(word);
    if (used > 0 && used + 1 + width > kLineWidth) {
      result += "\n" + blanks(indent);
      used = indent;
    } else if (begin > 0) {
      result += ' ';
      ++used;
    }
    result += word;
    used += width;
    begin = end + 1;
  }
  return result + "\n";
}

std::string head_text(const TableFrame& frame) {
  constexpr std::size_t kKeyWidth = 10;
  std::string text = wrapped(frame.title, 0) + "\n";
  for (const HeadLine& line : frame.head) text += wrapped(to_left(line.key, kKeyWidth) + line.value, kKeyWidth);
  if (!frame.caution.empty()) text += wrapped(frame.caution, 0);
  return text + "\n";
}

std::string foot_text(const TableFrame& frame, const std::vector<CellCommands>& missing) {
  std::string text = "\n" + wrapped(frame.legend, 0) + wrapped(frame.filled, 0);
  if (!frame.fill_command.empty()) text += "Fill the rest: " + frame.fill_command + "\n";
  for (const std::string& note : frame.notes) text += wrapped("Note: " + note, 6);
  if (!missing.empty()) text += "\nOne by one:\n";
  for (const CellCommands& cell : missing) {
    text += "  # " + cell.cell + "\n";
    for (const std::string& command : cell.commands) text += "  " + command + "\n";
  }
  return text;
}

}  // namespace

std::string render_text(const StudyResult& result, const RenderOptions& options) {
  TableLayout layout = make_layout(result, options, Shape::wide);
  Widths widths = measure(layout);
  if (widths.all > kLineWidth && result.columns.size() > 1) {
    layout = make_layout(result, options, Shape::lines);
    widths = measure(layout);
  }
  const TableFrame frame = make_frame(result, options);
  return head_text(frame) + table_text(layout, widths) + foot_text(frame, missing_commands(result, options));
}

}  // namespace denseshift::experiments
