// denseshift bench train: training steps, measured by the module that has LibTorch.

#include "cli/commands/bench_common.h"
#include "cli/torch_module.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

OptionParser bench_train_parser() {
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
          "memory-only", po::bool_switch(),
          "train one variant at one batch size and print the peak memory of this very process in bytes");
  add_record_option(parser.group("Benchmark"));
  parser.add_database_option();
  parser.add_json_option();
  return parser;
}

int run_bench_train(const std::vector<std::string>& arguments) {
  OptionParser parser = bench_train_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::vector<std::int64_t> batch_sizes =
      positive_numbers("batch-size", values["batch-size"].as<std::string>(), "64,8");
  const std::vector<std::string> variants =
      values.count("variants") > 0 ? split_list(values["variants"].as<std::string>()) : std::vector<std::string>();
  const bool memory_only = values["memory-only"].as<bool>();
  const std::vector<std::string> methods =
      values.count("methods") > 0 ? split_list(values["methods"].as<std::string>()) : std::vector<std::string>();
  if (!methods.empty() && !variants.empty()) throw usage_error("--methods and --variants exclude each other");
  if (memory_only && (variants.size() != 1 || batch_sizes.size() != 1)) {
    throw usage_error("--memory-only: needs one variant and one batch size",
                      "write --variants w2-leaf --batch-size 64");
  }
  return run_in_module("bench-train", {{"arch", values["arch"].as<std::string>()},
                                       {"image_size", at_least(values, "image-size", 8)},
                                       {"batch_sizes", batch_sizes},
                                       {"rounds", at_least(values, "rounds", 0)},
                                       {"threads", at_least(values, "threads", 0)},
                                       {"variants", variants},
                                       {"methods", methods},
                                       {"memory_only", memory_only},
                                       {"db", values["record"].as<bool>() ? database_path(values) : std::string()},
                                       {"command_line", bench_command_line("train", arguments)},
                                       {"json", values["json"].as<bool>()}});
}

}  // namespace

Command bench_train_command() { return {"train", "training step and loader against FP32", run_bench_train}; }

}  // namespace denseshift::cli
