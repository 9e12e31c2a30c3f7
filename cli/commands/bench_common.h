#pragma once
// What the subcommands of `bench` share: options, circumstances, recording, CSV.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "core/bench/harness.h"
#include "core/kernels/isa.h"

namespace denseshift::cli {

// Each in the file of its name.
[[nodiscard]] Command bench_train_command();
[[nodiscard]] Command bench_kernels_command();
[[nodiscard]] Command bench_gemm_command();
[[nodiscard]] Command bench_layers_command();

/// Items of a comma-separated text without empty ones.
[[nodiscard]] std::vector<std::string> split_list(const std::string& text);
/// Numbers of 1 or more of a comma-separated option. Throws a usage error otherwise; `example` is the hint's value.
[[nodiscard]] std::vector<std::int64_t> positive_numbers(const std::string& option, const std::string& text,
                                                         const std::string& example);
/// Value of a number option. Throws a usage error below `least`.
[[nodiscard]] std::int64_t at_least(const boost::program_options::variables_map& values, const std::string& option,
                                    std::int64_t least);
/// --record (and so --no-record).
void add_record_option(boost::program_options::options_description& group);
/// The command as typed, for the record.
[[nodiscard]] std::string bench_command_line(const std::string& command, const std::vector<std::string>& arguments);

/// Options that kernels, gemm and layers share.
struct BenchSettings {
  bench::HarnessOptions harness;
  int threads = 1;
  std::optional<kernels::Isa> isa;  ///< of --isa or DENSESHIFT_ISA
  bool cold = false;
  bool json = false;
  std::string csv;  ///< empty: none
  std::string db;   ///< empty: not recorded
  std::string command_line;
};
/// Adds --rounds, --isa, --cold, --csv, --record, --db and --json; --threads when the command has a use for it.
void add_bench_options(OptionParser& parser, std::int64_t rounds, bool threads);
/// Reads them and restricts dispatch to --isa. Throws usage errors.
[[nodiscard]] BenchSettings bench_settings(const boost::program_options::variables_map& values,
                                           const std::string& command_line);

/// Tries the database, so that one that cannot be written is not noticed after minutes of measuring, and returns where
/// and when: cpu, isa, threads, load average, clock, governor, versions, date, cold; and `source`, the words
/// "measured on CPU (ISA)" that go with every value.
[[nodiscard]] nlohmann::ordered_json begin_bench(const BenchSettings& settings);
/// One line of them for people.
[[nodiscard]] std::string circumstances_text(const nlohmann::ordered_json& result);
/// "31 rounds, 4 dropped because another program disturbed them" with what else is to say.
[[nodiscard]] std::string rounds_text(const bench::Measurement& measured);

/// A row's timing in microseconds: us, us_min, us_q1, us_q3, us_p95, samples, repetitions.
void put_timing(nlohmann::ordered_json& row, const bench::Timing& timing);
/// A speed-up under `key`: key, key_min, key_q1, key_q3.
void put_speedup(nlohmann::ordered_json& row, const std::string& key, const bench::Summary& speedup);
/// "1.31 (1.28-1.33)" of such a speed-up; "-" where there is none.
[[nodiscard]] std::string speedup_text(const nlohmann::ordered_json& row, const std::string& key);

/// A metric of the split `bench` by name.
using BenchMetrics = std::vector<std::pair<std::string, double>>;
/// Every number of a row as KEY/SUFFIX.
void append_metrics(BenchMetrics& metrics, const nlohmann::ordered_json& row, const std::string& suffix);

/// Records one run of `command` ("bench kernels") and returns its id. `config` is what was asked for; the plain values
/// of `result` become its environment. REQUIRES: settings.db is not empty.
std::int64_t record_bench(const BenchSettings& settings, const std::string& command, const std::string& task,
                          const nlohmann::ordered_json& config, const nlohmann::ordered_json& result,
                          const BenchMetrics& metrics);
/// Prints JSON, or leaves that to `print`; writes the CSV of result["rows"]; records the run (its id becomes
/// result["run"]).
void finish_bench(const BenchSettings& settings, const std::string& command, const std::string& task,
                  const nlohmann::ordered_json& config, nlohmann::ordered_json& result, const BenchMetrics& metrics,
                  void (*print)(const nlohmann::ordered_json& result));

}  // namespace denseshift::cli
