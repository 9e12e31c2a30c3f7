// denseshift bench kernels: the dot products of section 3.1 of the paper as ladders.

#include <fmt/format.h>

#include <iostream>

#include "cli/commands/bench_common.h"
#include "cli/commands/bench_kernels_model.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "core/bench/dot_cases.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;
using kernels::DotFamily;

constexpr std::int64_t kPaperLength = 4096;
constexpr std::int64_t kLargestLength = std::int64_t{1} << 20;  // sums of any weights still fit 32 bits

OptionParser bench_kernels_parser() {
  OptionParser parser({
      "bench kernels [options]",
      "Times the dot products of the paper's section 3.1, FP16 and INT8, as ladders of variants: the paper's baseline "
      "first, its\nDenseShift kernel, and what else can be done. The report `denseshift report kernels` shows the "
      "recorded "
      "values beside the paper's.",
      "denseshift bench kernels\n"
      "denseshift bench kernels --isa avx2 --n 1024,4096,65536\n"
      "denseshift bench kernels --model cortex-a57\n"
      "denseshift bench kernels --cold --no-record --csv kernels.csv",
  });
  parser.group("Benchmark")
      .add_options()("n", po::value<std::string>()->default_value("4096")->value_name("N,..."),
                     "elements of a dot product; the paper's tables are of 4096");
  add_model_options(parser);
  add_bench_options(parser, 101, false);
  return parser;
}

std::string_view paper_role(const kernels::DotVariant& variant) {
  const kernels::PaperPair pair = kernels::paper_pair(variant.family);
  if (variant.variant == pair.baseline) return "baseline";
  return variant.variant == pair.denseshift ? "denseshift" : "";
}

Json make_row(const bench::DotCase& one, const bench::Measurement& measured, std::int64_t n) {
  const bench::Timing& timing = measured.timing(one.candidate.name);
  Json row = {{"n", n},
              {"group", one.candidate.group},
              {"variant", one.variant->variant},
              {"kernel", one.kernel->name},
              {"isa", kernels::isa_name(one.kernel->isa)},
              {"description", one.variant->description},
              {"paper", paper_role(*one.variant)},
              {"zero_safe", one.variant->zero_safe},
              {"robust", one.variant->robust},
              {"weight_bytes", one.weight_bytes}};
  put_timing(row, timing);
  row["ns_per_element"] = timing.summary.median * 1e9 / static_cast<double>(n);
  return row;
}

/// The paper's two kernels of a family as the study `kernels` reads them.
void append_pair(BenchMetrics& metrics, const bench::Measurement& measured, DotFamily family) {
  const kernels::PaperPair pair = kernels::paper_pair(family);
  const std::string row = family == DotFamily::f16 ? "fp16" : "int8";
  const std::string baseline(pair.baseline);
  const std::string denseshift(pair.denseshift);
  const bench::Summary speedup = measured.speedup(denseshift, baseline);
  metrics.emplace_back("baseline_us/" + row, measured.timing(baseline).summary.median * 1e6);
  metrics.emplace_back("denseshift_us/" + row, measured.timing(denseshift).summary.median * 1e6);
  metrics.emplace_back("speedup/" + row, speedup.median);
  metrics.emplace_back("speedup_q1/" + row, speedup.q1);
  metrics.emplace_back("speedup_q3/" + row, speedup.q3);
}

/// Times all variants of both families at one length.
void measure_length(std::int64_t n, const BenchSettings& settings, Json& result, BenchMetrics& metrics) {
  const std::vector<bench::DotCase> cases =
      bench::dot_cases(static_cast<std::size_t>(n), kernels::allowed_isa(), settings.cold);
  std::vector<bench::Candidate> candidates;
  for (const bench::DotCase& one : cases) candidates.push_back(one.candidate);
  const bench::Measurement measured = bench::measure(candidates, settings.harness);
  result["rounds"].push_back({{"n", n},
                              {"rounds", measured.rounds},
                              {"dropped", measured.dropped},
                              {"disturbed_kept", measured.disturbed_kept},
                              {"text", rounds_text(measured)}});
  for (const bench::DotCase& one : cases) {
    Json row = make_row(one, measured, n);
    for (const bench::DotCase& other : cases) {
      if (other.candidate.group != one.candidate.group) continue;
      put_speedup(row, "speedup", measured.speedup(one.candidate.name, other.candidate.name));
      break;
    }
    append_metrics(metrics, row, fmt::format("{}/n{}", row["kernel"].get<std::string>(), n));
    result["rows"].push_back(std::move(row));
  }
  if (n == kPaperLength) {
    append_pair(metrics, measured, DotFamily::f16);
    append_pair(metrics, measured, DotFamily::i8);
  }
}

