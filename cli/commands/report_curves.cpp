// denseshift report curves: metrics of runs against epochs.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/commands/report_drawn.h"
#include "cli/commands/runs_common.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "experiments/report/figures/curves.h"
#include "results_db/query.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using results_db::Database;

const std::vector<std::string>& curve_formats() {
  static const std::vector<std::string> names = {"svg", "png", "csv", "json"};
  return names;
}

OptionParser curves_parser() {
  OptionParser parser(
      {"report curves RUN... [options]",
       "Draws metrics of runs against epochs: a panel for each metric, a line for each run and split.",
       "denseshift report curves 3 4 last --out curves.svg\n"
       "denseshift report curves last --metric loss,top1 --split val,train --format png --out curves.png\n"
       "denseshift report curves 3 4 --metric loss --format csv"});
  parser.group("Runs").add_options()("run", po::value<std::vector<std::string>>()->value_name("RUN"),
                                     "id, `last`, or beginning of a name or uid; at most 40")(
      "metric", po::value<std::string>()->value_name("NAME,..."), "metrics [top1 where recorded, else loss]")(
      "split", po::value<std::string>()->value_name("SPLIT,..."), "splits; all but the first are dashed [val]");
  po::options_description& output = parser.group("Output");
  output.add_options()("format", po::value<std::string>()->value_name("svg|png|csv|json"), "format [svg]")(
      "out", po::value<std::string>()->value_name("FILE"), "write to a file, whole or not at all [standard output]");
  add_drawing_options(output);
  parser.positional("run", -1);
  parser.add_database_option();
  parser.add_json_option();
  return parser;
}

std::string curves_format(const po::variables_map& values) {
  const std::string name = text_option(values, "format");
  const bool json = values["json"].as<bool>();
  if (json && !name.empty() && name != "json") {
    throw usage_error(fmt::format("--json and --format {} exclude each other", name));
  }
  if (json) return "json";
  if (name.empty()) return "svg";
  if (std::ranges::find(curve_formats(), name) == curve_formats().end()) {
    throw usage_error(fmt::format("--format: unknown format '{}'", name), suggestion(name, curve_formats()));
  }
  return name;
}

/// Each run once, in the order given.
std::vector<std::int64_t> resolve_runs(const Database& database, const std::vector<std::string>& references) {
  constexpr std::size_t kMost = 40;
  std::vector<std::int64_t> runs;
  for (const std::string& reference : references) {
    const std::int64_t run = results_db::resolve_run(database, reference);
    if (std::ranges::find(runs, run) == runs.end()) runs.push_back(run);
  }
  if (runs.size() > kMost) {
    throw usage_error(fmt::format("{} runs are too many for one picture", runs.size()),
                      fmt::format("name at most {}", kMost));
  }
  return runs;
}

}  // namespace

int report_curves(const std::vector<std::string>& arguments) {
  OptionParser parser = curves_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string format = curves_format(values);
  check_drawing_options(values, format);
  if (values.count("run") == 0) throw usage_error("no run given", "`denseshift runs list` lists them");
  const Database database = results_db::open_for_reading(database_path(values));
  const auto runs = resolve_runs(database, values["run"].as<std::vector<std::string>>());
  experiments::CurveOptions options;
  options.metrics = list_option(values, "metric");
  options.splits = list_option(values, "split");
  const auto curves = experiments::load_curves(database, runs, options);
  if (curves.empty()) throw usage_error("these runs have no such metrics", "`denseshift runs metrics RUN` shows all");
  std::string text;
  if (format == "csv") {
    text = experiments::curves_csv(curves);
  } else if (format == "json") {
    text = experiments::curves_json(curves);
  } else {
    text = render_figure(experiments::curves_figure(curves), format, values);
  }
  write_report(text, text_option(values, "out"), format);
  return 0;
}

}  // namespace denseshift::cli
