#include "cli/commands/bench_kernels_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>

#include "cli/terminal/table.h"
#include "core/bench/model/dot_model.h"
#include "core/kernels/dot/dot.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using bench::DotModel;
using bench::ModelledKernel;
using kernels::DotFamily;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kModelledLength = 4096;

std::vector<double> clocks_of(const po::variables_map& values) {
  std::vector<double> clocks;
  if (values.count("clock") == 0) {
    clocks.assign(std::begin(bench::kModelClocks), std::end(bench::kModelClocks));
    return clocks;
  }
  for (const std::string& item : split_list(values["clock"].as<std::string>())) {
    double clock = 0;
    const auto [end, code] = std::from_chars(item.data(), item.data() + item.size(), clock);
    if (code != std::errc() || end != item.data() + item.size() || !(clock >= 0.01 && clock <= 100)) {
      throw usage_error("--clock: '" + item + "' is not a clock between 0.01 and 100 GHz", "write --clock 1.43,2.0");
    }
    clocks.push_back(clock);
  }
  if (clocks.empty()) throw usage_error("--clock: no value", "write --clock 1.43,2.0");
  return clocks;
}

const char* group_of(const kernels::DotVariant& variant) { return variant.family == DotFamily::f16 ? "fp16" : "int8"; }

/// The variant as the better of the compilers makes it, or nothing when no compiler's loop could be modelled.
const ModelledKernel* best_kernel(const DotModel& model, std::string_view variant) {
  const ModelledKernel* best = nullptr;
  for (const ModelledKernel& kernel : model.kernels) {
    if (kernel.variant != variant) continue;
    if (best == nullptr || kernel.cycles_per_element() < best->cycles_per_element()) best = &kernel;
  }
  return best;
}

const ModelledKernel* first_of_group(const DotModel& model, DotFamily family) {
  return best_kernel(model, kernels::paper_pair(family).baseline);
}

Json make_row(const DotModel& model, const ModelledKernel& kernel, const std::vector<double>& clocks, std::int64_t n) {
  const kernels::DotVariant& variant = kernels::dot_variant(kernel.variant);
  const ModelledKernel* first = first_of_group(model, variant.family);
  Json row = {{"n", n},
              {"group", group_of(variant)},
              {"variant", kernel.variant},
              {"kernel", kernel.kernel},
              {"compiler", model.compilers[kernel.compiler].version},
              {"elements_per_iteration", kernel.elements},
              {"cycles_per_element", kernel.cycles_per_element()},
              {"bound_per_element", kernel.bound_per_element()},
              {"limit", kernel.loop.limit},
              {"best", &kernel == best_kernel(model, kernel.variant)},
              {"description", variant.description}};
  row["speedup"] = first == nullptr ? Json() : Json(first->cycles_per_element() / kernel.cycles_per_element());
  for (const double clock : clocks) {
    row[fmt::format("us_{:g}ghz", clock)] = kernel.microseconds(static_cast<double>(n), clock);
  }
  return row;
}

Json make_rows(const DotModel& model, const std::vector<double>& clocks, std::int64_t n) {
  Json rows = Json::array();
  for (const kernels::DotVariant& variant : kernels::dot_variants()) {
    for (const ModelledKernel& kernel : model.kernels) {
      if (kernel.variant == variant.variant) rows.push_back(make_row(model, kernel, clocks, n));
    }
  }
  return rows;
}

/// What the study `kernels` reads: each kernel as its better compiler makes it.
void append_pair(BenchMetrics& metrics, const DotModel& model, DotFamily family, double clock) {
  const kernels::PaperPair pair = kernels::paper_pair(family);
  const ModelledKernel* baseline = best_kernel(model, pair.baseline);
  const ModelledKernel* denseshift = best_kernel(model, pair.denseshift);
  if (baseline == nullptr || denseshift == nullptr) return;
  const std::string row = family == DotFamily::f16 ? "fp16" : "int8";
  const double n = static_cast<double>(kModelledLength);
  metrics.emplace_back("baseline_us/" + row, baseline->microseconds(n, clock));
  metrics.emplace_back("denseshift_us/" + row, denseshift->microseconds(n, clock));
  metrics.emplace_back("speedup/" + row, baseline->cycles_per_element() / denseshift->cycles_per_element());
}

BenchMetrics make_metrics(const DotModel& model, const Json& result, double clock) {
  BenchMetrics metrics;
  for (const Json& row : result["rows"]) {
    append_metrics(metrics, row,
                   fmt::format("{}/n{}/{}", row["kernel"].get<std::string>(), row["n"].get<std::int64_t>(),
                               row["compiler"].get<std::string>()));
  }
  if (std::ranges::find(result["n"], Json(kModelledLength)) != result["n"].end()) {
    append_pair(metrics, model, DotFamily::f16, clock);
    append_pair(metrics, model, DotFamily::i8, clock);
  }
  return metrics;
}

