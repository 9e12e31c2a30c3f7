// denseshift bench layers: the convolutions of a ResNet with packed weights against other libraries.

#include <fmt/format.h>

#include <cmath>
#include <iostream>

#include "cli/commands/bench_work.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "core/bench/conv_cases.h"
#include "core/bench/memory.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using bench::ConvLayer;
using bench::ConvProblem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestBatch = 64;

OptionParser bench_layers_parser() {
  OptionParser parser({
      "bench layers [options]",
      "Times every convolution shape of a ResNet at 224x224 pixels (but the first, whose weights stay FP32) with "
      "packed "
      "weights and\nactivations in bytes, against the convolutions of other libraries, in turns within one process.",
      "denseshift bench layers\n"
      "denseshift bench layers --arch resnet50 --batch 8 --against onednn",
  });
  parser.group("Benchmark")
      .add_options()("arch", po::value<std::string>()->default_value("resnet18")->value_name("resnet18|resnet50"),
                     "network")("batch", po::value<std::string>()->default_value("1")->value_name("N,..."), "images")(
          "bits", po::value<std::string>()->default_value("2")->value_name("N,..."), "bits of a weight: 2, 3, 4")(
          "against", po::value<std::string>()->default_value("all")->value_name("TEXT,..."),
          "onednn, xnnpack (openblas has no convolution); all: those that are there; none");
  add_bench_options(parser, 21, true);
  return parser;
}

denseshift_peer_problem peer_problem(const ConvProblem& problem, const BenchSettings& settings) {
  denseshift_peer_problem plain{};
  plain.batch = problem.shape.batch;
  plain.height = problem.shape.height;
  plain.width = problem.shape.width;
  plain.channels = problem.shape.channels;
  plain.outputs = problem.outputs;
  plain.kernel_height = problem.shape.kernel_height;
  plain.kernel_width = problem.shape.kernel_width;
  plain.stride = problem.shape.stride;
  plain.padding = problem.shape.padding;
  plain.w = problem.w.data();
  plain.w8 = problem.w8.data();
  plain.x = problem.x.data();
  plain.x8 = problem.x8.data();
  plain.threads = settings.threads;
  plain.copies = settings.cold ? bench::copies_beyond_cache(problem.w8.size(), bench::cache_sizes()) : 1;
  for (const auto& [pixel, output] : bench::checked_outputs(problem.pixels(), problem.outputs)) {
    plain.largest_sum =
        std::max(plain.largest_sum, std::fabs(static_cast<double>(problem.byte_sum(pixel, output, 128))));
  }
  return plain;
}

void check_peer(const ConvProblem& problem, const PeerKernel& kernel, const std::vector<float>& y, double unit) {
  // Winograd's transforms lose some bits; a wrong set-up is off by far more.
  constexpr double kFloatTolerance = 1e-3;
  for (const auto& [pixel, output] : bench::checked_outputs(problem.pixels(), problem.outputs)) {
    const double got = static_cast<double>(y[pixel * problem.outputs + output]) * unit;
    double expected = 0;
    double allowed = 0;
    if (kernel.kind == "f32") {
      expected = problem.float_sum(pixel, output);
      allowed = kFloatTolerance * std::sqrt(static_cast<double>(problem.w.size() / problem.outputs));
    } else {
      expected = static_cast<double>(problem.byte_sum(pixel, output, kernel.kind == "u8" ? 0 : 128));
      allowed = kernel.kind == "u8" ? std::fabs(expected) * 1e-6 : 0.6 * unit;
    }
    if (std::fabs(got - expected) <= allowed) continue;
    throw work_error(fmt::format("{} computes {} instead of {}: not timed", kernel.name, got, expected),
                     "leave it out of --against");
  }
}

void measure_layer(const ConvLayer& layer, const std::vector<std::int64_t>& bits, const Peers& peers,
                   const BenchSettings& settings, MachineLimits& limits, Json& result, BenchMetrics& metrics) {
  const bench::CaseOptions options{settings.cold, settings.threads, settings.isa};
  const auto plain = bench::make_conv_problem(layer, 2);
  std::vector<bench::WorkCase> cases;
  for (const std::int64_t b : bits) {
    const auto problem = b == 2 ? plain : bench::make_conv_problem(layer, static_cast<int>(b));
    for (bench::WorkCase& one : bench::conv_cases(problem, options)) cases.push_back(std::move(one));
  }
  append_peers(
      cases, result, peers, peer_problem(*plain, settings), plain->pixels() * plain->outputs,
      {plain->macs(), static_cast<double>(plain->w.size() * sizeof(float)), false},
      [&](const PeerKernel& kernel, const std::vector<float>& y, double unit) { check_peer(*plain, kernel, y, unit); });
  const std::size_t batch = layer.shape.batch;
  std::string id = layer.name;
  std::ranges::replace(id, ' ', '_');
  measure_work(cases,
               {{"place", fmt::format("{} batch {}", layer.name, batch)},
                {"layer", layer.name},
                {"batch", batch},
                {"count", layer.count}},
               fmt::format("{}/batch{}", id, batch), settings, limits, result, metrics);
}

