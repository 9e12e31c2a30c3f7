// denseshift models: architectures, methods, and what a policy quantizes.

#include "cli/commands/commands.h"
#include "cli/config_options.h"
#include "cli/torch_module.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

OptionParser models_parser() {
  OptionParser parser({
      "models [methods] [--arch ARCH [options]]",
      "Without options lists the architectures; `models methods` lists the quantization methods; with --arch prints "
      "each layer,\n"
      "whether it is quantized, and parameters, multiply-accumulates and weight bytes at the given bits.",
      "denseshift models\n"
      "denseshift models methods\n"
      "denseshift models --arch resnet18 --wbits 2 --image-size 224 --classes 1000",
  });
  add_config_options(parser,
                     {"arch", "method", "wbits", "abits", "activation", "width", "quantize", "quantize_predictions",
                      "quantize_extra", "fpn_channels", "head_convs", "aux", "placement", "rule", "image_size"});
  parser.group("Network").add_options()("classes", po::value<std::int64_t>()->value_name("N"),
                                        "outputs of the classifier; by default 1000, or 10 for the CIFAR networks");
  parser.group("Topic").add_options()("topic", po::value<std::string>()->value_name("TOPIC"),
                                      "architectures (default) or methods");
  parser.positional("topic", 1);
  parser.add_json_option();
  return parser;
}

int run_models(const std::vector<std::string>& arguments) {
  OptionParser parser = models_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string topic = values.count("topic") > 0 ? values["topic"].as<std::string>() : "architectures";
  if (topic != "architectures" && topic != "methods") {
    throw usage_error("unknown topic '" + topic + "'", suggestion(topic, {"architectures", "methods"}));
  }
  const std::int64_t classes = values.count("classes") > 0 ? values["classes"].as<std::int64_t>() : 0;
  if (values.count("classes") > 0 && classes < 1) throw usage_error("--classes: must be 1 or more");
  const GivenConfig given = read_config(values, "");
  experiments::validate(given.config);
  const bool describe = values.count("arch") > 0;
  if (!describe && !(given.keys.empty() && classes == 0)) {
    throw usage_error("these options describe one network: --arch is missing",
                      "`denseshift models` lists the architectures");
  }
  return run_in_module("models", {{"action", describe ? "describe" : topic},
                                  {"config", experiments::to_json(given.config)},
                                  {"overrides", given.keys},
                                  {"classes", classes},
                                  {"json", values["json"].as<bool>()}});
}

}  // namespace

Command models_command() {
  return {"models", "list architectures and methods; show what is quantized where", run_models};
}

}  // namespace denseshift::cli
