#pragma once
// Reasons to stop a run early and in order.

#include <string>

namespace denseshift::experiments {

/// SIGINT and SIGTERM ask for a stop while an object lives; a second signal ends the process at once, as without us.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Name of the signal received ("SIGTERM"), or empty.
  [[nodiscard]] static std::string received();
};

}  // namespace denseshift::experiments
