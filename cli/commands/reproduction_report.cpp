#include "cli/commands/reproduction_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>

#include "cli/commands/runs_common.h"
#include "cli/terminal/colour.h"
#include "cli/terminal/table.h"
#include "core/io/compare_tensors.h"
#include "core/util/error.h"
#include "results_db/query.h"

namespace denseshift::cli {
namespace {

namespace fs = std::filesystem;
using results_db::Database;
using results_db::Difference;
using results_db::MetricAgreement;
using results_db::Reproduction;

/// The newest checkpoint of each kind.
std::map<std::string, fs::path> checkpoint_files(const Database& database, std::int64_t run) {
  std::map<std::string, fs::path> files;
  const fs::path directory = results_db::load_run(database, run).run_dir;
  for (const auto& artifact : results_db::load_current_artifacts(database, run)) {
    if (artifact.kind.starts_with("checkpoint-")) files[artifact.kind] = directory / artifact.path;
  }
  return files;
}

std::string value_text(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : "-"; }

std::string plural(std::int64_t count, const char* word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

void print_metrics(const Reproduction& result) {
  const auto differing = std::ranges::count_if(result.metrics, [](const auto& metric) { return !metric.agrees(); });
  std::int64_t values = 0;
  for (const MetricAgreement& metric : result.metrics) values += metric.compared;
  if (differing == 0) {
    std::cout << fmt::format("metrics      the same to the bit: {}, {}\n",
                             plural(static_cast<std::int64_t>(result.metrics.size()), "metric"),
                             plural(values, "value"));
    return;
  }
  std::cout << fmt::format("metrics      {} of {} differ\n", differing, result.metrics.size());
  Table table({{"metric"},
               {"epochs that differ", true},
               {"first", true},
               {"largest difference", true},
               {"at epoch", true},
               {fmt::format("last of {}", result.original), true},
               {fmt::format("last of {}", result.repeated), true},
               {fmt::format("best of {}", result.original), true},
               {fmt::format("best of {}", result.repeated), true}});
  for (const MetricAgreement& m : result.metrics) {
    if (m.agrees()) continue;
    table.add({one_line(m.split + "/" + m.name),
               fmt::format("{} of {}", m.differing + m.missing, m.compared + m.missing),
               m.differing > 0 ? std::to_string(m.first_differing) : "-",
               m.differing > 0 ? fmt::format("{:.6g}", m.largest_difference) : "-",
               m.differing > 0 ? std::to_string(m.largest_at) : "-", value_text(m.last_original),
               value_text(m.last_repeated), value_text(m.best_original), value_text(m.best_repeated)});
  }
  table.print(std::cout);
}

void print_differences(const Reproduction& result, const std::string& title,
                       const std::vector<Difference>& differences) {
  if (differences.empty()) {
    std::cout << fmt::format("{:<13}the same\n", title);
    return;
  }
  std::cout << fmt::format("{:<13}{}\n", title, plural(static_cast<std::int64_t>(differences.size()), "difference"));
  Table table({{"key"}, {fmt::format("run {}", result.original)}, {fmt::format("run {}", result.repeated)}});
  for (const Difference& d : differences) {
    table.add({one_line(d.key), format_cell(d.key, d.a), format_cell(d.key, d.b)});
  }
  table.print(std::cout);
}

nlohmann::ordered_json number(const std::optional<double>& value) {
  return value ? results_db::to_json(results_db::Value(*value)) : nlohmann::ordered_json();
}

nlohmann::ordered_json differences_json(const std::vector<Difference>& differences) {
  auto array = nlohmann::ordered_json::array();
  for (const Difference& d : differences) {
    array.push_back({{"key", d.key}, {"original", results_db::to_json(d.a)}, {"repeated", results_db::to_json(d.b)}});
  }
  return array;
}

}  // namespace

std::vector<CheckpointComparison> compare_checkpoints(const Database& database, std::int64_t original,
                                                      std::int64_t repeated) {
  std::vector<CheckpointComparison> comparisons;
  const auto others = checkpoint_files(database, repeated);
  for (const auto& [kind, file] : checkpoint_files(database, original)) {
    CheckpointComparison comparison;
    comparison.kind = kind;
    const auto other = others.find(kind);
    // A checkpoint's name holds its epoch and step.
    if (other == others.end() || other->second.filename() != file.filename()) {
      comparison.reason = "the checkpoints are not of the same epoch and step";
    } else if (!fs::exists(file) || !fs::exists(other->second)) {
      comparison.reason = "the file of run " + std::to_string(fs::exists(file) ? repeated : original) + " is gone";
    } else {
      try {
        const io::SafetensorsFile a(file), b(other->second);
        comparison.tensors = a.tensors().size();
        comparison.differing = io::differing_tensors(a, b);
      } catch (const Error& error) {
        comparison.reason = error.what();
      }
    }
    comparisons.push_back(std::move(comparison));
  }
  return comparisons;
}

bool identical(const Reproduction& result, const std::vector<CheckpointComparison>& checkpoints) {
  return result.agrees() && std::ranges::all_of(checkpoints, [](const auto& c) { return c.differing.empty(); });
}

void print_reproduction(const Reproduction& result, const std::vector<CheckpointComparison>& checkpoints) {
  const bool same = identical(result, checkpoints);
  std::cout << styled(fmt::format("run {} {} run {} over {}", result.repeated,
                                  same ? "agrees to the bit with" : "does not agree with", result.original,
                                  plural(result.epochs(), "epoch")),
                      Style::bold, 1)
            << '\n';
  if (!result.dataset.empty()) {
    std::cout << styled("THE DATASET IS NOT THE SAME: the runs cannot be expected to agree", Style::red, 1) << '\n';
  }
  if (result.original_epochs != result.repeated_epochs) {
    std::cout << fmt::format("epochs       {} in run {}, {} in run {}\n", result.original_epochs, result.original,
                             result.repeated_epochs, result.repeated);
  }
  print_metrics(result);
  if (result.weight_rows > 0) {
    std::cout << fmt::format("weights      {} of {} differ\n", result.differing_weight_rows,
                             plural(result.weight_rows, "row") + " of statistics");
  }
  for (const CheckpointComparison& c : checkpoints) {
    const std::string found = !c.reason.empty() ? "not compared: " + one_line(c.reason)
                              : c.differing.empty()
                                  ? "the same to the bit: " + plural(static_cast<std::int64_t>(c.tensors), "tensor")
                                  : fmt::format("{} of {} tensors differ, first {}", c.differing.size(), c.tensors,
                                                one_line(c.differing.front()));
    std::cout << fmt::format("{:<13}{}\n", c.kind.substr(sizeof("checkpoint-") - 1), found);
  }
  print_differences(result, "config", result.configuration);
  print_differences(result, "environment", result.environment);
  print_differences(result, "dataset", result.dataset);
}

nlohmann::ordered_json reproduction_json(const Reproduction& result,
                                         const std::vector<CheckpointComparison>& checkpoints) {
  nlohmann::ordered_json json = {{"original", result.original},
                                 {"repeated", result.repeated},
                                 {"identical", identical(result, checkpoints)},
                                 {"epochs_compared", result.epochs()},
                                 {"original_epochs", result.original_epochs},
                                 {"repeated_epochs", result.repeated_epochs},
                                 {"dataset_changed", !result.dataset.empty()},
                                 {"metrics", nlohmann::ordered_json::array()}};
  for (const MetricAgreement& m : result.metrics) {
    json["metrics"].push_back(
        {{"split", m.split},
         {"name", m.name},
         {"identical", m.agrees()},
         {"epochs_compared", m.compared},
         {"epochs_differing", m.differing},
         {"epochs_missing", m.missing},
         {"first_differing_epoch", m.differing > 0 ? nlohmann::ordered_json(m.first_differing) : nullptr},
         {"largest_difference", number(m.largest_difference)},
         {"largest_difference_epoch", m.differing > 0 ? nlohmann::ordered_json(m.largest_at) : nullptr},
         {"last", {{"original", number(m.last_original)}, {"repeated", number(m.last_repeated)}}},
         {"best", {{"original", number(m.best_original)}, {"repeated", number(m.best_repeated)}}}});
  }
  json["not_compared"] = result.not_compared;
  json["weight_stats"] = {{"rows", result.weight_rows}, {"differing", result.differing_weight_rows}};
  json["checkpoints"] = nlohmann::ordered_json::array();
  for (const CheckpointComparison& c : checkpoints) {
    nlohmann::ordered_json item = {{"kind", c.kind}, {"compared", c.reason.empty()}};
    if (!c.reason.empty()) item["reason"] = c.reason;
    if (c.reason.empty()) item.update({{"tensors", c.tensors}, {"differing", c.differing}});
    json["checkpoints"].push_back(std::move(item));
  }
  json["config"] = differences_json(result.configuration);
  json["environment"] = differences_json(result.environment);
  json["dataset"] = differences_json(result.dataset);
  return json;
}

}  // namespace denseshift::cli
