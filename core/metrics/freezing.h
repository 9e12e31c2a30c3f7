#pragma once
// The weight-freezing metric: how much the discrete weights still move during training.
//
// The definitions are ours (the paper names the idea, its later text gives no formula). Over snapshots of the discrete
// weights, usually one per epoch:
//   frozen fraction F   share of weights whose level is the same in all snapshots
//   change rate R       share of weights whose level differs between two successive snapshots; also for sign and shift
//   alone range D             mean number of different shifts a weight has had (2 = it moves between two neighbours
//   only) jump size J         mean distance of the shifts of a weight that changed
// A level is sign and shift; which gates are open behind them does not count.

#include <cstdint>
#include <vector>

namespace denseshift::metrics {

/// Counts of what changed between snapshots. Sums over layers or intervals are sums of counts.
struct ChangeCounts {
  std::int64_t observed = 0;  ///< weights compared
  std::int64_t changed = 0;
  std::int64_t sign_changed = 0;
  std::int64_t shift_changed = 0;
  std::int64_t shift_distance = 0;  ///< sum of |S_new - S_old|

  [[nodiscard]] double rate() const;        ///< R; 0 when nothing was compared
  [[nodiscard]] double sign_rate() const;   ///< R of the sign alone
  [[nodiscard]] double shift_rate() const;  ///< R of the shift alone
  [[nodiscard]] double jump_size() const;   ///< J; 0 when nothing changed
  ChangeCounts& operator+=(const ChangeCounts& other);
  bool operator==(const ChangeCounts&) const = default;
};

/// The metric of one layer, or after += of several, weighted by their number of weights.
struct FreezingReport {
  std::int64_t weights = 0;
  std::int64_t frozen = 0;
  std::int64_t distinct_shifts = 0;  ///< sum over weights
  std::int64_t distinct_levels = 0;  ///< sum over weights; a level is sign and shift
  ChangeCounts last;                 ///< between the last two snapshots
  ChangeCounts window;               ///< over all intervals since the first snapshot

  [[nodiscard]] double frozen_fraction() const;       ///< F
  [[nodiscard]] double mean_distinct_shifts() const;  ///< D
  [[nodiscard]] double mean_distinct_levels() const;
  FreezingReport& operator+=(const FreezingReport& other);
  bool operator==(const FreezingReport&) const = default;
};

/// Follows one layer over one window of the training (use one tracker per window). Keeps 3 bytes per weight.
class FreezingTracker {
 public:
  /// `weights` codes of `gates` gates (1..7). Throws std::invalid_argument for other numbers.
  FreezingTracker(std::int64_t weights, int gates);

  /// Adds a snapshot of training codes (bit 0: negative, bit t: gate t; see core/kernels/densequant.h).
  void snapshot(const std::uint8_t* codes);

  [[nodiscard]] std::int64_t snapshots() const noexcept { return snapshots_; }
  /// Before the first snapshot everything is 0.
  [[nodiscard]] FreezingReport report() const;

  /// Everything needed to go on later, in a form that does not depend on the machine.
  [[nodiscard]] std::vector<std::uint8_t> state() const;
  /// Takes up a saved state. Throws an input error when it belongs to another number of weights or gates, or is
  /// damaged.
  void restore(const std::vector<std::uint8_t>& state);

 private:
  int gates_;
  std::int64_t snapshots_ = 0;
  std::vector<std::uint8_t> level_;     ///< of the last snapshot: shift in bits 0..2, sign in bit 3
  std::vector<std::uint16_t> visited_;  ///< bit per level
  ChangeCounts last_, window_;
};

}  // namespace denseshift::metrics
