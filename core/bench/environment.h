#pragma once
// Circumstances of a measurement that decide what it is worth.

#include <string>

namespace denseshift::bench {

/// As found when it is called.
struct Environment {
  std::string isa;       ///< level that dispatch takes
  std::string governor;  ///< of the first CPU's clock; empty where the system does not tell
  double load = -1;      ///< average of the last minute; -1: unknown
  double clock = 0;      ///< Hz of this core, from a chain of dependent additions
};

[[nodiscard]] Environment environment();

}  // namespace denseshift::bench
