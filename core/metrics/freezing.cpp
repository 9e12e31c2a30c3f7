#include "core/metrics/freezing.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <stdexcept>
#include <string>

#include "core/util/error.h"

namespace denseshift::metrics {
namespace {

constexpr int kMaxGates = 7;
constexpr std::size_t kBlock = 4096;
constexpr int kSign = 8;       // bit of a level
constexpr int kShiftMask = 7;  // bits of a level

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Levels of a block of codes, in byte lanes.
void write_levels(const std::uint8_t* codes, int gates, std::size_t n, std::uint8_t* levels) {
  for (std::size_t i = 0; i < n; ++i) levels[i] = 0;
  for (int t = 1; t <= gates; ++t) {
    for (std::size_t i = 0; i < n; ++i) {
      const auto open = static_cast<std::uint8_t>(-((codes[i] >> t) & 1));
      levels[i] = static_cast<std::uint8_t>((levels[i] + 1) & open);
    }
  }
  for (std::size_t i = 0; i < n; ++i) levels[i] = static_cast<std::uint8_t>(levels[i] | ((codes[i] & 1) * kSign));
}

/// What changed from `before` to `after`; n is small enough for 32-bit counts.
ChangeCounts compare(const std::uint8_t* before, const std::uint8_t* after, std::size_t n) {
  std::int32_t changed = 0, sign = 0, shift = 0, distance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const int difference = before[i] ^ after[i];
    const int step = (after[i] & kShiftMask) - (before[i] & kShiftMask);
    changed += difference != 0;
    sign += (difference & kSign) != 0;
    shift += step != 0;
    distance += step < 0 ? -step : step;
  }
  return {static_cast<std::int64_t>(n), changed, sign, shift, distance};
}

// Numbers of a saved state: magic, weights, gates, snapshots, then the counts of `last` and `window`.
constexpr std::int64_t kMagic = 0x31305a4652465344;  // "DSFRFZ01"
constexpr std::size_t kHeaderNumbers = 4 + 5 + 5;

void append(std::vector<std::uint8_t>& bytes, std::int64_t value) {
  for (int shift = 0; shift < 64; shift += 8) {
    bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> shift));
  }
}

std::int64_t number_at(const std::vector<std::uint8_t>& bytes, std::size_t index) {
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < 8; ++k) value |= static_cast<std::uint64_t>(bytes[8 * index + k]) << (8 * k);
  return static_cast<std::int64_t>(value);
}

void append(std::vector<std::uint8_t>& bytes, const ChangeCounts& counts) {
  for (const std::int64_t value :
       {counts.observed, counts.changed, counts.sign_changed, counts.shift_changed, counts.shift_distance}) {
    append(bytes, value);
  }
}

ChangeCounts counts_at(const std::vector<std::uint8_t>& bytes, std::size_t index) {
  return {number_at(bytes, index), number_at(bytes, index + 1), number_at(bytes, index + 2),
          number_at(bytes, index + 3), number_at(bytes, index + 4)};
}

}  // namespace

double ChangeCounts::rate() const { return ratio(changed, observed); }
double ChangeCounts::sign_rate() const { return ratio(sign_changed, observed); }
double ChangeCounts::shift_rate() const { return ratio(shift_changed, observed); }
double ChangeCounts::jump_size() const { return ratio(shift_distance, changed); }

ChangeCounts& ChangeCounts::operator+=(const ChangeCounts& other) {
  observed += other.observed;
  changed += other.changed;
  sign_changed += other.sign_changed;
  shift_changed += other.shift_changed;
  shift_distance += other.shift_distance;
  return *this;
}

double FreezingReport::frozen_fraction() const { return ratio(frozen, weights); }
double FreezingReport::mean_distinct_shifts() const { return ratio(distinct_shifts, weights); }
double FreezingReport::mean_distinct_levels() const { return ratio(distinct_levels, weights); }

FreezingReport& FreezingReport::operator+=(const FreezingReport& other) {
  weights += other.weights;
  frozen += other.frozen;
  distinct_shifts += other.distinct_shifts;
  distinct_levels += other.distinct_levels;
  last += other.last;
  window += other.window;
  return *this;
}

FreezingTracker::FreezingTracker(std::int64_t weights, int gates) : gates_(gates) {
  if (weights < 0 || gates < 1 || gates > kMaxGates) throw std::invalid_argument("no such layer to follow");
  level_.resize(static_cast<std::size_t>(weights));
  visited_.resize(static_cast<std::size_t>(weights));
}

void FreezingTracker::snapshot(const std::uint8_t* codes) {
  std::uint8_t levels[kBlock];
  ChangeCounts counts;
  for (std::size_t first = 0; first < level_.size(); first += kBlock) {
    const std::size_t n = std::min(kBlock, level_.size() - first);
    write_levels(codes + first, gates_, n, levels);
    if (snapshots_ > 0) counts += compare(level_.data() + first, levels, n);
    std::uint16_t* visited = visited_.data() + first;
    for (std::size_t i = 0; i < n; ++i) visited[i] = static_cast<std::uint16_t>(visited[i] | (1U << levels[i]));
    std::copy_n(levels, n, level_.data() + first);
  }
  last_ = counts;
  window_ += counts;
  ++snapshots_;
}

FreezingReport FreezingTracker::report() const {
  FreezingReport report;
  if (snapshots_ == 0) return report;
  report.weights = static_cast<std::int64_t>(level_.size());
  for (const std::uint16_t visited : visited_) {
    const int levels = std::popcount(visited);
    report.frozen += levels == 1;
    report.distinct_levels += levels;
    report.distinct_shifts += std::popcount(static_cast<unsigned>((visited | (visited >> kSign)) & 0xFF));
  }
  report.last = last_;
  report.window = window_;
  return report;
}

std::vector<std::uint8_t> FreezingTracker::state() const {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(8 * kHeaderNumbers + 3 * level_.size());
  append(bytes, kMagic);
  append(bytes, static_cast<std::int64_t>(level_.size()));
  append(bytes, gates_);
  append(bytes, snapshots_);
  append(bytes, last_);
  append(bytes, window_);
  bytes.insert(bytes.end(), level_.begin(), level_.end());
  for (const std::uint16_t visited : visited_) bytes.push_back(static_cast<std::uint8_t>(visited));
  for (const std::uint16_t visited : visited_) bytes.push_back(static_cast<std::uint8_t>(visited >> 8));
  return bytes;
}

void FreezingTracker::restore(const std::vector<std::uint8_t>& state) {
  const std::size_t n = level_.size();
  if (state.size() != 8 * kHeaderNumbers + 3 * n || number_at(state, 0) != kMagic ||
      number_at(state, 1) != static_cast<std::int64_t>(n) || number_at(state, 2) != gates_ || number_at(state, 3) < 0) {
    throw input_error("saved state of the weight-freezing metric does not fit a layer of " + std::to_string(n) +
                      " weights");
  }
  snapshots_ = number_at(state, 3);
  last_ = counts_at(state, 4);
  window_ = counts_at(state, 9);
  const std::uint8_t* levels = state.data() + 8 * kHeaderNumbers;
  for (std::size_t i = 0; i < n; ++i) {
    level_[i] = levels[i] & (kSign | kShiftMask);
    visited_[i] = static_cast<std::uint16_t>(levels[n + i] | (levels[2 * n + i] << 8));
  }
}

}  // namespace denseshift::metrics
