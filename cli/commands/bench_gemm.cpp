// denseshift bench gemm: matrix products with packed weights against other libraries.

#include <fmt/format.h>

#include <cmath>
#include <iostream>

#include "cli/commands/bench_work.h"
#include "cli/terminal/progress.h"
#include "core/bench/memory.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using bench::MatrixProblem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestSize = 16384;
constexpr std::int64_t kMostSamples = 4096;

OptionParser bench_gemm_parser() {
  OptionParser parser({
      "bench gemm [options]",
      "Times products of activations (M samples) with square matrices of packed 2-, 3- and 4-bit weights, with bytes "
      "and with exact\nFP32 activations, against other libraries and our own plain loops, in turns within one process. "
      "One "
      "sample (M=1) is a\nmatrix-vector product.",
      "denseshift bench gemm\n"
      "denseshift bench gemm --m 1 --size 4096 --bits 2 --cold\n"
      "denseshift bench gemm --isa avx2 --against onednn,xnnpack --csv gemm.csv",
  });
  parser.group("Benchmark")
      .add_options()("m", po::value<std::string>()->default_value("1,4,16,64,256")->value_name("N,..."), "samples")(
          "size", po::value<std::string>()->default_value("512,2048,4096")->value_name("N,..."),
          "rows and columns of the weights")(
          "bits", po::value<std::string>()->default_value("2,3,4")->value_name("N,..."), "bits of a weight: 2, 3, 4")(
          "against", po::value<std::string>()->default_value("all")->value_name("TEXT,..."),
          "openblas, onednn, xnnpack; all: those that are there; none");
  add_bench_options(parser, 31, true);
  return parser;
}

denseshift_peer_problem peer_problem(const MatrixProblem& problem, const BenchSettings& settings) {
  denseshift_peer_problem plain{};
  plain.m = problem.m;
  plain.n = problem.n;
  plain.k = problem.k;
  plain.w = problem.w.data();
  plain.w8 = problem.w8.data();
  plain.x = problem.x.data();
  plain.x8 = problem.x8.data();
  plain.threads = settings.threads;
  plain.copies = settings.cold ? bench::copies_beyond_cache(problem.w8.size(), bench::cache_sizes()) : 1;
  for (const auto& [row, column] : bench::checked_outputs(problem.m, problem.n)) {
    plain.largest_sum = std::max(plain.largest_sum, std::fabs(static_cast<double>(problem.centred_sum(row, column))));
  }
  return plain;
}

void check_peer(const MatrixProblem& problem, const PeerKernel& kernel, const std::vector<float>& y, double unit) {
  for (const auto& [row, column] : bench::checked_outputs(problem.m, problem.n)) {
    const double got = static_cast<double>(y[row * problem.n + column]) * unit;
    double expected = 0;
    double allowed = 0;
    if (kernel.kind == "f32") {
      expected = problem.float_sum(row, column);
      allowed = problem.magnitude(row, column) * static_cast<double>(problem.k) * 0x1p-24;
    } else if (kernel.kind == "u8") {
      expected = static_cast<double>(problem.byte_sum(row, column));
      allowed = std::fabs(expected) * 1e-6;
    } else {
      expected = static_cast<double>(problem.centred_sum(row, column));
      allowed = 0.6 * unit;
    }
    if (std::fabs(got - expected) <= allowed) continue;
    throw work_error(fmt::format("{} computes {} instead of {}: not timed", kernel.name, got, expected),
                     "leave it out of --against");
  }
}

/// All bit widths and libraries at one size, in the same rounds.
void measure_size(std::size_t m, std::size_t size, const std::vector<std::int64_t>& bits, const Peers& peers,
                  const BenchSettings& settings, MachineLimits& limits, Json& result, BenchMetrics& metrics) {
  const bench::CaseOptions options{settings.cold, settings.threads, settings.isa};
  // Other libraries take 2-bit weights, which are the same work for them and fit a signed byte.
  const auto plain = bench::make_matrix_problem(m, size, size, 2);
  std::vector<bench::WorkCase> cases;
  for (const std::int64_t b : bits) {
    const auto problem = b == 2 ? plain : bench::make_matrix_problem(m, size, size, static_cast<int>(b));
    for (bench::WorkCase& one : bench::matrix_cases(problem, options)) cases.push_back(std::move(one));
  }
  for (bench::WorkCase& one : bench::plain_matrix_cases(plain, options)) cases.push_back(std::move(one));
  const auto macs = static_cast<double>(m * size * size);
  append_peers(
      cases, result, peers, peer_problem(*plain, settings), m * size,
      {macs, static_cast<double>(size * size * sizeof(float)), false},
      [&](const PeerKernel& kernel, const std::vector<float>& y, double unit) { check_peer(*plain, kernel, y, unit); });
  measure_work(cases, {{"place", fmt::format("M={} size {}", m, size)}, {"m", m}, {"size", size}},
               fmt::format("m{}/size{}", m, size), settings, limits, result, metrics);
}

void print_bench_gemm(const Json& result) {
  std::cout << circumstances_text(result);
  for (const Json& table : result["tables"]) print_work_table(result, table["place"]);
  print_work_legend(result);
}

std::vector<std::int64_t> checked_numbers(const po::variables_map& values, const std::string& option,
                                          const std::string& example, std::int64_t low, std::int64_t high) {
  const std::vector<std::int64_t> numbers = positive_numbers(option, values[option].as<std::string>(), example);
  for (const std::int64_t number : numbers) {
    if (number < low || number > high) {
      throw usage_error(fmt::format("--{}: {} is not from {} to {}", option, number, low, high));
    }
  }
  return numbers;
}

int run_bench_gemm(const std::vector<std::string>& arguments) {
  OptionParser parser = bench_gemm_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const auto samples = checked_numbers(values, "m", "1,16", 1, kMostSamples);
  const auto sizes = checked_numbers(values, "size", "512,4096", 1, kLargestSize);
  const auto bits = checked_numbers(values, "bits", "2,3", 2, 4);
  const BenchSettings settings = bench_settings(values, bench_command_line("gemm", arguments));
  const Peers peers(values["against"].as<std::string>(), settings.isa);
  Json result = begin_bench(settings);
  put_peers(result, peers, settings);
  for (const char* key : {"tables", "rows", "losses"}) result[key] = Json::array();
  BenchMetrics metrics;
  {
    Progress progress(false);
    progress.show("limits of this machine");
    MachineLimits limits;
    for (const std::int64_t size : sizes) {
      for (const std::int64_t m : samples) {
        progress.show(fmt::format("M={} size {}", m, size));
        measure_size(static_cast<std::size_t>(m), static_cast<std::size_t>(size), bits, peers, settings, limits, result,
                     metrics);
      }
    }
    result["limits"] = limits.json();
  }
  finish_bench(settings, "bench gemm", "gemm",
               {{"m", samples},
                {"size", sizes},
                {"bits", bits},
                {"isa", result["isa"]},
                {"against", values["against"].as<std::string>()}},
               result, metrics, print_bench_gemm);
  return 0;
}

}  // namespace

Command bench_gemm_command() {
  return {"gemm", "matrix products with packed weights against other libraries", run_bench_gemm};
}

}  // namespace denseshift::cli
