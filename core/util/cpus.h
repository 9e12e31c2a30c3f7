#pragma once
// What this process may use of the machine.

namespace denseshift {

/// CPUs that this process may run on (its affinity mask), at least 1.
[[nodiscard]] int usable_cpus();

}  // namespace denseshift
