// models: architectures, methods, and what one network's layers hold.

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "cli/terminal/table.h"
#include "cli/torch/models_methods.h"
#include "cli/torch/verbs.h"
#include "core/nn/model.h"
#include "core/quant/methods.h"
#include "experiments/trainer/setup.h"

namespace denseshift::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kCifarSide = 32;

/// The data set that the architecture was made for: CIFAR-10, ImageNet, COCO, or the classes of VOC.
data::DatasetInfo usual_dataset(const nn::Architecture& architecture) {
  data::DatasetInfo info;
  info.image_size = architecture.image_size;
  info.classes = architecture.image_size == kCifarSide ? 10 : 1000;
  if (architecture.task == "segmentation") info.classes = 21;
  if (architecture.task == "detection") {
    // 80 of the ids 1 to 90 are in use.
    for (std::int64_t id = 1; id <= 90; ++id) {
      const bool missing = id == 12 || id == 26 || id == 29 || id == 30 || id == 45 || id == 66 || id == 68 ||
                           id == 69 || id == 71 || id == 83;
      if (!missing) info.category_ids.push_back(id);
    }
    info.classes = std::ssize(info.category_ids);
  }
  return info;
}

// 11689512 -> "11,689,512".
std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string mega(std::int64_t bytes) { return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6); }

void print(const Json& json) { std::cout << json.dump(2) << '\n'; }

int list_architectures(bool as_json) {
  Json json = Json::array();
  Table table({{"architecture"},
               {"task"},
               {"parameters", true},
               {"MACs", true},
               {"image", true},
               {"classes", true},
               {"description"}});
  for (const auto& entry : nn::architectures().entries()) {
    const data::DatasetInfo dataset = usual_dataset(entry.value);
    const std::int64_t classes = dataset.classes;
    quant::LayerPolicy full_precision({}, "paper", {});
    experiments::TrainConfig config;
    config.method = "fp32";
    const auto model = nn::make_model(entry.name, experiments::model_options(config, dataset, full_precision));
    // A detector takes a second or more to run: `models --arch NAME` counts for one of them.
    const bool light = entry.value.task == "classification";
    // Weights of a network that was only built are whatever the memory held; denormal numbers there cost a minute.
    const at::NoGradGuard no_grad;
    for (const at::Tensor& parameter : model->parameters()) parameter.detach().zero_();
    const std::int64_t macs = light ? nn::describe(*model, entry.value.image_size).macs : 0;
    std::int64_t parameters = 0;
    for (const at::Tensor& parameter : model->parameters()) parameters += parameter.numel();
    json.push_back({{"name", entry.name},
                    {"description", entry.description},
                    {"task", entry.value.task},
                    {"image_size", entry.value.image_size},
                    {"classes", classes},
                    {"parameters", parameters},
                    {"macs", light ? Json(macs) : Json()}});
    table.add({entry.name, entry.value.task, grouped(parameters), light ? grouped(macs) : "-",
               std::to_string(entry.value.image_size), std::to_string(classes), entry.description});
  }
  as_json ? print(json) : table.print(std::cout);
  return 0;
}

/// The network that was asked for, and what came out.
struct Description {
  experiments::TrainConfig config;
  std::int64_t classes = 0;
  nn::ModelFacts facts;
};

Description describe_network(const nlohmann::json& request) {
  Description result;
  result.config = experiments::config_from_json(request.at("config"));
  // Nothing is trained: the CPU's quantizers will do, also where there is a GPU.
  result.config.device = "cpu";
  const bool any_size = result.config.image_size == 0;
  result.config = experiments::resolve(result.config, request.at("overrides").get<std::vector<std::string>>());
  const nn::Architecture& architecture = nn::architectures().get(result.config.arch);
  if (any_size) result.config.image_size = architecture.image_size;
  data::DatasetInfo dataset = usual_dataset(architecture);
  dataset.image_size = result.config.image_size;
  if (const auto classes = request.at("classes").get<std::int64_t>(); classes != 0) {
    dataset.classes = classes;
    dataset.category_ids.clear();
    for (std::int64_t id = 1; id <= classes && architecture.task == "detection"; ++id)
      dataset.category_ids.push_back(id);
  }
  result.classes = dataset.classes;
  quant::LayerPolicy policy(experiments::method_options(result.config), result.config.placement, result.config.rule,
                            experiments::part_choice(result.config));
  const auto model = nn::make_model(result.config.arch, experiments::model_options(result.config, dataset, policy));
  result.facts = nn::describe(*model, result.config.image_size);
  return result;
}

std::string placement_text(const experiments::TrainConfig& config) {
  std::string text =
      config.method == "fp32"     ? "nothing, the method is fp32"
      : config.placement == "all" ? "every convolution and the classifier (placement all)"
      : config.placement == "method"
          ? fmt::format("{} (placement method)", own_placement_text(quant::methods().get(config.method).own_placement))
          : "every convolution but the first, not the classifier (placement paper)";
  for (const std::string& rule : config.rule) text += "; rule " + rule;
  return text;
}

