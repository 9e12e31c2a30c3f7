// bench train: runs the measurements, prints and records them.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>

#include "cli/child_process.h"
#include "cli/cpu_info.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "cli/torch/verbs.h"
#include "cli/version.h"
#include "core/bench/statistics.h"
#include "core/torch_compat.h"
#include "core/util/error.h"
#include "core/util/hash.h"
#include "experiments/bench/train_bench.h"
#include "experiments/trainer/setup.h"
#include "results_db/store.h"

namespace denseshift::cli {
namespace {

using Json = nlohmann::ordered_json;
using bench::quantile;
using experiments::TrainBenchOptions;

constexpr double kChildSeconds = 3600;
constexpr std::int64_t kLoaderBatch = 64;

/// All that was measured for one variant at one batch size.
struct Row {
  std::string variant;
  std::int64_t batch_size = 0;
  std::vector<double> milliseconds;        ///< of every measured step
  std::vector<double> ratios;              ///< to the first variant of the table in the same round; may be empty
  std::optional<std::int64_t> peak_bytes;  ///< nothing when the process was killed
};

struct LoaderRow {
  std::int64_t workers = 0;
  double images_per_second = 0;
};

struct Request {
  TrainBenchOptions options;
  std::vector<std::int64_t> batch_sizes;
  std::int64_t rounds = 0;
  std::int64_t threads = 0;
  bool json = false;
};

Request parse(const nlohmann::json& json) {
  Request request;
  json.at("arch").get_to(request.options.arch);
  json.at("image_size").get_to(request.options.image_size);
  json.at("batch_sizes").get_to(request.batch_sizes);
  json.at("rounds").get_to(request.rounds);
  json.at("threads").get_to(request.threads);
  json.at("json").get_to(request.json);
  json.at("variants").get_to(request.options.variants);
  const auto methods = json.at("methods").get<std::vector<std::string>>();
  if (!methods.empty()) {
    request.options.variants = experiments::method_variants(methods);
  } else if (request.options.variants.empty()) {
    for (const auto& variant : experiments::train_bench_variants()) request.options.variants.push_back(variant.name);
  }
  experiments::check(request.options);
  return request;
}

// Small batches take less time and scatter more: 5 rounds at 64 images, 15 at 8.
std::int64_t rounds_for(const Request& request, std::int64_t batch_size) {
  return request.rounds > 0 ? request.rounds : std::clamp<std::int64_t>(320 / batch_size, 5, 15);
}

ProgressState progress_state(std::string phase, std::int64_t done, std::size_t all) {
  ProgressState state;
  state.phase = std::move(phase);
  state.step = done;
  state.steps = static_cast<std::int64_t>(all);
  state.loss = state.accuracy = std::numeric_limits<double>::quiet_NaN();
  return state;
}

/// The real peak of a process that trains this variant and does nothing else: the program itself, started anew.
std::optional<std::int64_t> peak_memory(const Request& request, const std::string& variant, std::int64_t batch_size) {
  const TrainBenchOptions& options = request.options;
  std::vector<std::string> words = {"denseshift",   "bench",
                                    "train",        "--memory-only",
                                    "--arch",       options.arch,
                                    "--image-size", std::to_string(options.image_size),
                                    "--batch-size", std::to_string(batch_size),
                                    "--threads",    std::to_string(request.threads),
                                    "--variants",   variant};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const ChildResult child = run_in_child(
      [&] {
        execv("/proc/self/exe", arguments.data());
        std::cerr << "the program cannot start itself\n";
        return 1;
      },
      kChildSeconds);
  if (!child.finished) return std::nullopt;  // most likely killed for want of memory
  if (child.status != 0) throw work_error("measuring the memory of " + variant + ": " + child.errors);
  return std::stoll(child.output);
}

std::vector<Row> measure_memory(const Request& request, Progress& progress) {
  std::vector<Row> rows;
  for (const std::int64_t batch_size : request.batch_sizes) {
    std::int64_t done = 0;
    for (const std::string& variant : request.options.variants) {
      rows.push_back({variant, batch_size, {}, {}, peak_memory(request, variant, batch_size)});
      progress.update(
          progress_state(fmt::format("memory, batch {}", batch_size), ++done, request.options.variants.size()));
    }
  }
  return rows;
}

void measure_time(const Request& request, Progress& progress, std::vector<Row>& rows) {
  auto row = rows.begin();
  for (const std::int64_t batch_size : request.batch_sizes) {
    const std::int64_t rounds = rounds_for(request, batch_size);
    const auto times = experiments::time_training(request.options, batch_size, rounds, [&](std::int64_t done) {
      progress.update(
          progress_state(fmt::format("time, batch {}", batch_size), done, static_cast<std::size_t>(rounds)));
    });
    const std::string& baseline = experiments::train_bench_variants().front().name;
    const auto& names = request.options.variants;
    const auto base = static_cast<std::size_t>(std::find(names.begin(), names.end(), baseline) - names.begin());
    for (const std::vector<double>& milliseconds : times) {
      row->milliseconds = milliseconds;
      for (std::size_t i = 0; base < names.size() && i < milliseconds.size(); ++i) {
        row->ratios.push_back(milliseconds[i] / times[base][i]);
      }
      ++row;
    }
  }
}

std::vector<LoaderRow> measure_loader(const Request& request) {
  std::vector<LoaderRow> rows;
  for (const std::int64_t workers : {1, 2}) {
    rows.push_back({workers, experiments::loader_images_per_second(request.options.image_size, kLoaderBatch, workers)});
  }
  return rows;
}

double images_per_second(const Row& row, double milliseconds) {
  return 1e3 * static_cast<double>(row.batch_size) / milliseconds;
}

Json circumstances(const Request& request, int threads, double load) {
  return {{"arch", request.options.arch},
          {"image_size", request.options.image_size},
          {"classes", request.options.classes},
          {"device", "cpu"},
          {"threads", threads},
          {"cpu", cpu_info().model},
          {"load_average", load},
          {"torch_version", compat::torch_version()},
          {"program_version", program_version()},
          {"source_revision", source_revision()},
          {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                               fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())))}};
}

