#pragma once
// Which processor this is and which of the instruction sets that matter to us it has.

#include <string>
#include <vector>

namespace denseshift::cli {

struct CpuInfo {
  std::string model;                  ///< as the system names it
  std::vector<std::string> features;  ///< of the ones denseshift can use, in a fixed order
  unsigned threads = 1;               ///< CPUs this process may run on
  bool emulated = false;              ///< the system describes a CPU of another architecture than the program's
};

/// Reads the system's description of the first CPU.
[[nodiscard]] CpuInfo cpu_info();

}  // namespace denseshift::cli
