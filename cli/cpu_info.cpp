#include "cli/cpu_info.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/util/cpus.h"

namespace denseshift::cli {
namespace {

// As /proc/cpuinfo spells them: x86 first, then AArch64.
constexpr const char* kFeatures[] = {"sse4_2",   "avx",         "avx2",     "fma",         "f16c",        "avx512f",
                                     "avx512bw", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_int8",
                                     "amx_bf16", "asimd",       "asimdhp",  "asimddp",     "asimdfhm",    "i8mm",
                                     "bf16",     "sve",         "sve2"};

}  // namespace

CpuInfo cpu_info() {
  CpuInfo info;
  info.threads = static_cast<unsigned>(usable_cpus());
  std::vector<std::string> found;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && (info.model.empty() || found.empty());) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    const std::string value = line.substr(colon + 2);
    if (key == "model name" && info.model.empty()) info.model = value;
    if ((key == "flags" || key == "Features") && found.empty()) {
      std::istringstream words(value);
      found.assign(std::istream_iterator<std::string>(words), {});
    }
  }
  if (info.model.empty()) info.model = "unnamed CPU";
  for (const char* feature : kFeatures) {
    if (std::find(found.begin(), found.end(), feature) != found.end()) info.features.emplace_back(feature);
  }
  return info;
}

}  // namespace denseshift::cli
