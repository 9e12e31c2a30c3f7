// denseshift convert: a trained network in another form.

#include "cli/commands/commands.h"
#include "cli/torch_module.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"
#include "core/util/suggest.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

OptionParser convert_parser() {
  OptionParser parser({
      "convert (--run RUN | --checkpoint FILE) --to denseshift|codes --out PATH [options]",
      "denseshift: turns a trained Shift network (s3, inq, deepshift-q, deepshift-ps) into a zero-free one that "
      "computes "
      "the same (Theorem 1 of the paper), twice as wide when the old one has zeros, and compares weights and outputs. "
      "codes: writes each layer's integer codes, code book and scale as safetensors, and compares what they unpack to.",
      "denseshift convert --run 7 --to denseshift --out zero-free\n"
      "denseshift convert --run 7 --to codes --out codes.safetensors",
  });
  parser.group("Weights").add_options()("run", po::value<std::string>()->value_name("RUN"),
                                        "a recorded run: id, name or `last`")(
      "checkpoint", po::value<std::string>()->value_name("FILE"), "checkpoint file")(
      "best", po::bool_switch(), "of a run: its best checkpoint (default)")("last", po::bool_switch(),
                                                                            "of a run: its last checkpoint");
  parser.group("Conversion")
      .add_options()("to", po::value<std::string>()->value_name("FORM"), "denseshift or codes")(
          "out", po::value<std::string>()->value_name("PATH"), "denseshift: a new folder; codes: a file")(
          "data", po::value<std::string>()->default_value("", "")->value_name("DIR"),
          "folder of the dataset that outputs are compared on [where the run had it]")(
          "samples", po::value<std::int64_t>()->default_value(256)->value_name("N"),
          "validation images that outputs are compared on");
  parser.group("Run").add_options()(
      "record", po::value<bool>()->implicit_value(true, "")->default_value(true, "")->value_name("true|false"),
      "record the result in the database [true]");
  parser.add_database_option();
  parser.add_json_option();
  return parser;
}

std::string text_of(const po::variables_map& values, const char* key) {
  return values.count(key) > 0 ? values[key].as<std::string>() : "";
}

int run_convert(const std::vector<std::string>& arguments) {
  OptionParser parser = convert_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string run = text_of(values, "run");
  const std::string checkpoint = text_of(values, "checkpoint");
  if (run.empty() == checkpoint.empty()) {
    throw usage_error(run.empty() ? "nothing to convert" : "--run and --checkpoint exclude each other",
                      "give --run RUN or --checkpoint FILE; `denseshift runs list` shows the runs");
  }
  if (values["last"].as<bool>() && values["best"].as<bool>()) throw usage_error("--best and --last exclude each other");
  const std::string to = text_of(values, "to");
  if (to.empty()) throw usage_error("--to is missing", "use --to denseshift or --to codes");
  if (to != "denseshift" && to != "codes") {
    throw usage_error("to: unknown value '" + to + "'", suggestion(to, {"denseshift", "codes"}));
  }
  const std::string out = text_of(values, "out");
  if (out.empty()) throw usage_error("--out is missing", "name a new folder (denseshift) or a file (codes)");
  const auto samples = values["samples"].as<std::int64_t>();
  if (samples < 1) throw usage_error("samples: at least one image is needed");

  std::vector<std::string> words = {"denseshift", "convert"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run_in_module("convert", {{"run", run},
                                   {"checkpoint", checkpoint},
                                   {"which", values["last"].as<bool>() ? "last" : "best"},
                                   {"to", to},
                                   {"out", out},
                                   {"data", text_of(values, "data")},
                                   {"samples", samples},
                                   {"record", values["record"].as<bool>()},
                                   {"db", database_path(values)},
                                   {"json", values["json"].as<bool>()},
                                   {"command_line", shell_line(words)}});
}

}  // namespace

Command convert_command() {
  return {"convert", "a trained network in another form, with proof that it is the same", run_convert};
}

}  // namespace denseshift::cli
