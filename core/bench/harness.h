#pragma once
// Times several ways to do the same thing so that they can be compared: all in one process, interleaved round by round,
// with a calibrator that tells which rounds another program disturbed.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/bench/statistics.h"

namespace denseshift::bench {

/// Something that is timed. `run` makes `count` calls; `first` is the number of calls that were made before, for
/// candidates that take the next of several copies of their data (cold mode).
struct Candidate {
  std::string name;   ///< short, unique
  std::string label;  ///< one line for people
  std::string group;  ///< the first candidate of a group is its baseline
  std::function<void(std::size_t first, std::size_t count)> run;
};

/// `count` calls of call(index), index counted on from `first`.
template <class Call>
[[nodiscard]] std::function<void(std::size_t, std::size_t)> each_call(Call call) {
  return [call](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) call(i);
  };
}

/// How it is timed.
struct HarnessOptions {
  std::size_t rounds = 31;
  double sample_seconds = 500e-6;  ///< calls are repeated until one sample takes at least this long
  std::size_t most_repetitions = 1U << 24;
  std::size_t untimed_calls =
      1;  ///< before each sample: the candidate before it has emptied the caches. 0 in cold mode
  double disturbed_above = 0.10;  ///< a round is dropped when its calibrator is slower than the best by this share,
  double most_dropped = 0.5;      ///< but never more than this share of the rounds: the worst go first
  std::uint64_t seed = 1;         ///< of the order of the candidates in each round
  std::function<double()> clock;  ///< seconds; empty: the steady clock
  std::function<double()> thread_clock;  ///< seconds that this thread ran; empty: the system's, where `clock` is, too
  std::function<double()> calibrator;    ///< seconds of a fixed piece of work; empty: calibration_seconds()
  std::function<void(std::size_t done)> on_round;  ///< called after each round; may be empty
};

/// One candidate's samples: seconds of one call, one sample for each kept round.
struct Timing {
  std::string name, label, group;
  std::size_t repetitions = 1;  ///< calls of one sample
  std::vector<double> seconds;
  Summary summary;
};

/// All candidates. Sample i of every timing is from the same round.
struct Measurement {
  std::vector<Timing> timings;     ///< in the order of the candidates
  std::size_t rounds = 0;          ///< that were run
  std::size_t dropped = 0;         ///< left out because the calibrator was slow
  std::size_t disturbed_kept = 0;  ///< kept although the calibrator was slow, since no more may be dropped
  /// Seconds, over all rounds, kept or not: the slower calibration before and after a round, times the round's length
  /// over the time in which this thread ran. The first tells of a slower core, the second of others who had the core.
  Summary calibrator;

  /// Throws std::out_of_range when there is no such candidate.
  [[nodiscard]] const Timing& timing(const std::string& name) const;
  /// How many times faster `name` is than `baseline`: the quotient within each round, then its quantiles. `min` is the
  /// worst round for `name`.
  [[nodiscard]] Summary speedup(const std::string& name, const std::string& baseline) const;
};

/// Warms every candidate up, chooses repetitions, runs the rounds. REQUIRES: names are unique, at least one round.
[[nodiscard]] Measurement measure(const std::vector<Candidate>& candidates, const HarnessOptions& options = {});

/// Which rounds are kept, given each round's calibrator (seconds); in `disturbed_kept` how many of those are above the
/// threshold. The rule of HarnessOptions.
struct Selection {
  std::vector<std::size_t> kept;  ///< ascending
  std::size_t disturbed_kept = 0;
};
[[nodiscard]] Selection select_rounds(const std::vector<double>& calibrator, double disturbed_above,
                                      double most_dropped);

/// Seconds that a chain of dependent additions takes: about 30 us of one core's time.
[[nodiscard]] double calibration_seconds();
/// Cycles per second: the speed of the chain, whose additions take one cycle each. The best of several tries.
[[nodiscard]] double estimated_clock();

/// Keeps a result and what was computed for it.
inline void keep(const void* value) { __asm__ volatile("" : : "r"(value) : "memory"); }

}  // namespace denseshift::bench