double share(const nn::ModelFacts& facts) {
  return static_cast<double>(facts.quantized_weights) / static_cast<double>(facts.parameters);
}

double ratio(const nn::ModelFacts& facts) {
  return static_cast<double>(facts.bytes_fp32) / static_cast<double>(facts.bytes);
}

Json to_json(const Description& network) {
  const nn::ModelFacts& facts = network.facts;
  Json layers = Json::array();
  for (const nn::LayerFacts& layer : facts.layers) {
    layers.push_back({{"name", layer.name},
                      {"shape", layer.shape},
                      {"method", layer.method},
                      {"wbits", layer.wbits},
                      {"shift_bias", layer.shift_bias},
                      {"weights", layer.weights},
                      {"macs", layer.macs},
                      {"bytes", layer.bytes}});
  }
  Json activations = Json::array();
  for (const nn::ActivationFacts& item : facts.activations) {
    activations.push_back(
        {{"name", item.name}, {"method", item.method}, {"bits", item.bits}, {"input_of", item.readers}});
  }
  return {{"arch", network.config.arch},
          {"width", network.config.width},
          {"classes", network.classes},
          {"image_size", network.config.image_size},
          {"method", network.config.method},
          {"wbits", network.config.wbits},
          {"abits", network.config.abits},
          {"placement", network.config.placement},
          {"rule", network.config.rule},
          {"layers", layers},
          {"activations", activations},
          {"parameters", facts.parameters},
          {"quantized_weights", facts.quantized_weights},
          {"quantized_share", share(facts)},
          {"trained_values", facts.trained_values},
          {"macs", facts.macs},
          {"bytes", facts.bytes},
          {"bytes_fp32", facts.bytes_fp32},
          {"ratio", ratio(facts)}};
}

void print_layers(const nn::ModelFacts& facts) {
  Table table({{"layer"},
               {"shape", true},
               {"method"},
               {"bits", true},
               {"shift bias", true},
               {"weights", true},
               {"MACs", true},
               {"bytes", true}});
  for (const nn::LayerFacts& layer : facts.layers) {
    table.add({layer.name, fmt::format("{}", fmt::join(layer.shape, "x")), layer.method, std::to_string(layer.wbits),
               layer.wbits < 32 ? std::to_string(layer.shift_bias) : "-", grouped(layer.weights), grouped(layer.macs),
               grouped(std::llround(layer.bytes))});
  }
  table.print(std::cout);
}

void print_activations(const nn::ModelFacts& facts) {
  if (facts.activations.empty()) return;
  std::cout << "\nIn the place of a ReLU, one quantizer each:\n\n";
  Table table({{"activation"}, {"method"}, {"bits", true}, {"input of"}});
  for (const nn::ActivationFacts& item : facts.activations) {
    table.add({item.name, item.method, std::to_string(item.bits), fmt::format("{}", fmt::join(item.readers, ", "))});
  }
  table.print(std::cout);
}

std::string activation_text(const experiments::TrainConfig& config) {
  if (config.abits == 32) return "in floating point";
  return fmt::format("{} bits ({}) at the input of quantized layers; never the image nor the classifier's input",
                     config.abits, config.activation);
}

void print_text(const Description& network) {
  const nn::ModelFacts& facts = network.facts;
  const std::string width = network.config.width == 1 ? "" : fmt::format(" of width {}", network.config.width);
  std::cout << fmt::format("{}{} with {} classes on {}x{} images, {} at {} bits\n", network.config.arch, width,
                           network.classes, network.config.image_size, network.config.image_size, network.config.method,
                           network.config.wbits)
            << fmt::format("quantized: {}\nactivations: {}\n\n", placement_text(network.config),
                           activation_text(network.config));
  print_layers(facts);
  print_activations(facts);
  std::cout << '\n';
  Table totals({{"total"}, {"", true}, {""}});
  totals.add({"parameters", grouped(facts.parameters), ""});
  totals.add({"quantized weights", grouped(facts.quantized_weights),
              fmt::format("{:.2f} % of the parameters", 100 * share(facts))});
  totals.add({"trained values", grouped(facts.trained_values), "reference tensors of quantized weights included"});
  totals.add({"multiply-accumulates", grouped(facts.macs), "per image"});
  totals.add(
      {"bytes", grouped(facts.bytes), mega(facts.bytes) + ": weights at their bits, everything else as 32-bit floats"});
  totals.add({"bytes in fp32", grouped(facts.bytes_fp32),
              fmt::format("{}: {:.2f} times as much", mega(facts.bytes_fp32), ratio(facts))});
  totals.print(std::cout);
}

}  // namespace

int models_verb(const nlohmann::json& request) {
  const bool as_json = request.at("json").get<bool>();
  const auto action = request.at("action").get<std::string>();
  (void)experiments::set_threads(0);
  if (action == "methods") return list_methods(as_json);
  if (action == "architectures") return list_architectures(as_json);
  const Description network = describe_network(request);
  as_json ? print(to_json(network)) : print_text(network);
  return 0;
}

}  // namespace denseshift::cli
