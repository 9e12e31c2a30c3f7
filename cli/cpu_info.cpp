#include "cli/cpu_info.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "core/util/cpus.h"

namespace denseshift::cli {
namespace {

// As /proc/cpuinfo spells them: x86 first, then AArch64.
constexpr const char* kFeatures[] = {"sse4_2",   "avx",         "avx2",     "fma",         "f16c",        "avx512f",
                                     "avx512bw", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_int8",
                                     "amx_bf16", "asimd",       "asimdhp",  "asimddp",     "asimdfhm",    "i8mm",
                                     "bf16",     "sve",         "sve2"};

// AArch64 systems give numbers instead of a name: Arm's own cores by part number.
std::string arm_core(const std::string& implementer, const std::string& part) {
  constexpr std::pair<const char*, const char*> kCores[] = {
      {"0xd03", "Cortex-A53"},   {"0xd04", "Cortex-A35"}, {"0xd05", "Cortex-A55"},  {"0xd07", "Cortex-A57"},
      {"0xd08", "Cortex-A72"},   {"0xd09", "Cortex-A73"}, {"0xd0a", "Cortex-A75"},  {"0xd0b", "Cortex-A76"},
      {"0xd0c", "Neoverse N1"},  {"0xd0d", "Cortex-A77"}, {"0xd40", "Neoverse V1"}, {"0xd41", "Cortex-A78"},
      {"0xd42", "Cortex-A78AE"}, {"0xd44", "Cortex-X1"},  {"0xd49", "Neoverse N2"}, {"0xd4f", "Neoverse V2"},
  };
  if (implementer != "0x41") return part.empty() ? "" : "AArch64 " + implementer + " " + part;
  for (const auto& [number, name] : kCores) {
    if (part == number) return name;
  }
  return "Arm core " + part;
}

}  // namespace

CpuInfo cpu_info() {
  CpuInfo info;
  std::string implementer;
  std::string part;
  info.threads = static_cast<unsigned>(usable_cpus());
  std::vector<std::string> found;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && (info.model.empty() || found.empty());) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    const std::string value = line.substr(colon + 2);
    if (key == "model name" && info.model.empty()) info.model = value;
    if (key == "CPU implementer") implementer = value;
    if (key == "CPU part" && part.empty()) part = value;
    if ((key == "flags" || key == "Features") && found.empty()) {
      std::istringstream words(value);
      found.assign(std::istream_iterator<std::string>(words), {});
    }
  }
  if (info.model.empty()) info.model = arm_core(implementer, part);
  if (info.model.empty()) info.model = "unnamed CPU";
  for (const char* feature : kFeatures) {
    if (std::find(found.begin(), found.end(), feature) != found.end()) info.features.emplace_back(feature);
  }
#if defined(__aarch64__)
  info.emulated = std::find(found.begin(), found.end(), "sse2") != found.end();  // qemu-user shows the host's file
#endif
  return info;
}

}  // namespace denseshift::cli
