#include "cli/commands/bench_common.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "cli/commands/runs_common.h"
#include "cli/cpu_info.h"
#include "cli/version.h"
#include "core/bench/environment.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"
#include "core/util/shell_line.h"
#include "results_db/store.h"
#include "results_db/value.h"

namespace denseshift::cli {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) items.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return items;
}

std::vector<std::int64_t> positive_numbers(const std::string& option, const std::string& text,
                                           const std::string& example) {
  const std::string hint = fmt::format("write --{} {}", option, example);
  std::vector<std::int64_t> numbers;
  for (const std::string& item : split_list(text)) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(item.data(), item.data() + item.size(), number);
    if (code != std::errc() || end != item.data() + item.size() || number < 1) {
      throw usage_error(fmt::format("--{}: '{}' is not a number of 1 or more", option, item), hint);
    }
    numbers.push_back(number);
  }
  if (numbers.empty()) throw usage_error(fmt::format("--{}: no value", option), hint);
  return numbers;
}

std::int64_t at_least(const po::variables_map& values, const std::string& option, std::int64_t least) {
  const auto value = values[option].as<std::int64_t>();
  if (value < least) throw usage_error(fmt::format("--{}: must be {} or more", option, least));
  return value;
}

void add_record_option(po::options_description& group) {
  group.add_options()(
      "record", po::value<bool>()->default_value(true, "true")->implicit_value(true, "")->value_name("true|false"),
      "record the result in the database; --no-record to leave it out");
}

std::string bench_command_line(const std::string& command, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"denseshift", "bench", command};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return shell_line(words);
}

void add_bench_options(OptionParser& parser, std::int64_t rounds, bool threads) {
  po::options_description& group = parser.group("Measuring");
  group.add_options()("rounds", po::value<std::int64_t>()->default_value(rounds)->value_name("N"),
                      "rounds; each times every row once, in an order of its own")(
      "isa", po::value<std::string>()->value_name("NAME"),
      "highest instruction set to use: scalar, avx2, avx512, avx512vnni, neon, neon-fp16, neon-dotprod "
      "(environment DENSESHIFT_ISA)")("cold", po::bool_switch(),
                                      "take the next of many copies of the weights in each call, twice the last cache "
                                      "in all, so that they come from memory");
  if (threads) {
    group.add_options()("threads", po::value<std::int64_t>()->default_value(1)->value_name("N"),
                        "threads of each call, ours and others");
  }
  parser.group("Output").add_options()("csv", po::value<std::string>()->value_name("FILE"), "write the rows as CSV");
  add_record_option(parser.group("Results"));
  parser.add_database_option();
  parser.add_json_option();
}

BenchSettings bench_settings(const po::variables_map& values, const std::string& command_line) {
  BenchSettings settings;
  settings.harness.rounds = static_cast<std::size_t>(at_least(values, "rounds", 1));
  constexpr std::int64_t kMostThreads = 1024;
  if (values.count("threads") > 0) {
    const std::int64_t threads = at_least(values, "threads", 1);
    if (threads > kMostThreads) throw usage_error(fmt::format("--threads: must be {} or less", kMostThreads));
    settings.threads = static_cast<int>(threads);
  }
  if (values.count("isa") > 0) {
    settings.isa = kernels::isa_from_name(values["isa"].as<std::string>());
  } else if (const char* variable = std::getenv("DENSESHIFT_ISA"); variable != nullptr && *variable != '\0') {
    settings.isa = kernels::isa_from_name(variable, "DENSESHIFT_ISA");
  }
  if (settings.isa) kernels::restrict_isa(*settings.isa);
  settings.cold = values["cold"].as<bool>();
  if (settings.cold) settings.harness.untimed_calls = 0;
  settings.json = values["json"].as<bool>();
  settings.csv = text_option(values, "csv");
  settings.command_line = command_line;
  if (values["record"].as<bool>()) {
    if (cpu_info().emulated) {
      throw usage_error("this CPU is emulated, times on it mean nothing and are not recorded",
                        "--no-record prints them all the same, --model cortex-a57 models a real one");
    }
    settings.db = database_path(values);
  }
  return settings;
}

Json begin_bench(const BenchSettings& settings) {
  if (!settings.db.empty()) const results_db::Database tried(settings.db, results_db::OpenMode::create);
  const bench::Environment found = bench::environment();
  const CpuInfo info = cpu_info();
  const std::string cpu = info.model;
  const std::string where = info.emulated ? "emulated, not measured on any CPU" : "measured on " + cpu;
  return {{"source", fmt::format("{} ({}{})", where, found.isa, settings.cold ? ", cold" : "")},
          {"cpu", cpu},
          {"isa", found.isa},
          {"threads", settings.threads},
          {"load_average", found.load},
          {"clock_ghz", found.clock / 1e9},
          {"governor", found.governor},
          {"mode", settings.cold ? "cold" : "warm"},
          {"program_version", program_version()},
          {"source_revision", source_revision()},
          {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                               fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())))}};
}

