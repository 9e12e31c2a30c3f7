#pragma once
// Elapsed time.

#include <chrono>

namespace denseshift {

using Clock = std::chrono::steady_clock;

/// Seconds from `start` until now.
[[nodiscard]] inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace denseshift
