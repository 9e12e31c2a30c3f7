// Settles configurations: what init auto, image_size 0 and a method's own bits mean.

#include <iostream>

#include "cli/torch/verbs.h"
#include "experiments/trainer/setup.h"

namespace denseshift::cli {

int resolve_verb(const nlohmann::json& request) {
  auto resolved = nlohmann::ordered_json::array();
  for (const auto& open : request.at("configs")) {
    resolved.push_back(experiments::to_json(experiments::resolve(experiments::config_from_json(open.at("config")),
                                                                 open.at("given").get<std::vector<std::string>>())));
  }
  std::cout << resolved.dump() << std::endl;
  return 0;
}

}  // namespace denseshift::cli
