#pragma once
// Successive halving (Jamieson and Talwalkar 2016): all trials are trained shortly, the better part of them longer, and
// so on. A rung is a set of trainings of its own: learning-rate schedules depend on the number of epochs, so a longer
// training is not the continuation of a shorter one. And ranking: what a trial's runs say about it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results_db/database.h"
#include "sweeps/plan.h"
#include "sweeps/space.h"

namespace denseshift::sweeps {

/// What is known of a trial after its trainings.
struct TrialScore {
  std::size_t trial = 0;
  std::vector<double> values;      ///< the objective of each finished run
  std::vector<std::int64_t> runs;  ///< those runs
  std::size_t wanted = 1;          ///< trainings that the trial needs
  std::int64_t epochs = 0;         ///< of the trainings

  /// Mean over the runs; nullopt without any.
  [[nodiscard]] std::optional<double> mean() const;
  /// Sample standard deviation; nullopt with fewer than two runs.
  [[nodiscard]] std::optional<double> spread() const;
  /// Every training gave a finite value. Others drop out of successive halving.
  [[nodiscard]] bool complete() const { return values.size() == wanted; }
};

/// first, first * factor, first * factor^2, ... rounded, each at least one more than the one before.
[[nodiscard]] std::vector<std::int64_t> rung_epochs(std::int64_t first, double factor, std::int64_t rungs);

/// Trials that a rung of `size` trials hands on when none fails: at least 1.
[[nodiscard]] std::size_t kept(std::size_t size, double keep);

/// `scores` best first: complete trials before others, those before trials without a value; equal means in the order of
/// the trials.
[[nodiscard]] std::vector<TrialScore> ranked(std::vector<TrialScore> scores, bool higher_is_better);

/// Trials of the next rung, in the order of the trials: the best kept() of the complete ones.
[[nodiscard]] std::vector<std::size_t> survivors(const std::vector<TrialScore>& scores, double keep,
                                                 bool higher_is_better);

/// The objective of a run: the last or best recorded value; nullopt when it is not a finite number. Throws a usage
/// error with the nearest name when the run has recorded values but not this one.
[[nodiscard]] std::optional<double> objective_value(const Objective& objective, const results_db::Database& database,
                                                    std::int64_t run);

/// Scores from the finished runs of `jobs`; `trial_of[i]` is the trial of job i.
[[nodiscard]] std::vector<TrialScore> score_trials(const Objective& objective, const std::vector<Job>& jobs,
                                                   const std::vector<std::size_t>& trial_of,
                                                   const results_db::Database* database);

}  // namespace denseshift::sweeps
