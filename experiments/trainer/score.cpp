#include "experiments/trainer/score.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/util/error.h"

namespace denseshift::experiments {
namespace {

double& entry(Metrics& metrics, const std::string& name) {
  const auto found = std::ranges::find(metrics, name, &Metrics::value_type::first);
  if (found != metrics.end()) return found->second;
  return metrics.emplace_back(name, 0.0).second;
}

const double* find(const Metrics& metrics, const std::string& name) {
  const auto found = std::ranges::find(metrics, name, &Metrics::value_type::first);
  return found == metrics.end() ? nullptr : &found->second;
}

}  // namespace

void Score::add_loss(double mean, std::int64_t count) {
  if (!std::isfinite(mean)) {
    throw work_error("the loss is not finite (" + std::string(std::isnan(mean) ? "NaN" : "infinite") + ")",
                     "lower --lr, add --warmup-epochs, or clip gradients with --clip-grad-norm");
  }
  loss_samples_ += count;
  loss_sum_ += mean * static_cast<double>(count);
}

void Score::add(const std::string& name, double sum) { entry(sums_, name) += sum; }

void Score::set(const std::string& name, double value) { entry(values_, name) = value; }

double Score::loss() const { return loss_samples_ == 0 ? 0 : loss_sum_ / static_cast<double>(loss_samples_); }

double Score::value(const std::string& name) const {
  if (name == "loss") return loss();
  if (const double* value = find(values_, name)) return *value;
  const double* sum = find(sums_, name);
  return sum == nullptr || samples == 0 ? 0 : *sum / static_cast<double>(samples);
}

bool Score::has(const std::string& name) const {
  return name == "loss" ? has_loss() : find(values_, name) != nullptr || find(sums_, name) != nullptr;
}

Metrics Score::metrics() const {
  Metrics all;
  if (has_loss()) all.emplace_back("loss", loss());
  for (const auto& [name, sum] : sums_) all.emplace_back(name, value(name));
  all.insert(all.end(), values_.begin(), values_.end());
  return all;
}

nlohmann::ordered_json Score::to_json() const {
  nlohmann::ordered_json sums = nlohmann::ordered_json::object();
  for (const auto& [name, sum] : sums_) sums[name] = sum;
  return {{"samples", samples}, {"loss_samples", loss_samples_}, {"loss_sum", loss_sum_}, {"sums", sums}};
}

Score Score::from_json(const nlohmann::json& json) {
  Score score;
  score.samples = json.at("samples").get<std::int64_t>();
  if (score.samples < 0) throw std::out_of_range("negative number of samples");
  score.loss_sum_ = json.at("loss_sum").get<double>();
  score.loss_samples_ = json.value("loss_samples", score.samples);
  if (json.contains("correct1")) {
    score.add("top1", 100.0 * static_cast<double>(json.at("correct1").get<std::int64_t>()));
    score.add("top5", 100.0 * static_cast<double>(json.at("correct5").get<std::int64_t>()));
  } else {
    for (const auto& [name, sum] : json.at("sums").items()) score.add(name, sum.get<double>());
  }
  return score;
}

}  // namespace denseshift::experiments
