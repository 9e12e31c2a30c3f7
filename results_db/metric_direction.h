#pragma once
// What a metric's name says: whether more is better (accuracies, scores and rates grow, losses, errors and times
// shrink), and whether it measures time.

#include <string>

namespace denseshift::results_db {

/// True for metrics and columns of which the largest value is the best.
[[nodiscard]] inline bool higher_is_better(const std::string& name) {
  for (const char* word : {"loss", "error", "perplexity", "latency", "duration", "seconds", "_us", "_ms", "bytes",
                           "macs", "parameters", "change_rate"}) {
    const bool rate = name.find("per_second") != std::string::npos;
    if (name.find(word) != std::string::npos && !rate) return false;
  }
  return true;
}

/// Whether a metric says how long something took: such metrics are never the same twice.
[[nodiscard]] inline bool measures_time(const std::string& name) {
  for (const char* word : {"second", "duration", "latency"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return name.ends_with("_ms") || name.ends_with("_us");
}

}  // namespace denseshift::results_db
