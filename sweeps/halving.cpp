#include "sweeps/halving.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/util/error.h"
#include "core/util/suggest.h"
#include "results_db/query.h"

namespace denseshift::sweeps {

std::optional<double> TrialScore::mean() const {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> TrialScore::spread() const {
  if (values.size() < 2) return std::nullopt;
  const double centre = *mean();
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::vector<std::int64_t> rung_epochs(std::int64_t first, double factor, std::int64_t rungs) {
  std::vector<std::int64_t> epochs;
  for (std::int64_t rung = 0; rung < rungs; ++rung) {
    constexpr double kLargest = 1e15;
    const double length = static_cast<double>(first) * std::pow(factor, static_cast<double>(rung));
    const auto rounded = static_cast<std::int64_t>(std::llround(std::min(length, kLargest)));
    epochs.push_back(epochs.empty() ? rounded : std::max(rounded, epochs.back() + 1));
  }
  return epochs;
}

std::size_t kept(std::size_t size, double keep) {
  constexpr double kSlack = 1e-9;  // 0.1 * 30 is above 3
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(static_cast<double>(size) * keep - kSlack)));
}

std::vector<TrialScore> ranked(std::vector<TrialScore> scores, bool higher_is_better) {
  const auto level = [](const TrialScore& score) { return score.values.empty() ? 2 : score.complete() ? 0 : 1; };
  std::ranges::sort(scores, [&](const TrialScore& a, const TrialScore& b) {
    if (level(a) != level(b)) return level(a) < level(b);
    if (!a.values.empty() && *a.mean() != *b.mean()) return (*a.mean() > *b.mean()) == higher_is_better;
    return a.trial < b.trial;
  });
  return scores;
}

std::vector<std::size_t> survivors(const std::vector<TrialScore>& scores, double keep, bool higher_is_better) {
  const std::size_t most = kept(scores.size(), keep);
  std::vector<std::size_t> trials;
  for (const TrialScore& score : ranked(scores, higher_is_better)) {
    if (score.complete() && trials.size() < most) trials.push_back(score.trial);
  }
  std::ranges::sort(trials);
  return trials;
}

std::optional<double> objective_value(const Objective& objective, const results_db::Database& database,
                                      std::int64_t run) {
  std::vector<std::string> recorded;
  for (const results_db::SummaryRow& row : results_db::load_summary(database, run)) {
    if (row.split == objective.split && row.name == objective.name) {
      const std::optional<double> value = objective.best ? row.best : row.last;
      return value && std::isfinite(*value) ? value : std::nullopt;
    }
    recorded.push_back(fmt::format("{}/{}", row.split, row.name));
  }
  if (recorded.empty()) return std::nullopt;
  const std::string wanted = fmt::format("{}/{}", objective.split, objective.name);
  throw usage_error(fmt::format("objective: run {} has no {}", run, wanted), suggestion(wanted, recorded));
}

std::vector<TrialScore> score_trials(const Objective& objective, const std::vector<Job>& jobs,
                                     const std::vector<std::size_t>& trial_of, const results_db::Database* database) {
  std::vector<TrialScore> scores;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    auto score = std::ranges::find(scores, trial_of[i], &TrialScore::trial);
    if (score == scores.end()) {
      TrialScore fresh;
      fresh.trial = trial_of[i];
      fresh.wanted = 0;
      fresh.epochs = jobs[i].config.epochs;
      score = scores.insert(scores.end(), fresh);
    }
    ++score->wanted;
    if (database == nullptr) continue;
    const PlannedJob planned = look_up(jobs[i], *database);
    if (planned.state != JobState::done) continue;
    if (const auto value = objective_value(objective, *database, planned.run)) {
      score->values.push_back(*value);
      score->runs.push_back(planned.run);
    }
  }
  return scores;
}

}  // namespace denseshift::sweeps
