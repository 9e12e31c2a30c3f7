#pragma once
// The weight-freezing metric: how much the discrete weights still move during training.
//
// The definitions are ours (the paper names the idea, its later text gives no formula). Over snapshots of the discrete
// weights, usually one per epoch:
//   frozen fraction F   share of weights whose level is the same in all snapshots
//   change rate R       share of weights whose level differs between two successive snapshots; also for sign and shift
//                       alone
//   range D             mean number of different shifts a weight has had (2 = it moves between two neighbours only)
//   jump size J         mean distance of the shifts of a weight that changed
// A weight is known by the index of its level, so that a scale or a code book that is trained does not count as a
// change. Sign and shift belong to the index.

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
  std::int64_t distinct_levels = 0;  ///< sum over weights; beyond 16 levels those of one sign and shift count as one
  ChangeCounts last;                 ///< between the last two snapshots
  ChangeCounts window;               ///< over all intervals since the first snapshot

  [[nodiscard]] double frozen_fraction() const;       ///< F
  [[nodiscard]] double mean_distinct_shifts() const;  ///< D
  [[nodiscard]] double mean_distinct_levels() const;
  FreezingReport& operator+=(const FreezingReport& other);
  bool operator==(const FreezingReport&) const = default;
};

/// Sign and shift of a level.
struct LevelParts {
  std::int8_t sign = 0;   ///< -1, 0, +1
  std::int8_t shift = 0;  ///< round(log2(|level| / the smallest magnitude)); a zero level stands one step below: -1
  bool operator==(const LevelParts&) const = default;
};

/// Parts of every level, given in any unit. Shifts beyond 30 count as 30.
[[nodiscard]] std::vector<LevelParts> level_parts(const std::vector<double>& levels);

/// Follows one layer over one window of the training (use one tracker per window). Keeps 3 bytes per weight for up to
/// 16 levels, 10 beyond.
class FreezingTracker {
 public:
  /// `levels` in ascending order, 1 to 256 of them; their unit does not matter. Throws std::invalid_argument for other
  /// numbers.
  FreezingTracker(std::int64_t weights, const std::vector<double>& levels);

  /// Adds a snapshot: the index of each weight's level. Throws std::invalid_argument for an index that is no level.
  void snapshot(const std::uint8_t* codes);

  [[nodiscard]] std::int64_t snapshots() const noexcept { return snapshots_; }
  /// Number of weights at each level in the last snapshot, lowest level first.
  [[nodiscard]] const std::vector<std::int64_t>& histogram() const noexcept { return histogram_; }
  /// Before the first snapshot everything is 0.
  [[nodiscard]] FreezingReport report() const;

  /// Everything needed to go on later, in a form that does not depend on the machine.
  [[nodiscard]] std::vector<std::uint8_t> state() const;
  /// Takes up a saved state, with the signs and shifts it had. Throws an input error when it belongs to another number
  /// of weights or levels, or is damaged.
  void restore(const std::vector<std::uint8_t>& state);

 private:
  [[nodiscard]] bool wide() const { return parts_.size() > 16; }
  void set_parts(std::vector<LevelParts> parts);
  void count(const std::vector<std::int64_t>& transitions);

  std::vector<LevelParts> parts_;           ///< by level
  std::vector<std::uint8_t> class_;         ///< by level: bit of `visited`
  std::vector<std::uint64_t> shift_masks_;  ///< classes of each distinct shift
  std::int64_t snapshots_ = 0;
  std::vector<std::uint8_t> level_;    ///< of the last snapshot
  std::vector<std::uint16_t> narrow_;  ///< up to 16 levels: bit per level visited
  std::vector<std::uint64_t> wide_;    ///< beyond: bit per sign and shift visited
  std::vector<std::uint8_t> moved_;    ///< beyond: whether the level ever changed
  std::vector<std::int64_t> histogram_;
  ChangeCounts last_, window_;
};

}  // namespace denseshift::metrics
