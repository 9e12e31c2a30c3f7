#include "cli/peers_module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/module_file.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::cli {
namespace {

using kernels::Isa;

/// Known also to a program without the module.
struct Known {
  const char* name;
  const char* package;
};
constexpr std::array<Known, 3> kKnown = {
    {{"openblas", "libopenblas-dev"}, {"onednn", "libdnnl-dev"}, {"xnnpack", "libxnnpack-dev"}}};

std::string package_of(const std::string& name) {
  return std::ranges::find_if(kKnown, [&](const Known& one) { return name == one.name; })->package;
}

std::vector<std::string> parse(const std::string& against, bool& all) {
  std::vector<std::string> choices;
  for (const Known& one : kKnown) choices.emplace_back(one.name);
  std::vector<std::string> names;
  for (std::size_t from = 0; from <= against.size();) {
    const std::size_t comma = std::min(against.find(',', from), against.size());
    const std::string name = against.substr(from, comma - from);
    from = comma + 1;
    if (name == "all" || (name == "none" && names.empty() && comma == against.size())) {
      all = all || name == "all";
      continue;
    }
    if (std::ranges::find(choices, name) == choices.end()) {
      std::vector<std::string> near = choices;
      near.insert(near.end(), {"all", "none"});
      throw usage_error(fmt::format("--against: unknown library '{}'", name), suggestion(name, near));
    }
    names.push_back(name);
  }
  return all ? choices : names;
}

// They read these when they are loaded, so this comes before.
void hold_to(Isa level) {
  const auto set = [](const char* onednn, const char* openblas) {
    setenv("ONEDNN_MAX_CPU_ISA", onednn, 1);
    setenv("OPENBLAS_CORETYPE", openblas, 1);
  };
  if (level == Isa::avx2) set("AVX2", "Haswell");
  if (level == Isa::avx512) set("AVX512_CORE", "SkylakeX");
  if (level == Isa::avx512vnni) set("AVX512_CORE_VNNI", "SkylakeX");
}

std::vector<PeerKernel> kernels_from(const nlohmann::json& json) {
  std::vector<PeerKernel> kernels;
  for (const auto& one : json) kernels.push_back({one.at("name"), one.at("kind"), one.at("label")});
  return kernels;
}

template <class Function>
Function* symbol(void* module, const char* name) {
  auto* found = reinterpret_cast<Function*>(dlsym(module, name));
  if (found == nullptr) {
    throw input_error("libdenseshift_peers.so: not a module of this program",
                      "build the program and its modules together");
  }
  return found;
}

}  // namespace

void PeerCase::run(std::size_t first, std::size_t count) const {
  if (run_(prepared_.get(), first, count) != 0)
    throw work_error(name_ + ": a call failed", "leave it out of --against");
}

std::pair<std::vector<float>, double> PeerCase::output() const {
  std::vector<float> y(outputs_);
  double unit = 1;
  if (output_(prepared_.get(), y.data(), &unit) != 0) throw work_error(name_ + ": its result cannot be read");
  return {std::move(y), unit};
}

Peers::Peers(const std::string& against, std::optional<Isa> level) {
  bool all = false;
  const std::vector<std::string> names = parse(against, all);
  if (names.empty()) return;
  if (level) hold_to(*level);
  open(names, all);
}

void Peers::open(const std::vector<std::string>& names, bool all) {
  const auto path = module_file("libdenseshift_peers.so");
  if (path.empty()) {
    if (!all) {
      throw usage_error(fmt::format("--against: this denseshift was built without {}", names.front()),
                        fmt::format("install {} and build again", package_of(names.front())));
    }
    for (const std::string& name : names)
      absent_.push_back(fmt::format("{} is not there: install {}", name, package_of(name)));
    return;
  }
  // Never closed: the libraries below it keep threads and state for the life of the process.
  module_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module_ == nullptr) {
    throw input_error(fmt::format("the module of other libraries cannot be loaded: {}", dlerror()),
                      "install what it names, or give --against none");
  }
  std::string text;
  const auto sink = [](void* target, const char* json) { *static_cast<std::string*>(target) = json; };
  if (symbol<decltype(denseshift_peers_describe)>(module_, "denseshift_peers_describe")(sink, &text) != 0) {
    throw input_error(path.string() + " gives no account of itself", "build the program and its modules together");
  }
  for (const auto& json : nlohmann::json::parse(text)) {
    PeerLibrary library{json.at("name"),
                        {},
                        json.at("package"),
                        {},
                        kernels_from(json.at("matrix")),
                        kernels_from(json.at("convolution"))};
    if (std::ranges::find(names, library.name) == names.end()) continue;
    if (!json.at("held").is_null()) library.held = json.at("held");
    if (!json.at("version").is_null()) {
      library.version = json.at("version");
      libraries_.push_back(std::move(library));
    } else if (all) {
      absent_.push_back(fmt::format("{} is not there: install {} and build again", library.name, library.package));
    } else {
      throw usage_error(fmt::format("--against: this denseshift was built without {}", library.name),
                        fmt::format("install {} and build again", library.package));
    }
  }
}

std::optional<PeerCase> Peers::prepare(const PeerKernel& kernel, const denseshift_peer_problem& problem,
                                       std::size_t outputs, std::string& reason) const {
  std::array<char, 256> error{};
  void* prepared = symbol<decltype(denseshift_peer_prepare)>(module_, "denseshift_peer_prepare")(
      kernel.name.c_str(), &problem, error.data(), error.size());
  if (prepared == nullptr) {
    reason = error.data();
    return std::nullopt;
  }
  PeerCase ready;
  ready.prepared_ =
      std::shared_ptr<void>(prepared, symbol<decltype(denseshift_peer_release)>(module_, "denseshift_peer_release"));
  ready.outputs_ = outputs;
  ready.name_ = kernel.name;
  ready.run_ = symbol<decltype(denseshift_peer_run)>(module_, "denseshift_peer_run");
  ready.output_ = symbol<decltype(denseshift_peer_output)>(module_, "denseshift_peer_output");
  return ready;
}

}  // namespace denseshift::cli
