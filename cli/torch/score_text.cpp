#include "cli/torch/score_text.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string_view>

namespace denseshift::cli {

std::string metric_title(const std::string& metric) {
  if (metric == "top1") return "top-1";
  if (metric == "top5") return "top-5";
  if (metric == "global_correct") return "global correct";
  if (metric == "intent_accuracy") return "intents";
  // Speech: action_accuracy, object_accuracy, location_accuracy.
  constexpr std::string_view accuracy = "_accuracy";
  if (metric.ends_with(accuracy)) return metric.substr(0, metric.size() - accuracy.size());
  return metric;
}

std::string metrics_text(const experiments::Score& score) {
  std::string text;
  for (const auto& [name, value] : score.metrics()) {
    if (name == "loss" || name.rfind('/') != std::string::npos || name == "classes_averaged") continue;
    text += fmt::format("{}{} {:.2f} %", text.empty() ? "" : "  ", metric_title(name), value);
  }
  if (score.has_loss()) text += fmt::format("{}loss {:.4f}", text.empty() ? "" : "  ", score.loss());
  return text;
}

std::string class_text(const experiments::Score& score) {
  std::string text;
  for (const auto& [name, value] : score.metrics()) {
    const std::size_t slash = name.rfind('/');
    if (slash != std::string::npos)
      text += fmt::format("{}{} {:.2f}", text.empty() ? "" : "  ", name.substr(slash + 1), value);
  }
  return text;
}

std::string short_text(const experiments::Score& score, const std::string& primary) {
  std::string text;
  if (score.has_loss()) text = fmt::format("loss {:.4f}", score.loss());
  if (score.has(primary)) text += fmt::format("{}{} {:.2f}", text.empty() ? "" : " ", primary, score.value(primary));
  return text;
}

nlohmann::ordered_json metrics_json(const experiments::Score& score) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : score.metrics()) json[name] = value;
  return json;
}

void show_score(const experiments::Score& score, const std::string& primary, ProgressState& state) {
  constexpr double kHidden = std::numeric_limits<double>::quiet_NaN();
  state.loss = score.has_loss() ? score.loss() : kHidden;
  state.accuracy = score.has(primary) ? score.value(primary) : kHidden;
  if (primary != "top1") state.metric = primary;
}

}  // namespace denseshift::cli
