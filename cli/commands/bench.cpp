// denseshift bench: measurements of this machine.

#include <charconv>

#include "cli/commands/commands.h"
#include "cli/torch_module.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) items.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return items;
}

std::vector<std::int64_t> positive_numbers(const std::string& option, const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (const std::string& item : split(text)) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(item.data(), item.data() + item.size(), number);
    if (code != std::errc() || end != item.data() + item.size() || number < 1) {
      throw usage_error("--" + option + ": '" + item + "' is not a number of 1 or more", "write --" + option + " 64,8");
    }
    numbers.push_back(number);
  }
  if (numbers.empty()) throw usage_error("--" + option + ": no value", "write --" + option + " 64,8");
  return numbers;
}

std::int64_t at_least(const po::variables_map& values, const std::string& option, std::int64_t least) {
  const auto value = values[option].as<std::int64_t>();
  if (value < least) throw usage_error("--" + option + ": must be " + std::to_string(least) + " or more");
  return value;
}

OptionParser make_train_parser() {
  OptionParser parser({
      "bench train [options]",
      "Times training steps of FP32 (torch's own SGD), of the reference composition and of the fused DenseShift path, "
      "interleaved\n"
      "in one process so that a busy machine disturbs all alike, and the loader alone. Prints img/s, peak memory and "
      "the ratio to FP32.",
      "denseshift bench train\n"
      "denseshift bench train --arch resnet50 --batch-size 32 --rounds 20 --threads 1\n"
      "denseshift bench train --variants fp32-torch,w2-leaf --no-record\n"
      "denseshift bench train --methods all --batch-size 64",
  });
  parser.group("Benchmark")
      .add_options()("arch", po::value<std::string>()->default_value("resnet18")->value_name("TEXT"), "architecture")(
          "image-size", po::value<std::int64_t>()->default_value(64)->value_name("N"), "side of the input in pixels")(
          "batch-size", po::value<std::string>()->default_value("64,8")->value_name("N,..."), "batch sizes")(
          "rounds", po::value<std::int64_t>()->default_value(0)->value_name("N"),
          "measured steps of each variant; 0: 5 at batch 64 and more, up to 15 at smaller ones")(
          "threads", po::value<std::int64_t>()->default_value(0)->value_name("N"),
          "CPU threads; 0: all that this process may use")(
          "variants", po::value<std::string>()->value_name("TEXT,..."),
          "only these rows, by the names the table shows (default: all ways to train denseshift)")(
          "methods", po::value<std::string>()->value_name("TEXT,..."),
          "compare methods instead: all (each at its default bits), or METHOD[:WBITS],...")(
          "record", po::value<bool>()->default_value(true, "true")->implicit_value(true, "")->value_name("true|false"),
          "record the result in the database; --no-record to leave it out")(
          "memory-only", po::bool_switch(),
          "train one variant at one batch size and print the peak memory of this very process in bytes");
  parser.add_database_option();
  parser.add_json_option();
  return parser;
}

int run_train(const std::vector<std::string>& arguments) {
  OptionParser parser = make_train_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::vector<std::int64_t> batch_sizes = positive_numbers("batch-size", values["batch-size"].as<std::string>());
  const std::vector<std::string> variants =
      values.count("variants") > 0 ? split(values["variants"].as<std::string>()) : std::vector<std::string>();
  const bool memory_only = values["memory-only"].as<bool>();
  const std::vector<std::string> methods =
      values.count("methods") > 0 ? split(values["methods"].as<std::string>()) : std::vector<std::string>();
  if (!methods.empty() && !variants.empty()) throw usage_error("--methods and --variants exclude each other");
  if (memory_only && (variants.size() != 1 || batch_sizes.size() != 1)) {
    throw usage_error("--memory-only: needs one variant and one batch size",
                      "write --variants w2-leaf --batch-size 64");
  }
  std::vector<std::string> words = {"denseshift", "bench", "train"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run_in_module("bench-train", {{"arch", values["arch"].as<std::string>()},
                                       {"image_size", at_least(values, "image-size", 8)},
                                       {"batch_sizes", batch_sizes},
                                       {"rounds", at_least(values, "rounds", 0)},
                                       {"threads", at_least(values, "threads", 0)},
                                       {"variants", variants},
                                       {"methods", methods},
                                       {"memory_only", memory_only},
                                       {"db", values["record"].as<bool>() ? database_path(values) : std::string()},
                                       {"command_line", shell_line(words)},
                                       {"json", values["json"].as<bool>()}});
}

int run(const std::vector<std::string>& arguments) {
  static const std::vector<Command> table = {{"train", "training step and loader against FP32", run_train}};
  return dispatch("bench", "Measures this machine.", table, arguments);
}

}  // namespace

Command bench_command() { return {"bench", "measure this machine: train", run}; }

}  // namespace denseshift::cli
