#include "experiments/run/environment.h"

#include <ATen/ATen.h>
#include <ATen/Version.h>

#include <fstream>
#include <string>
#include <thread>

#include "core/data/audio/intents.h"
#include "core/data/datasets/speech.h"
#include "core/torch_compat.h"

namespace denseshift::experiments {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    for (const char* key : {"model name", "Model", "Hardware"}) {
      if (line.compare(0, std::string(key).size(), key) == 0) {
        const std::size_t colon = line.find(": ");
        if (colon != std::string::npos) return line.substr(colon + 2);
      }
    }
  }
  return "unknown";
}

/// "AVX2" and the like: which build of its kernels LibTorch uses here. Only its configuration text tells in all
/// versions.
std::string cpu_capability() {
  const std::string text = at::show_config();
  const std::string key = "CPU capability usage: ";
  const std::size_t at = text.find(key);
  return at == std::string::npos ? "unknown" : text.substr(at + key.size(), text.find('\n', at) - at - key.size());
}

}  // namespace

nlohmann::ordered_json describe_environment(const Setup& setup, const nlohmann::ordered_json& program) {
  nlohmann::ordered_json json = program;
  json["torch_version"] = compat::torch_version();
  json["cpu"] = cpu_model();
  json["cpus"] = std::thread::hardware_concurrency();
  json["cpu_capability"] = cpu_capability();
  json["device"] = setup.device.str();
  json["threads"] = setup.threads;
  json["workers"] = setup.config.workers;
  json["world_size"] = 1;
  json["impl"] = method_options(setup.config).impl;
  nlohmann::ordered_json activations = nlohmann::ordered_json::array();
  for (const nn::ActivationFacts& item : setup.facts.activations) {
    activations.push_back(
        {{"name", item.name}, {"method", item.method}, {"bits", item.bits}, {"input_of", item.readers}});
  }
  json["activations"] = std::move(activations);
  if (const auto* speech = dynamic_cast<const data::SpeechDataset*>(setup.dataset.get())) {
    json["intents"] = data::to_json(*speech->intents());
    json["front_end"] = {{"rate", speech->front_end().rate},
                         {"frames", speech->frames(data::Split::val)},
                         {"parameters", speech->front_end().key()}};
  }
  return json;
}

}  // namespace denseshift::experiments