Json to_json(const Row& row) {
  const double median = quantile(row.milliseconds, 0.5);
  Json json = {{"variant", row.variant},
               {"description", experiments::train_bench_variant(row.variant).description},
               {"batch_size", row.batch_size},
               {"rounds", row.milliseconds.size()},
               {"images_per_second", images_per_second(row, median)},
               {"step_ms", median},
               {"step_ms_min", quantile(row.milliseconds, 0)},
               {"step_ms_q1", quantile(row.milliseconds, 0.25)},
               {"step_ms_q3", quantile(row.milliseconds, 0.75)}};
  const bool compared = !row.ratios.empty();
  json["step_ms_ratio"] = compared ? Json(quantile(row.ratios, 0.5)) : Json();
  json["step_ms_ratio_q1"] = compared ? Json(quantile(row.ratios, 0.25)) : Json();
  json["step_ms_ratio_q3"] = compared ? Json(quantile(row.ratios, 0.75)) : Json();
  json["peak_bytes"] = row.peak_bytes ? Json(*row.peak_bytes) : Json();
  return json;
}

void print_text(const Json& result) {
  const std::string baseline = experiments::train_bench_variants().front().name;
  std::cout << fmt::format(
                   "measured {} on {}, {} threads, load average {:.1f} at the start, LibTorch {}, revision {}\n",
                   result["date"].get<std::string>(), result["cpu"].get<std::string>(), result["threads"].get<int>(),
                   result["load_average"].get<double>(), result["torch_version"].get<std::string>(),
                   result["source_revision"].get<std::string>())
            << fmt::format("training step of {}, {}x{} images, {} classes; each round runs every variant once\n\n",
                           result["arch"].get<std::string>(), result["image_size"].get<int>(),
                           result["image_size"].get<int>(), result["classes"].get<int>());
  Table table({{"variant"},
               {"batch", true},
               {"rounds", true},
               {"img/s", true},
               {"ms min", true},
               {"q1", true},
               {"median", true},
               {"q3", true},
               {"time / " + baseline, true},
               {"q1-q3", true},
               {"peak MB", true},
               {"description"}});
  const auto number = [](const Json& value, const char* format) {
    return value.is_null() ? std::string("-") : fmt::format(fmt::runtime(format), value.get<double>());
  };
  for (const Json& row : result["training"]) {
    table.add({row["variant"], std::to_string(row["batch_size"].get<int>()), std::to_string(row["rounds"].get<int>()),
               number(row["images_per_second"], "{:.1f}"), number(row["step_ms_min"], "{:.1f}"),
               number(row["step_ms_q1"], "{:.1f}"), number(row["step_ms"], "{:.1f}"),
               number(row["step_ms_q3"], "{:.1f}"), number(row["step_ms_ratio"], "{:.3f}"),
               number(row["step_ms_ratio_q1"], "{:.3f}-") + number(row["step_ms_ratio_q3"], "{:.3f}"),
               row["peak_bytes"].is_null() ? "-" : fmt::format("{:.0f}", row["peak_bytes"].get<double>() / 1e6),
               row["description"]});
  }
  table.print(std::cout);
  std::cout << "\nimg/s is of the median step; the ratio is the median over the rounds. Peak memory is the largest "
               "resident size of a\nprocess of its own that trains this variant alone, LibTorch included.\n\n";
  Table loader({{"loader alone"}, {"workers", true}, {"img/s", true}});
  for (const Json& row : result["loader"]) {
    loader.add({"shapes", std::to_string(row["workers"].get<int>()), number(row["images_per_second"], "{:.0f}")});
  }
  loader.print(std::cout);
}

