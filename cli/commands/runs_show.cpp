// runs show, runs diff, runs metrics.

#include <fmt/format.h>

#include <iostream>
#include <map>

#include "cli/commands/runs_common.h"
#include "cli/terminal/colour.h"
#include "cli/terminal/table.h"
#include "core/util/error.h"
#include "results_db/compare.h"
#include "results_db/export.h"
#include "results_db/query.h"
#include "results_db/traces.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using results_db::Database;
using results_db::OpenMode;
using results_db::Value;

void section(const std::string& title) { std::cout << '\n' << styled(title, Style::bold, 1) << '\n'; }

void print_pair(const std::string& key, const std::string& value) {
  if (!value.empty() && value != "-") std::cout << fmt::format("  {:<18} {}\n", key, value);
}

void print_columns(const results_db::RunRecord& run, const std::vector<std::string>& columns) {
  for (const std::string& column : columns) print_pair(column, format_cell(column, run.column(column)));
}

/// Nested keys joined by dots, one line each.
void print_document(const nlohmann::ordered_json& json, const std::string& prefix = {}) {
  if (!json.is_object()) {
    print_pair(prefix, one_line(json.is_string() ? json.get<std::string>() : results_db::dump(json)));
    return;
  }
  for (const auto& [key, value] : json.items()) print_document(value, prefix.empty() ? key : prefix + "." + key);
}

Value value_of(const std::optional<double>& number) { return number ? Value(*number) : Value(); }

void print_summary(const Database& database, std::int64_t run) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : results_db::load_summary(database, run)) {
    rows.push_back({row.split + "/" + row.name, format_cell(row.name, value_of(row.last)),
                    std::to_string(row.last_epoch), format_cell(row.name, value_of(row.best)),
                    row.best_epoch ? std::to_string(*row.best_epoch) : "-"});
  }
  if (rows.empty()) return;
  section("Metrics");
  Table text({{"metric"}, {"last", true}, {"epoch", true}, {"best", true}, {"at epoch", true}});
  for (auto& row : rows) text.add(std::move(row));
  text.print(std::cout);
}

void print_artifacts(const Database& database, std::int64_t run) {
  const auto artifacts = results_db::load_artifacts(database, run);
  if (artifacts.empty()) return;
  section("Artifacts");
  Table text({{"kind"}, {"bytes", true}, {"sha256"}, {"path"}});
  for (const auto& artifact : artifacts) {
    text.add({one_line(artifact.kind), std::to_string(artifact.bytes), artifact.sha256.substr(0, 12),
              one_line(artifact.path)});
  }
  text.print(std::cout);
}

void print_weights(const Database& database, std::int64_t run) {
  const auto [epoch, stats] = results_db::load_last_weight_stats(database, run);
  if (stats.empty()) return;
  section(fmt::format("Quantized weights after epoch {}", epoch));
  Table text(
      {{"layer"}, {"changed", true}, {"sign", true}, {"shift", true}, {"frozen", true}, {"levels, lowest first"}});
  for (const auto& stat : stats) {
    std::string histogram;
    for (const std::int64_t count : stat.histogram)
      histogram += fmt::format("{}{}", histogram.empty() ? "" : " ", count);
    const auto share = [](double value) { return fmt::format("{:.4f}", value); };
    text.add({one_line(stat.layer), share(stat.change_rate), share(stat.sign_change_rate),
              share(stat.shift_change_rate), share(stat.frozen_fraction), histogram});
  }
  text.print(std::cout);
}

/// What stands beside the metrics: traces in the database, logs outside.
void print_recordings(const Database& database, const results_db::RunRecord& run) {
  const results_db::TraceCounts traces = results_db::count_traces(database, run.id);
  const auto path_of = [&](const char* key) {
    const auto found = run.config.find(key);
    return found != run.config.end() && found->is_string() ? one_line(found->get<std::string>()) : std::string();
  };
  const std::string log = path_of("log");
  const std::string tensorboard = path_of("tensorboard");
  if (traces.weights + traces.histograms == 0 && log.empty() && tensorboard.empty()) return;
  section("Traces and logs");
  if (traces.weights > 0) {
    print_pair("weight traces",
               fmt::format("{} weights in {} layers at {} steps", traces.weights, traces.layers, traces.steps));
  }
  if (traces.histograms > 0) {
    print_pair("histograms", fmt::format("{}, of {} epochs", traces.histograms, traces.epochs));
  }
  print_pair("log", log);
  print_pair("tensorboard", tensorboard);
}

