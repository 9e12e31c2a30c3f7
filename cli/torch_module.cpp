#include "cli/torch_module.h"

#include <dlfcn.h>

#include <iostream>

#include "cli/module_file.h"
#include "core/util/error.h"

namespace denseshift::cli {

std::filesystem::path torch_module_path() { return module_file("libdenseshift_torch.so"); }

int run_in_module(const std::string& verb, const nlohmann::json& request) {
  const std::filesystem::path path = torch_module_path();
  if (path.empty()) {
    throw usage_error("'" + verb + "' needs LibTorch, and this denseshift was built without it",
                      "run scripts/build.sh, which builds with LibTorch, or configure with -DDENSESHIFT_WITH_TORCH=ON");
  }
  // Never closed: LibTorch does not survive being unloaded.
  void* module = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (module == nullptr) {
    throw input_error("the LibTorch module cannot be loaded: " + std::string(dlerror()),
                      "`denseshift doctor` says what is missing");
  }
  auto* entry = reinterpret_cast<decltype(&denseshift_module_run)>(dlsym(module, "denseshift_module_run"));
  if (entry == nullptr) {
    throw input_error(path.string() + ": not a module of this program", "build the program and its module together");
  }
  std::cout.flush();
  return entry(verb.c_str(), request.dump().c_str());
}

}  // namespace denseshift::cli
