// The module behind cli/peers_module.h.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>

#include "cli/peers/interface.h"
#include "cli/peers/peer.h"

namespace {

using denseshift::peers::Case;
using denseshift::peers::Kernel;
using denseshift::peers::Library;
using Json = nlohmann::ordered_json;

struct Prepared {
  std::unique_ptr<Case> work;
  std::size_t copies = 1;
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> all = {denseshift::peers::openblas(), denseshift::peers::onednn(),
                                           denseshift::peers::xnnpack()};
  return all;
}

Json described(const Library& library, const std::vector<Kernel>& kernels) {
  Json array = Json::array();
  for (const Kernel& kernel : kernels) {
    array.push_back(
        {{"name", std::string(library.name) + "/" + kernel.name}, {"kind", kernel.kind}, {"label", kernel.label}});
  }
  return array;
}

const Kernel* find_kernel(const std::string& name, bool convolution) {
  for (const Library& library : libraries()) {
    for (const Kernel& kernel : convolution ? library.convolution : library.matrix) {
      if (std::string(library.name) + "/" + kernel.name == name) return &kernel;
    }
  }
  return nullptr;
}

}  // namespace

extern "C" int denseshift_peers_describe(denseshift_peers_sink sink, void* target) {
  try {
    Json array = Json::array();
    for (const Library& library : libraries()) {
      const char* held = library.level_variable != nullptr ? std::getenv(library.level_variable) : nullptr;
      array.push_back({{"name", library.name},
                       {"version", library.version.empty() ? Json() : Json(library.version)},
                       {"package", library.package},
                       {"held", held == nullptr ? Json() : Json(std::string(library.level_variable) + "=" + held)},
                       {"matrix", described(library, library.matrix)},
                       {"convolution", described(library, library.convolution)}});
    }
    sink(target, array.dump().c_str());
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

extern "C" void* denseshift_peer_prepare(const char* kernel, const denseshift_peer_problem* problem, char* error,
                                         std::size_t error_size) {
  try {
    const Kernel* found = find_kernel(kernel, denseshift::peers::is_convolution(*problem));
    if (found == nullptr) throw std::runtime_error("there is no such kernel");
    auto prepared = std::make_unique<Prepared>();
    prepared->work = found->prepare(*problem);
    prepared->copies = std::max<std::size_t>(problem->copies, 1);
    return prepared.release();
  } catch (const std::exception& problem_met) {
    std::snprintf(error, error_size, "%s", problem_met.what());
    return nullptr;
  }
}

extern "C" int denseshift_peer_run(void* prepared, std::size_t first, std::size_t count) {
  try {
    const auto& one = *static_cast<Prepared*>(prepared);
    for (std::size_t i = first; i < first + count; ++i) one.work->call(i % one.copies);
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

extern "C" int denseshift_peer_output(void* prepared, float* y, double* unit) {
  try {
    *unit = static_cast<Prepared*>(prepared)->work->output(y);
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

extern "C" void denseshift_peer_release(void* prepared) { delete static_cast<Prepared*>(prepared); }