int show(const std::vector<std::string>& arguments) {
  OptionParser parser({"runs show RUN [options]", "Shows everything recorded about a run.",
                       "denseshift runs show last\ndenseshift runs show 7 --json"});
  parser.group("Run").add_options()("run", po::value<std::string>()->value_name("RUN")->required(),
                                    "id, `last`, or beginning of a name or uid");
  parser.positional("run", 1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const Database database(database_path(values), OpenMode::read_only);
  const std::int64_t id = results_db::resolve_run(database, text_option(values, "run"));
  if (values["json"].as<bool>()) {
    print_json(results_db::run_to_json(database, id, results_db::TraceRows::counts), std::cout);
    return 0;
  }
  const results_db::RunRecord run = results_db::load_run(database, id);
  std::string tags;
  for (const std::string& tag : run.tags) tags += fmt::format("{}{}", tags.empty() ? "" : ", ", one_line(tag));
  std::cout << styled(fmt::format("Run {}", id), Style::bold, 1) << '\n';
  print_columns(run, {"name", "note", "status", "message", "command", "command_line", "task", "uid", "parent",
                      "run_dir", "started_at", "ended_at", "duration", "heartbeat_at", "config_hash"});
  print_pair("tags", tags);
  print_summary(database, id);
  section("Model");
  print_columns(run, {"arch", "method", "wbits", "abits", "parameters", "quantized_weights", "macs", "model_bytes"});
  section("Configuration");
  print_document(run.config);
  section("Environment");
  print_columns(run, {"host", "pid"});
  print_document(run.environment);
  section("Dataset");
  print_document(run.dataset);
  print_weights(database, id);
  print_recordings(database, run);
  print_artifacts(database, id);
  return 0;
}

int diff(const std::vector<std::string>& arguments) {
  OptionParser parser({"runs diff A B [options]", "Shows the configuration, environment and results that differ.",
                       "denseshift runs diff 7 last"});
  parser.group("Runs").add_options()("a", po::value<std::string>()->value_name("RUN")->required(), "first run")(
      "b", po::value<std::string>()->value_name("RUN")->required(), "second run");
  parser.positional("a", 1);
  parser.positional("b", 1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const Database database(database_path(values), OpenMode::read_only);
  const std::int64_t a = results_db::resolve_run(database, text_option(values, "a"));
  const std::int64_t b = results_db::resolve_run(database, text_option(values, "b"));
  const auto differences = results_db::compare_runs(database, a, b);
  if (values["json"].as<bool>()) {
    nlohmann::ordered_json json = {{"a", a}, {"b", b}, {"differences", nlohmann::ordered_json::array()}};
    for (const auto& d : differences) {
      json["differences"].push_back(
          {{"section", d.section}, {"key", d.key}, {"a", results_db::to_json(d.a)}, {"b", results_db::to_json(d.b)}});
    }
    print_json(json, std::cout);
    return 0;
  }
  Table text({{"section"}, {"key"}, {fmt::format("run {}", a)}, {fmt::format("run {}", b)}});
  for (const auto& d : differences) {
    text.add({d.section, one_line(d.key), format_cell(d.key, d.a), format_cell(d.key, d.b)});
  }
  text.print(std::cout);
  return 0;
}

/// One row per epoch, one column per split and metric.
results_db::ResultTable pivot(const std::vector<results_db::MetricRow>& metrics) {
  results_db::ResultTable table{{"epoch"}, {}};
  std::map<std::string, std::size_t> columns;
  for (const auto& metric : metrics) columns.emplace(metric.split + "/" + metric.name, 0);
  for (auto& [name, index] : columns) {
    index = table.columns.size();
    table.columns.push_back(name);
  }
  for (const auto& metric : metrics) {
    if (table.rows.empty() || table.rows.back()[0] != Value(metric.epoch)) {
      table.rows.emplace_back(table.columns.size());
      table.rows.back()[0] = metric.epoch;
    }
    table.rows.back()[columns.at(metric.split + "/" + metric.name)] = value_of(metric.value);
  }
  return table;
}

int metrics(const std::vector<std::string>& arguments) {
  OptionParser parser({"runs metrics RUN [options]", "Shows a run's metrics, one row per epoch.",
                       "denseshift runs metrics last --split val --name top1"});
  parser.group("Run").add_options()("run", po::value<std::string>()->value_name("RUN")->required(),
                                    "id, `last`, or beginning of a name or uid")(
      "split", po::value<std::string>()->value_name("SPLIT"), "only this split")(
      "name", po::value<std::string>()->value_name("NAME"), "only this metric");
  parser.positional("run", 1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const Database database(database_path(values), OpenMode::read_only);
  const std::int64_t id = results_db::resolve_run(database, text_option(values, "run"));
  const auto rows = results_db::load_metrics(database, id, text_option(values, "split"), text_option(values, "name"));
  if (values["json"].as<bool>()) {
    auto json = nlohmann::ordered_json::array();
    for (const auto& row : rows) {
      json.push_back({{"epoch", row.epoch},
                      {"split", row.split},
                      {"name", row.name},
                      {"value", results_db::to_json(value_of(row.value))}});
    }
    print_json(json, std::cout);
    return 0;
  }
  if (rows.empty()) std::cerr << "run " << id << " has no such metrics\n";
  print_rows(pivot(rows), std::cout);
  return 0;
}

}  // namespace

Command runs_show_command() { return {"show", "everything about one run", show}; }

Command runs_diff_command() { return {"diff", "what differs between two runs", diff}; }

Command runs_metrics_command() { return {"metrics", "a run's metrics by epoch", metrics}; }

}  // namespace denseshift::cli
