#pragma once
// What a training epoch or an evaluation adds up to.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace denseshift::experiments {

/// Names and values in the order in which they are shown.
using Metrics = std::vector<std::pair<std::string, double>>;

/// Sums over samples, and what an evaluation computes from all of them. Means are taken of sums in double precision, so
/// hits are counted exactly.
class Score {
 public:
  std::int64_t samples = 0;

  /// Adds a batch's mean loss. Throws a work error when it is not finite.
  void add_loss(double mean, std::int64_t count);
  /// Adds to a named sum whose mean over `samples` is the metric.
  void add(const std::string& name, double sum);
  /// Sets a metric that is no mean over samples ("mAP").
  void set(const std::string& name, double value);

  [[nodiscard]] bool has_loss() const { return loss_samples_ > 0; }
  /// Mean loss; 0 without.
  [[nodiscard]] double loss() const;
  /// The metric of that name; 0 when there is none.
  [[nodiscard]] double value(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const;
  /// The loss where there is one, then everything else.
  [[nodiscard]] Metrics metrics() const;

  /// For checkpoints. from_json() also reads what checkpoints of format 1 hold; it throws nlohmann's errors and
  /// std::out_of_range.
  [[nodiscard]] nlohmann::ordered_json to_json() const;
  [[nodiscard]] static Score from_json(const nlohmann::json& json);

 private:
  std::int64_t loss_samples_ = 0;
  double loss_sum_ = 0;
  Metrics sums_;
  Metrics values_;
};

}  // namespace denseshift::experiments
