#include "experiments/report/figures/accuracy_bits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace denseshift::experiments {
namespace {

constexpr int kFullPrecisionBits = 16;

/// One value of a method.
struct Entry {
  std::string method;
  std::string variant;  ///< other labels that tell rows of one method and width apart
  int wbits = 0;
  std::optional<double> measured;
  double spread = 0;
  std::optional<double> paper;
};

std::string label_of(const StudyResult& result, const RowResult& row, const std::string& id) {
  for (std::size_t i = 0; i < result.labels.size() && i < row.labels.size(); ++i) {
    if (result.labels[i].first == id) return row.labels[i];
  }
  return {};
}

std::vector<Entry> entries_of(const StudyResult& result) {
  std::vector<Entry> entries;
  for (const RowResult& row : result.rows) {
    Entry entry;
    entry.method = label_of(result, row, "method");
    entry.variant = label_of(result, row, "init");
    const std::string bits = label_of(result, row, "wbits");
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), entry.wbits);
    if (error != std::errc() || row.cells.empty()) continue;
    const CellResult& cell = row.cells.front();
    entry.measured = cell.mean;
    entry.spread = cell.spread.value_or(0);
    entry.paper = cell.paper;
    entries.push_back(std::move(entry));
  }
  // "DeepShift (PT)" only where the same method has two rows of the same width.
  std::map<std::pair<std::string, int>, int> rows;
  std::set<std::string> split;
  for (const Entry& entry : entries) {
    if (++rows[{entry.method, entry.wbits}] > 1) split.insert(entry.method);
  }
  for (Entry& entry : entries) {
    if (split.contains(entry.method) && !entry.variant.empty()) entry.method += " (" + entry.variant + ")";
  }
  return entries;
}

bool is_ours(const std::string& method) { return method.starts_with("DenseShift"); }

/// Methods in the order of the table; DenseShift first, so that it has the first colour.
std::vector<std::string> method_order(const std::vector<Entry>& entries) {
  std::vector<std::string> order;
  for (const Entry& entry : entries) {
    if (std::ranges::find(order, entry.method) == order.end()) order.push_back(entry.method);
  }
  std::ranges::stable_partition(order, is_ours);
  return order;
}

plot::Panel make_panel(const std::vector<Entry>& entries, const StudyResult& result, bool measured) {
  plot::Panel panel;
  const ColumnHead& column = result.columns.front();
  panel.x.title = "bits per weight";
  panel.y.title = column.unit.empty() ? column.title : fmt::format("{} ({})", column.title, column.unit);
  const std::vector<std::string> order = method_order(entries);
  int most = 4;
  for (const Entry& entry : entries) {
    if (entry.wbits < kFullPrecisionBits) most = std::max(most, entry.wbits);
  }
  panel.x.range = plot::Range{0.6, most + 0.4};
  for (int bits = 1; bits <= most; ++bits) {
    panel.x.ticks.push_back({static_cast<double>(bits), fmt::format("{}", bits)});
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    plot::Series series;
    series.name = order[i];
    series.style = plot::numbered_style(static_cast<int>(i));
    series.style.hollow = !measured;
    series.style.dashed = !measured;
    series.style.wide = is_ours(order[i]);
    for (const Entry& entry : entries) {
      const auto& value = measured ? entry.measured : entry.paper;
      if (entry.method != order[i] || !value) continue;
      if (entry.wbits >= kFullPrecisionBits) {
        panel.rules.push_back({false, *value, fmt::format("{}, {} bits", order[i], entry.wbits), -1});
      } else {
        // A little to the side, so that methods of equal bits do not cover each other.
        const double aside = (static_cast<double>(i % 5) - 2) * 0.045;
        series.samples.push_back({entry.wbits + aside, *value, measured ? entry.spread : 0});
      }
    }
    std::ranges::sort(series.samples, {}, &plot::Sample::x);
    if (!series.samples.empty()) panel.series.push_back(std::move(series));
  }
  return panel;
}

}  // namespace

plot::Figure accuracy_bits_figure(const StudyResult& result) {
  plot::Figure figure;
  figure.title = result.title;
  figure.panel_width = 400;
  figure.panel_height = 300;
  if (result.columns.empty()) return figure;
  const std::vector<Entry> entries = entries_of(result);

  plot::Panel measured = make_panel(entries, result, true);
  measured.title = fmt::format("measured ({}, {})", result.dataset, result.scale);
  measured.subtitle = result.recipe;
  if (measured.series.empty() && measured.rules.empty()) {
    measured.y.range = plot::Range{0, 100};
    measured.empty_text = fmt::format("no run recorded yet: denseshift ablate {}", result.study);
  }
  plot::Panel paper = make_panel(entries, result, false);
  paper.title = fmt::format("paper ({})", result.paper_data);
  paper.subtitle = result.source;
  figure.panels = {std::move(measured), std::move(paper)};
  if (result.dataset != result.paper_data) {
    figure.notes.push_back(
        "Filled marks: our runs, bars: standard deviation over seeds. Hollow marks: the paper's values. The panels "
        "show "
        "different data and have axes of their own.");
  } else {
    figure.notes.push_back(
        "Filled marks: our runs, bars: standard deviation over seeds. Hollow marks: the paper's values.");
  }
  return figure;
}

}  // namespace denseshift::experiments