std::string notes(const Json& row) {
  std::string text = row["paper"];
  if (!text.empty()) text = "paper's " + text;
  const auto add = [&](const char* word) { text += (text.empty() ? "" : ", ") + std::string(word); };
  if (row["zero_safe"].get<bool>()) add("zero-safe");
  if (row["robust"].get<bool>()) add("robust");
  return text;
}

void print_table(const Json& result, const Json& rounds, const std::string& group) {
  std::cout << fmt::format("\n{} dot product of {} elements, {}; {}\n", group == "fp16" ? "FP16" : "INT8",
                           rounds["n"].get<std::int64_t>(), result["source"].get<std::string>(),
                           rounds["text"].get<std::string>());
  Table table({{"variant"},
               {"us", true},
               {"min", true},
               {"q1-q3", true},
               {"ns/element", true},
               {"x first row", true},
               {"bytes/weight", true},
               {"kernel"},
               {"notes"},
               {"what"}});
  for (const Json& row : result["rows"]) {
    if (row["n"] != rounds["n"] || row["group"] != group) continue;
    table.add({row["variant"], fmt::format("{:.4f}", row["us"].get<double>()),
               fmt::format("{:.4f}", row["us_min"].get<double>()),
               fmt::format("{:.4f}-{:.4f}", row["us_q1"].get<double>(), row["us_q3"].get<double>()),
               fmt::format("{:.4f}", row["ns_per_element"].get<double>()), speedup_text(row, "speedup"),
               fmt::format("{:.4g}", row["weight_bytes"].get<double>()), row["kernel"], notes(row),
               row["description"]});
  }
  table.print(std::cout);
}

void print_bench_kernels(const Json& result) {
  std::cout << circumstances_text(result);
  for (const Json& rounds : result["rounds"]) {
    for (const char* group : {"fp16", "int8"}) print_table(result, rounds, group);
  }
  std::cout
      << "\nus is the median over the rounds; x first row: how many times faster than the first row, the quotient "
         "within each round,\nthen median and quartiles. zero-safe: exact for zeros and subnormal inputs; robust: "
         "NaN and Inf reach the result.\n";
}

int run_bench_kernels(const std::vector<std::string>& arguments) {
  OptionParser parser = bench_kernels_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::vector<std::int64_t> lengths = positive_numbers("n", values["n"].as<std::string>(), "1024,4096");
  for (const std::int64_t n : lengths) {
    if (n > kLargestLength) throw usage_error(fmt::format("--n: {} is above {}", n, kLargestLength));
  }
  const BenchSettings settings = bench_settings(values, bench_command_line("kernels", arguments));
  if (wants_model(values)) return run_model(values, settings, lengths);
  Json result = begin_bench(settings);
  result["rows"] = Json::array();
  result["rounds"] = Json::array();
  BenchMetrics metrics;
  {
    Progress progress(false);
    for (const std::int64_t n : lengths) {
      progress.show(fmt::format("dot products of {} elements", n));
      measure_length(n, settings, result, metrics);
    }
  }
  finish_bench(settings, "bench kernels", "kernels", {{"n", lengths}, {"isa", result["isa"]}}, result, metrics,
               print_bench_kernels);
  return 0;
}

}  // namespace

Command bench_kernels_command() {
  return {"kernels", "the paper's dot products, FP16 and INT8, as ladders", run_bench_kernels};
}

}  // namespace denseshift::cli
