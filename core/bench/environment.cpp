#include "core/bench/environment.h"

#include <cstdlib>
#include <fstream>

#include "core/bench/harness.h"
#include "core/kernels/isa.h"

namespace denseshift::bench {

Environment environment() {
  Environment found;
  found.isa = kernels::isa_name(kernels::best_isa());
  std::ifstream("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") >> found.governor;
  if (getloadavg(&found.load, 1) != 1) found.load = -1;
  found.clock = estimated_clock();
  return found;
}

}  // namespace denseshift::bench