/// Microseconds of all layers together, each as often as the network has it, for the rows that every layer has. Medians
/// are added, so there is no spread.
void put_sums(Json& result, std::size_t batch, std::size_t layers, BenchMetrics& metrics) {
  std::vector<std::pair<std::string, double>> sums;
  std::map<std::string, std::size_t> counts;
  for (const Json& row : result["rows"]) {
    if (row["batch"] != batch) continue;
    const std::string name = row["name"];
    auto found = std::ranges::find(sums, name, &std::pair<std::string, double>::first);
    if (found == sums.end()) found = sums.insert(sums.end(), {name, 0.0});
    found->second += row["us"].get<double>() * row["count"].get<double>();
    ++counts[name];
  }
  for (const auto& [name, us] : sums) {
    if (counts[name] != layers) continue;
    result["sums"].push_back({{"batch", batch}, {"name", name}, {"us", us}});
    metrics.emplace_back(fmt::format("us_network/{}/batch{}", name, batch), us);
  }
}

void print_bench_layers(const Json& result) {
  std::cout << circumstances_text(result);
  for (const Json& table : result["tables"]) print_work_table(result, table["place"]);
  std::cout << fmt::format(
      "\nAll these convolutions of {}, as often as it has them (rows that could do every layer):\n",
      result["arch"].get<std::string>());
  Table table({{"row"}, {"batch", true}, {"ms", true}, {"images/s", true}});
  for (const Json& sum : result["sums"]) {
    const double us = sum["us"];
    table.add({sum["name"], sum["batch"].dump(), fmt::format("{:.2f}", us / 1e3),
               fmt::format("{:.1f}", sum["batch"].get<double>() * 1e6 / us)});
  }
  table.print(std::cout);
  print_work_legend(result);
}

int run_bench_layers(const std::vector<std::string>& arguments) {
  OptionParser parser = bench_layers_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const auto arch = values["arch"].as<std::string>();
  const std::vector<std::int64_t> batches = positive_numbers("batch", values["batch"].as<std::string>(), "1,8");
  for (const std::int64_t batch : batches) {
    if (batch > kLargestBatch) throw usage_error(fmt::format("--batch: {} is above {}", batch, kLargestBatch));
  }
  const std::vector<std::int64_t> bits = positive_numbers("bits", values["bits"].as<std::string>(), "2,3");
  for (const std::int64_t one : bits) {
    if (one < 2 || one > 4) throw usage_error(fmt::format("--bits: {} is not from 2 to 4", one));
  }
  (void)bench::resnet_layers(arch, 1);
  const BenchSettings settings = bench_settings(values, bench_command_line("layers", arguments));
  const Peers peers(values["against"].as<std::string>(), settings.isa);
  Json result = begin_bench(settings);
  result["arch"] = arch;
  put_peers(result, peers, settings);
  for (const char* key : {"tables", "rows", "losses", "sums"}) result[key] = Json::array();
  BenchMetrics metrics;
  {
    Progress progress(false);
    MachineLimits limits;
    for (const std::int64_t batch : batches) {
      const std::vector<ConvLayer> layers = bench::resnet_layers(arch, static_cast<std::size_t>(batch));
      for (const ConvLayer& layer : layers) {
        progress.show(fmt::format("{} batch {}", layer.name, batch));
        measure_layer(layer, bits, peers, settings, limits, result, metrics);
      }
      put_sums(result, static_cast<std::size_t>(batch), layers.size(), metrics);
    }
    result["limits"] = limits.json();
  }
  finish_bench(settings, "bench layers", "layers",
               {{"arch", arch},
                {"batch", batches},
                {"bits", bits},
                {"isa", result["isa"]},
                {"against", values["against"].as<std::string>()}},
               result, metrics, print_bench_layers);
  return 0;
}

}  // namespace

Command bench_layers_command() {
  return {"layers", "convolutions of a ResNet with packed weights against other libraries", run_bench_layers};
}

}  // namespace denseshift::cli