std::string circumstances_text(const Json& result) {
  const std::string governor = result["governor"];
  return fmt::format("{}, {}, {} thread{}, clock {:.2f} GHz{}, load average {:.1f} at the start, revision {}\n{}\n",
                     result["source"].get<std::string>(), result["date"].get<std::string>(),
                     result["threads"].get<int>(), result["threads"] == 1 ? "" : "s", result["clock_ghz"].get<double>(),
                     governor.empty() ? "" : " (" + governor + ")", result["load_average"].get<double>(),
                     result["source_revision"].get<std::string>(),
                     result["mode"] == "cold"
                         ? "cold: each call takes the next copy of its weights, twice the last cache in all"
                         : "warm: each call takes the same buffers");
}

std::string rounds_text(const bench::Measurement& measured) {
  std::string text =
      fmt::format("{} rounds, {} dropped because the machine was disturbed", measured.rounds, measured.dropped);
  if (measured.disturbed_kept > 0) {
    text += fmt::format(", {} more disturbed but kept: repeat on a quiet machine", measured.disturbed_kept);
  }
  return text;
}

void put_timing(Json& row, const bench::Timing& timing) {
  row["us"] = timing.summary.median * 1e6;
  row["us_min"] = timing.summary.min * 1e6;
  row["us_q1"] = timing.summary.q1 * 1e6;
  row["us_q3"] = timing.summary.q3 * 1e6;
  row["us_p95"] = timing.summary.p95 * 1e6;
  row["samples"] = timing.summary.count;
  row["repetitions"] = timing.repetitions;
}

void put_speedup(Json& row, const std::string& key, const bench::Summary& speedup) {
  row[key] = speedup.median;
  row[key + "_min"] = speedup.min;
  row[key + "_q1"] = speedup.q1;
  row[key + "_q3"] = speedup.q3;
}

std::string speedup_text(const Json& row, const std::string& key) {
  if (!row.contains(key) || row[key].is_null()) return "-";
  return fmt::format("{:.2f} ({:.2f}-{:.2f})", row[key].get<double>(), row[key + "_q1"].get<double>(),
                     row[key + "_q3"].get<double>());
}

void append_metrics(BenchMetrics& metrics, const Json& row, const std::string& suffix) {
  for (const auto& [key, value] : row.items()) {
    if (value.is_number()) metrics.emplace_back(key + "/" + suffix, value.get<double>());
  }
}

namespace {

/// Columns are the keys of all rows in the order in which they come up.
std::string csv_of(const Json& result) {
  std::vector<std::string> keys = {"source", "date", "mode", "threads"};
  const std::size_t common = keys.size();
  for (const Json& row : result["rows"]) {
    for (const auto& [key, value] : row.items()) {
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
  }
  std::string text;
  for (std::size_t i = 0; i < keys.size(); ++i) text += (i > 0 ? "," : "") + results_db::csv_field(keys[i]);
  text += '\n';
  for (const Json& row : result["rows"]) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Json value = i < common ? result[keys[i]] : row.value(keys[i], Json());
      text += (i > 0 ? "," : "") + results_db::csv_field(results_db::to_text(results_db::from_json(value)));
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::int64_t record_bench(const BenchSettings& settings, const std::string& command, const std::string& task,
                          const Json& config, const Json& result, const BenchMetrics& metrics) {
  results_db::Database database(settings.db, results_db::OpenMode::create);
  results_db::NewRun run;
  run.command = command;
  run.command_line = settings.command_line;
  run.task = task;
  run.config = config;
  run.config["mode"] = result["mode"];
  run.config["rounds"] = settings.harness.rounds;
  const std::string text = run.config.dump();
  run.config_hash = sha256(text.data(), text.size()).substr(0, 16);
  for (const auto& [key, value] : result.items()) {
    if (value.is_primitive() && key != "mode") run.environment[key] = value;
  }
  results_db::RunStore store(database);
  const std::int64_t id = store.create(run);
  store.record_metrics(id, 0, "bench", metrics);
  store.finish(id, results_db::RunStatus::finished);
  return id;
}

void finish_bench(const BenchSettings& settings, const std::string& command, const std::string& task,
                  const Json& config, Json& result, const BenchMetrics& metrics, void (*print)(const Json& result)) {
  if (!settings.csv.empty()) write_file(settings.csv, csv_of(result));
  if (!settings.db.empty()) result["run"] = record_bench(settings, command, task, config, result, metrics);
  if (settings.json) {
    print_json(result, std::cout);
    return;
  }
  print(result);
  if (!settings.db.empty()) {
    std::cout << fmt::format("\nrecorded as run {0}: `denseshift runs show {0}`\n", result["run"].get<std::int64_t>());
  }
}

}  // namespace denseshift::cli