void print_group(const Json& result, std::int64_t n, const std::string& group) {
  std::cout << fmt::format("\n{} dot product of {} elements, modelled, never measured\n",
                           group == "fp16" ? "FP16" : "INT8", n);
  std::vector<std::string> times;
  std::vector<Column> columns = {{"variant"}, {"cycles/element", true}, {"bound", true}, {"x first row", true}};
  for (const double clock : result["clocks_ghz"]) {
    times.push_back(fmt::format("us_{:g}ghz", clock));
    columns.push_back({fmt::format("us at {:g} GHz", clock), true});
  }
  for (const char* title : {"limit", "compiler", "what"}) columns.push_back({title});
  Table table(columns);
  for (const Json& row : result["rows"]) {
    if (row["n"] != n || row["group"] != group) continue;
    std::vector<std::string> cells = {
        row["variant"], fmt::format("{:.3f}", row["cycles_per_element"].get<double>()),
        fmt::format("{:.3f}", row["bound_per_element"].get<double>()),
        row["speedup"].is_null() ? "-" : fmt::format("{:.2f}", row["speedup"].get<double>())};
    for (const std::string& key : times) cells.push_back(fmt::format("{:.3f}", row[key].get<double>()));
    for (const char* key : {"limit", "compiler", "description"}) cells.push_back(row[key]);
    table.add(cells);
  }
  table.print(std::cout);
}

void print_model(const Json& result) {
  std::cout << fmt::format("modelled {} by {}, {}\n", result["cpu"].get<std::string>(),
                           result["mca"].get<std::string>(), result["date"].get<std::string>());
  for (const Json& n : result["n"]) {
    for (const char* group : {"fp16", "int8"}) print_group(result, n.get<std::int64_t>(), group);
  }
  std::cout
      << "\nThe main loops alone, all data in the first-level cache, branches predicted right: a lower bound. bound: "
         "cycles that "
         "the\nbusiest unit needs; x first row: against the first row as its better compiler makes it. docs/arm.md "
         "tells more.\n";
  for (const Json& reason : result["left_out"]) std::cout << "not modelled: " << reason.get<std::string>() << "\n";
}

}  // namespace

void add_model_options(OptionParser& parser) {
  parser.group("Modelling")
      .add_options()("model", po::value<std::string>()->value_name("CPU"),
                     "model the NEON kernels on cortex-a57 or neoverse-n1 with llvm-mca instead of measuring")(
          "clock", po::value<std::string>()->value_name("GHZ,..."),
          "clocks at which modelled times are stated (default: 1.43,2.0)")(
          "compiler", po::value<std::string>()->value_name("NAME,..."),
          "AArch64 compilers that make the kernels (default: aarch64-linux-gnu-g++ and clang++, those that are there)")(
          "mca", po::value<std::string>()->value_name("NAME"), "llvm-mca to use (default: the newest in PATH)");
}

bool wants_model(const po::variables_map& values) {
  const bool model = values.count("model") > 0;
  for (const char* option : {"clock", "compiler", "mca"}) {
    if (!model && values.count(option) > 0) {
      throw usage_error(fmt::format("--{} is about a modelled CPU", option), "add --model cortex-a57");
    }
  }
  for (const char* option : {"isa", "rounds", "cold"}) {
    if (model && values.count(option) > 0 && !values[option].defaulted()) {
      throw usage_error(fmt::format("--{} is about measuring, --model measures nothing", option));
    }
  }
  return model;
}

int run_model(const po::variables_map& values, const BenchSettings& settings,
              const std::vector<std::int64_t>& lengths) {
  const std::vector<double> clocks = clocks_of(values);
  bench::DotModelRequest request;
  request.cpu = values["model"].as<std::string>();
  if (values.count("compiler") > 0) request.compilers = split_list(values["compiler"].as<std::string>());
  if (values.count("mca") > 0) request.mca = values["mca"].as<std::string>();
  Json result = begin_bench(settings);
  const DotModel model = bench::model_dot_kernels(request);
  result["cpu"] = model.cpu->title;
  result["isa"] = model.cpu->name;
  result["mca"] = model.mca.version;
  result["compilers"] = Json::array();
  for (const auto& compiler : model.compilers) result["compilers"].push_back(compiler.version);
  result["clocks_ghz"] = clocks;
  result["n"] = lengths;
  result["left_out"] = model.left_out;
  result["rows"] = Json::array();
  for (const std::int64_t n : lengths) {
    for (Json& row : make_rows(model, clocks, n)) result["rows"].push_back(std::move(row));
  }
  result["mode"] = "model";
  for (std::size_t i = 0; i < clocks.size(); ++i) {
    result["clock_ghz"] = clocks[i];
    result["source"] = fmt::format("modelled {} at {:g} GHz", model.cpu->title, clocks[i]);
    const Json config = {{"model", request.cpu}, {"clock", clocks[i]}, {"n", lengths}};
    const BenchMetrics metrics = make_metrics(model, result, clocks[i]);
    if (i == 0) {
      finish_bench(settings, "bench kernels", "kernels", config, result, metrics, print_model);
    } else if (!settings.db.empty()) {
      record_bench(settings, "bench kernels", "kernels", config, result, metrics);
    }
  }
  return 0;
}

}  // namespace denseshift::cli
