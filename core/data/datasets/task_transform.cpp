#include "core/data/datasets/task_transform.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::data {

std::unique_ptr<Transform> task_transform(const DatasetOptions& options, const std::string& usual) {
  const std::string& name = options.transform.empty() ? usual : options.transform;
  const std::vector<std::string> fitting = options.task == "detection"
                                               ? std::vector<std::string>{"square", "ssd", "fcos"}
                                               : std::vector<std::string>{"square", "deeplab"};
  auto transform = make_transform(name, {.image_size = options.image_size, .max_size = options.max_size});
  if (std::find(fitting.begin(), fitting.end(), name) == fitting.end()) {
    throw usage_error(fmt::format("transform: {} is not for {}", name, options.task), suggestion(name, fitting));
  }
  return transform;
}

}  // namespace denseshift::data
