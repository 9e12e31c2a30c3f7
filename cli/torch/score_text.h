#pragma once
// Scores of every task as text and JSON.

#include <nlohmann/json.hpp>
#include <string>

#include "cli/terminal/progress.h"
#include "experiments/trainer/score.h"

namespace denseshift::cli {

/// "top-1" for top1; most metrics are their own title.
[[nodiscard]] std::string metric_title(const std::string& metric);

/// "top-1 91.20 %  top-5 99.70 %  loss 0.2710".
[[nodiscard]] std::string metrics_text(const experiments::Score& score);

/// "disc 0.12  square 0.30": what is known of each class; empty where nothing is.
[[nodiscard]] std::string class_text(const experiments::Score& score);

/// "loss 0.2710 top1 91.20": loss and the primary metric, as far as the score has them.
[[nodiscard]] std::string short_text(const experiments::Score& score, const std::string& primary);

[[nodiscard]] nlohmann::ordered_json metrics_json(const experiments::Score& score);

/// Puts loss and primary metric into a progress line; what the score lacks is hidden.
void show_score(const experiments::Score& score, const std::string& primary, ProgressState& state);

}  // namespace denseshift::cli
