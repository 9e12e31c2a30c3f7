#include "experiments/report/figures/dynamics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace denseshift::experiments {
namespace {

constexpr double kFar = 1e9;  ///< beyond every axis; regions are cut at the panel

int gate(double w) { return w > 0 ? 1 : 0; }

/// The regions of constant S_2 = H(w_2) (H(w_1) + 1).
std::vector<plot::Region> gate_regions() {
  return {{{-kFar, kFar}, {-kFar, 0}, 0}, {{-kFar, 0}, {0, kFar}, 1}, {{0, kFar}, {0, kFar}, 2}};
}

std::vector<plot::Rule> zero_rules() { return {{true, 0, "threshold", -1}, {false, 0, "threshold", -1}}; }

/// `count` of `size` indices, first and last among them.
std::vector<std::size_t> even_choice(std::size_t size, std::size_t count) {
  std::vector<std::size_t> chosen;
  if (size <= count || count < 2) {
    for (std::size_t i = 0; i < std::min(size, std::max<std::size_t>(count, 1)); ++i) chosen.push_back(i);
    return chosen;
  }
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(i * (size - 1) / (count - 1));
  return chosen;
}

/// w_1 with its index below the line.
std::string reference_title(const std::string& tensor) {
  if (tensor.size() != 3 || !tensor.starts_with("w_") || tensor[2] < '0' || tensor[2] > '9') return tensor;
  return std::string("w\xE2\x82") + static_cast<char>('\x80' + (tensor[2] - '0'));
}

double component(const TracePoint& point, const std::string& tensor) {
  const auto found = point.trained.find(tensor);
  return found == point.trained.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

std::string no_run(const std::string& study) { return fmt::format("no run recorded yet: denseshift ablate {}", study); }

}  // namespace

plot::Panel phase_plane_panel() {
  plot::Panel panel;
  panel.title = "(a) phase plane of S\u2082";
  panel.subtitle = "arrows: update when larger S lowers the loss";
  panel.x = {reference_title("w_1"), plot::Range{-1, 1}, {}};
  panel.y = {reference_title("w_2"), plot::Range{-1, 1}, {}};
  panel.regions = gate_regions();
  panel.rules = zero_rules();
  constexpr double kUnit = 0.085;  // length of an arrow for a gradient of 1
  for (double y = -0.875; y < 1; y += 0.25) {
    for (double x = -0.875; x < 1; x += 0.25) {
      const double dx = kUnit * gate(y);
      const double dy = kUnit * (gate(x) + 1);
      panel.flow.push_back({{x - dx / 2, y - dy / 2}, {x + dx / 2, y + dy / 2}});
    }
  }
  panel.labels = {{{0, -0.5}, "S\u2082 = 0"}, {{-0.5, 0.5}, "S\u2082 = 1"}, {{0.5, 0.5}, "S\u2082 = 2"}};
  return panel;
}

plot::Panel histogram_panel(const std::vector<WeightHistogram>& histograms, const std::vector<double>& thresholds,
                            std::size_t ridges) {
  plot::Panel panel;
  panel.y.title = "epoch";
  if (histograms.empty()) return panel;
  panel.x.title = reference_title(histograms.front().tensor);
  const auto chosen = even_choice(histograms.size(), ridges);
  double highest = 0;
  double low = INFINITY;
  double high = -INFINITY;
  const auto density = [](const WeightHistogram& h, double count) {
    double total = 0;
    for (const double c : h.counts) total += c;
    return total > 0 && h.high > h.low ? count / total * static_cast<double>(h.counts.size()) / (h.high - h.low) : 0.0;
  };
  for (const std::size_t i : chosen) {
    for (const double count : histograms[i].counts) highest = std::max(highest, density(histograms[i], count));
    low = std::min(low, histograms[i].low);
    high = std::max(high, histograms[i].high);
  }
  const double first = histograms[chosen.front()].epoch;
  const double last = histograms[chosen.back()].epoch;
  const double distance = chosen.size() > 1 ? (last - first) / static_cast<double>(chosen.size() - 1) : 1;
  // The highest ridge reaches over two more.
  const double scale = highest > 0 ? 2.6 * distance / highest : 0;
  panel.x.range = plot::Range{low, high};
  panel.y.range = plot::Range{first - distance * 0.2, last + distance * 2.8};
  for (auto i = chosen.rbegin(); i != chosen.rend(); ++i) {  // later epochs lie behind
    const WeightHistogram& h = histograms[*i];
    plot::Ridge ridge{h.epoch, h.low, h.high, {}, 0};
    for (const double count : h.counts) ridge.heights.push_back(scale * density(h, count));
    panel.ridges.push_back(std::move(ridge));
    panel.y.ticks.push_back({h.epoch, plot::short_number(h.epoch)});
  }
  for (const double t : thresholds) {
    if (t > low && t < high) panel.rules.push_back({true, t, "threshold", -1});
  }
  return panel;
}

std::vector<double> level_thresholds(const std::string& method, const std::string& tensor, std::int64_t wbits) {
  const int magnitudes = 1 << std::clamp<int>(static_cast<int>(wbits) - 1, 1, 7);
  if (tensor.starts_with("w_")) return {0};
  if (method == "deepshift-ps" && tensor == "sign") return {-0.5, 0.5};
  if (method == "deepshift-ps" && tensor == "shift") {
    std::vector<double> limits;
    for (int k = 0; k < magnitudes - 2; ++k) limits.push_back(-k - 0.5);
    return limits;
  }
  if (method == "deepshift-q") {
    std::vector<double> limits{0};
    for (int k = 0; k < magnitudes - 1; ++k) {
      limits.push_back(std::exp2(-k - 0.5));
      limits.push_back(-limits.back());
    }
    return limits;
  }
  return {};
}

plot::Panel trace_panel(const std::vector<WeightTrace>& traces, const std::string& x, const std::string& y,
                        std::size_t most) {
  constexpr std::size_t kPointsPerTrace = 200;
  plot::Panel panel;
  panel.x.title = reference_title(x);
  panel.y.title = reference_title(y);
  panel.rules = zero_rules();
  int colour = 0;
  for (const std::size_t i : even_choice(traces.size(), most)) {
    plot::Series series;
    series.name = "start \u2013 end of a weight";
    series.style.only_ends = true;
    series.style.mark_size = 5.5;
    series.style.thin = true;
    series.style.colour = colour++;
    for (const std::size_t k : even_choice(traces[i].points.size(), kPointsPerTrace)) {
      const TracePoint& point = traces[i].points[k];
      const plot::Sample sample{component(point, x), component(point, y), 0};
      if (std::isfinite(sample.x) && std::isfinite(sample.y)) series.samples.push_back(sample);
    }
    if (!series.samples.empty()) panel.series.push_back(std::move(series));
  }
  return panel;
}

plot::Figure dynamics_figure(const std::string& title, const std::string& study,
                             const std::optional<TracedRun>& histogram_run,
                             const std::vector<WeightHistogram>& histograms, const std::optional<TracedRun>& trace_run,
                             const std::vector<WeightTrace>& traces) {
  plot::Figure figure;
  figure.title = title;
  figure.panels.push_back(phase_plane_panel());

  std::vector<double> thresholds;
  if (histogram_run && !histograms.empty()) {
    thresholds = level_thresholds(histogram_run->method, histograms.front().tensor, histogram_run->wbits);
  }
  plot::Panel ridges = histogram_panel(histograms, thresholds);
  ridges.title = "(b) weights of a sign-shift quantizer over training";
  if (histogram_run && !histograms.empty()) {
    ridges.subtitle = fmt::format("{}; {}", histogram_run->title, histograms.front().layer);
  } else {
    ridges.x.title = "weight";
    ridges.x.range = plot::Range{-1, 1};
    ridges.empty_text = no_run(study);
  }
  figure.panels.push_back(std::move(ridges));

  plot::Panel plane = trace_panel(traces, "w_1", "w_2");
  plane.title = "(c) weight traces of DenseShift";
  plane.regions = gate_regions();
  if (trace_run && !plane.series.empty()) {
    plane.subtitle = fmt::format("{}; {}", trace_run->title, traces.front().layer);
  } else {
    plane.x.range = plot::Range{-1, 1};
    plane.y.range = plot::Range{-1, 1};
    plane.empty_text = no_run(study);
  }
  figure.panels.push_back(std::move(plane));
  figure.notes.push_back(
      "Shaded in (a) and (c): regions of equal S\u2082 = H(w\u2082)(H(w\u2081) + 1). dS\u2082/dw\u2082 = H(w\u2081) + "
      "1 and "
      "dS\u2082/dw\u2081 = H(w\u2082) under the straight-through estimator: a closed outer gate blocks the inner one.");
  return figure;
}

}  // namespace denseshift::experiments
