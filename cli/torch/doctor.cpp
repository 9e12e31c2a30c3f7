// doctor: what LibTorch itself says about this machine.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <array>
#include <iostream>

#include "cli/cpu_info.h"
#include "cli/torch/verbs.h"
#include "core/torch_compat.h"

namespace denseshift::cli {
namespace {

using Json = nlohmann::ordered_json;

// The rest of the line of `text` after `key`, up to `end`; empty when the key does not occur.
std::string after(const std::string& text, const std::string& key, const char* end) {
  const std::size_t found = text.find(key);
  if (found == std::string::npos) return {};
  const std::size_t begin = found + key.size();
  return text.substr(begin, text.find_first_of(end, begin) - begin);
}

template <class Function>
Function symbol(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

std::string file_of(void* address) {
  Dl_info info{};
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

/// Which library does the matrix products.
struct Blas {
  std::string name;
  bool slow = false;
};

// Builds differ in which symbols they export, so each candidate is recognised by one that only it has.
Blas find_blas() {
  if (auto* config = symbol<const char* (*)()>("openblas_get_config")) return {config()};
  if (at::hasMKL()) return {"MKL"};
  if (auto* version = symbol<const char* (*)()>("bli_info_get_version_str")) return {std::string("BLIS ") + version()};
  if (symbol<void*>("ATL_buildinfo") != nullptr) return {"ATLAS"};
  void* product = symbol<void*>("sgemm_");
  if (product == nullptr) return {"built into LibTorch"};
  const std::string file = file_of(product);
  const bool bundled = file.find("libtorch") != std::string::npos;
  return {(bundled ? "of LibTorch itself, " : "reference, ") + file, !bundled};
}

// CUDA's driver knows the names; asking it at run time needs no CUDA headers.
Json cuda_names(std::int64_t count) {
  Json names = Json::array();
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver == nullptr) return names;
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto get = reinterpret_cast<int (*)(int*, int)>(dlsym(driver, "cuDeviceGet"));
  const auto name_of = reinterpret_cast<int (*)(char*, int, int)>(dlsym(driver, "cuDeviceGetName"));
  if (init == nullptr || get == nullptr || name_of == nullptr || init(0) != 0) return names;
  for (int i = 0; i < count; ++i) {
    int device = 0;
    std::array<char, 256> name{};
    if (get(&device, i) == 0 && name_of(name.data(), static_cast<int>(name.size()), device) == 0) {
      names.push_back(name.data());
    }
  }
  return names;
}

std::string joined(const Json& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
}

std::string cuda_text() {
  const std::int64_t count = at::hasCUDA() ? static_cast<std::int64_t>(at::getNumGPUs()) : 0;
  if (count == 0) return "none";
  const std::string names = joined(cuda_names(count));
  return std::to_string(count) + (names.empty() ? "" : " (" + names + ")");
}

}  // namespace

int doctor_verb(const nlohmann::json& /*request*/) {
  const std::string config = at::show_config();
  const std::string built = compat::torch_version();
  const std::string running = after(config, "TORCH_VERSION=", ", \n");
  const std::string one_dnn = after(config, "MKL-DNN) v", " \n");
  const std::string capability = after(config, "CPU capability usage: ", "\n");
  const Blas blas = find_blas();

  Json facts;
  facts["version"] = running.empty() ? built : running;
  facts["headers"] = built;
  facts["BLAS"] = blas.name;
  facts["oneDNN"] = !at::hasMKLDNN() ? "none" : one_dnn.empty() ? "yes" : one_dnn;
  facts["kernels"] = capability.empty() ? "unknown" : capability;
  facts["threads"] = cpu_info().threads;
  facts["threads by LibTorch's own default"] = at::get_num_threads();
  facts["CUDA devices"] = cuda_text();
  std::string note;
  if (!running.empty() && running.rfind(built + ".", 0) != 0) {
    note = "the library is not the version this program was built with, rebuild with scripts/build.sh";
  } else if (blas.slow) {
    note =
        "this BLAS is slow in linear layers, convolutions do not use it; OpenBLAS (Debian: libopenblas0-pthread) is "
        "fast";
  } else if (!at::hasMKLDNN()) {
    note = "without oneDNN convolutions take several times as long";
  }
  if (!note.empty()) facts["note"] = note;
  std::cout << facts.dump(2) << '\n';
  return 0;
}

}  // namespace denseshift::cli