std::vector<results_db::Metric> metrics_of(const Json& result) {
  std::vector<results_db::Metric> metrics;
  for (const Json& row : result["training"]) {
    const std::string which = "/" + row["variant"].get<std::string>() + "/batch" + row["batch_size"].dump();
    for (const char* key : {"images_per_second", "step_ms", "step_ms_min", "step_ms_q1", "step_ms_q3", "step_ms_ratio",
                            "step_ms_ratio_q1", "step_ms_ratio_q3", "peak_bytes"}) {
      if (!row[key].is_null()) metrics.emplace_back(key + which, row[key].get<double>());
    }
  }
  for (const Json& row : result["loader"]) {
    metrics.emplace_back("images_per_second/loader/workers" + row["workers"].dump(),
                         row["images_per_second"].get<double>());
  }
  return metrics;
}

std::int64_t record(results_db::Database& database, const Request& request, const std::string& command_line,
                    const Json& result) {
  results_db::NewRun run;
  run.command = "bench train";
  run.command_line = command_line;
  run.config = {{"arch", request.options.arch},       {"image_size", request.options.image_size},
                {"classes", request.options.classes}, {"batch_sizes", request.batch_sizes},
                {"rounds", request.rounds},           {"variants", request.options.variants}};
  const std::string text = run.config.dump();
  run.config_hash = sha256(text.data(), text.size()).substr(0, 16);
  for (const char* key :
       {"device", "threads", "cpu", "load_average", "torch_version", "program_version", "source_revision"}) {
    run.environment[key] = result[key];
  }
  results_db::RunStore store(database);
  const std::int64_t id = store.create(run);
  store.record_metrics(id, 0, "bench", metrics_of(result));
  store.finish(id, results_db::RunStatus::finished);
  return id;
}

}  // namespace

int bench_train_verb(const nlohmann::json& json) {
  const Request request = parse(json);
  if (json.at("memory_only").get<bool>()) {
    (void)experiments::set_threads(request.threads);
    std::cout << experiments::peak_memory_of_training(request.options, request.options.variants.front(),
                                                      request.batch_sizes.front())
              << '\n';
    return 0;
  }
  const auto path = json.at("db").get<std::string>();
  if (!path.empty()) {
    // A database that cannot be written should not be noticed after minutes of measuring. It is closed again, because
    // an open one must not be carried into a child.
    const results_db::Database tried(path, results_db::OpenMode::create);
  }
  double load = 0;
  if (getloadavg(&load, 1) != 1) load = -1;

  Progress progress(false);
  std::vector<Row> rows = measure_memory(request, progress);
  const int threads = experiments::set_threads(request.threads);
  Json result = circumstances(request, threads, load);
  measure_time(request, progress, rows);
  result["training"] = Json::array();
  for (const Row& row : rows) result["training"].push_back(to_json(row));
  result["loader"] = Json::array();
  for (const LoaderRow& row : measure_loader(request)) {
    result["loader"].push_back(
        {{"dataset", "shapes"}, {"workers", row.workers}, {"images_per_second", row.images_per_second}});
  }
  if (!path.empty()) {
    results_db::Database database(path, results_db::OpenMode::create);
    result["run"] = record(database, request, json.at("command_line").get<std::string>(), result);
  }
  if (request.json) {
    std::cout << result.dump(2) << '\n';
    return 0;
  }
  print_text(result);
  if (!path.empty()) {
    std::cout << fmt::format("\nrecorded as run {}: `denseshift runs show {}`\n", result["run"].get<std::int64_t>(),
                             result["run"].get<std::int64_t>());
  }
  return 0;
}

}  // namespace denseshift::cli
