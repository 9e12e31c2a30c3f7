#include "experiments/report/figures/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/util/error.h"
#include "core/util/suggest.h"
#include "results_db/query.h"
#include "results_db/statement.h"
#include "results_db/value.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (!contains(names, name)) names.push_back(name);
}

std::string run_title(const Database& database, std::int64_t run) {
  results_db::Statement row(database, "SELECT name, method, wbits, arch FROM runs WHERE id = ?", run);
  if (!row.step()) return fmt::format("{}", run);
  if (!row.text(0).empty()) return fmt::format("{} {}", run, row.text(0));
  return fmt::format("{} {} {} W{}", run, row.text(3), row.text(1), row.integer(2));
}

void require_known(const std::vector<std::string>& wanted, const std::vector<std::string>& recorded,
                   const std::string& option) {
  for (const std::string& name : wanted) {
    if (contains(recorded, name)) continue;
    throw usage_error(fmt::format("--{}: none of these runs recorded '{}'", option, name), suggestion(name, recorded));
  }
}

/// Metrics whose unit is known.
std::string metric_title(const std::string& metric) {
  if (metric == "top1" || metric == "top5") return metric + " (%)";
  if (metric == "images_per_second") return "images/s";
  return metric;
}

/// The shortest of a name that still fits a legend.
std::string shortened(const std::string& text) {
  constexpr std::size_t kMost = 48;
  if (text.size() <= kMost) return text;
  std::size_t end = kMost - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return text.substr(0, end) + "\u2026";
}

plot::Panel metric_panel(const std::vector<Curve>& curves, const std::string& metric,
                         const std::vector<std::string>& splits, const std::vector<std::int64_t>& runs) {
  plot::Panel panel;
  panel.title = metric;
  panel.x.title = "epoch";
  panel.x.whole = true;
  panel.y.title = metric_title(metric);
  for (const Curve& curve : curves) {
    if (curve.metric != metric) continue;
    const auto run = std::ranges::find(runs, curve.run) - runs.begin();
    const auto split = std::ranges::find(splits, curve.split) - splits.begin();
    plot::Series series;
    series.name = shortened(curve.name) + (splits.size() > 1 ? ", " + curve.split : "");
    series.style = plot::numbered_style(static_cast<int>(run));
    series.style.dashed = split > 0;
    series.style.mark_size = 5;
    // Marks on long curves would hide the line.
    if (curve.points.size() > 30) series.style.mark = plot::Mark::none;
    for (const auto& [epoch, value] : curve.points) {
      series.samples.push_back(
          {static_cast<double>(epoch), value.value_or(std::numeric_limits<double>::quiet_NaN()), 0});
    }
    panel.series.push_back(std::move(series));
  }
  return panel;
}

}  // namespace

std::vector<Curve> load_curves(const Database& database, const std::vector<std::int64_t>& runs,
                               const CurveOptions& options) {
  std::vector<std::string> metrics;
  std::vector<std::string> splits;
  for (const std::int64_t run : runs) {
    for (const auto& row : results_db::load_summary(database, run)) {
      add_once(metrics, row.name);
      add_once(splits, row.split);
    }
  }
  require_known(options.metrics, metrics, "metric");
  require_known(options.splits, splits, "split");
  std::vector<std::string> wanted_metrics = options.metrics;
  if (wanted_metrics.empty()) wanted_metrics = {contains(metrics, "top1") ? "top1" : "loss"};
  std::vector<std::string> wanted_splits = options.splits;
  if (wanted_splits.empty()) wanted_splits = {contains(splits, "val") || !contains(splits, "test") ? "val" : "test"};

  std::vector<Curve> curves;
  for (const std::int64_t run : runs) {
    const std::string name = run_title(database, run);
    for (const std::string& split : wanted_splits) {
      for (const std::string& metric : wanted_metrics) {
        Curve curve{run, name, split, metric, {}};
        for (const auto& row : results_db::load_metrics(database, run, split, metric)) {
          curve.points.emplace_back(row.epoch, row.value);
        }
        if (!curve.points.empty()) curves.push_back(std::move(curve));
      }
    }
  }
  return curves;
}

plot::Figure curves_figure(const std::vector<Curve>& curves) {
  std::vector<std::string> metrics;
  std::vector<std::string> splits;
  std::vector<std::int64_t> runs;
  for (const Curve& curve : curves) {
    add_once(metrics, curve.metric);
    add_once(splits, curve.split);
    if (std::ranges::find(runs, curve.run) == runs.end()) runs.push_back(curve.run);
  }
  plot::Figure figure;
  figure.panel_width = metrics.size() > 1 ? 400 : 640;
  figure.panel_height = metrics.size() > 1 ? 270 : 340;
  for (const std::string& metric : metrics) figure.panels.push_back(metric_panel(curves, metric, splits, runs));
  if (splits.size() == 1) figure.notes.push_back("split: " + splits.front());
  return figure;
}

std::string curves_csv(const std::vector<Curve>& curves) {
  std::string text = "run,name,epoch,split,metric,value\n";
  for (const Curve& curve : curves) {
    for (const auto& [epoch, value] : curve.points) {
      text += fmt::format("{},{},{},{},{},{}\n", curve.run, results_db::csv_field(curve.name), epoch,
                          results_db::csv_field(curve.split), results_db::csv_field(curve.metric),
                          value ? results_db::to_text(results_db::Value(*value)) : "");
    }
  }
  return text;
}

std::string curves_json(const std::vector<Curve>& curves) {
  auto array = nlohmann::ordered_json::array();
  for (const Curve& curve : curves) {
    nlohmann::ordered_json object = {{"run", curve.run},
                                     {"name", curve.name},
                                     {"split", curve.split},
                                     {"metric", curve.metric},
                                     {"epochs", nlohmann::ordered_json::array()},
                                     {"values", nlohmann::ordered_json::array()}};
    for (const auto& [epoch, value] : curve.points) {
      object["epochs"].push_back(epoch);
      object["values"].push_back(value ? results_db::to_json(results_db::Value(*value)) : nlohmann::ordered_json());
    }
    array.push_back(std::move(object));
  }
  return results_db::dump(array, 2) + "\n";
}

}  // namespace denseshift::experiments
