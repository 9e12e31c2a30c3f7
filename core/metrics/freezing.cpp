#include "core/metrics/freezing.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>

#include "core/util/error.h"

namespace denseshift::metrics {
namespace {

constexpr std::size_t kMaxLevels = 256;
constexpr std::size_t kNarrow = 16;  // levels that fit the bits of one std::uint16_t
constexpr double kMaxShift = 30;     // two signs, 31 shifts and zero fit the bits of one std::uint64_t
constexpr std::size_t kBlock = 4096;

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Adds to transitions[before * levels + after]. Four tables in turn: neighbouring weights often make the same step,
/// and an addition would wait for the one before it.
void add_transitions(const std::uint8_t* before, const std::uint8_t* after, std::size_t n, std::size_t levels,
                     std::vector<std::int64_t>& transitions) {
  const std::size_t size = levels * levels;
  std::vector<std::uint32_t> tables(4 * size);  // n is small enough for 32-bit counts
  for (std::size_t i = 0; i < n; ++i) ++tables[(i & 3) * size + before[i] * levels + after[i]];
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t i = 0; i < size; ++i) transitions[i] += tables[k * size + i];
  }
}

std::vector<std::int64_t> count_levels(const std::uint8_t* codes, std::size_t n, std::size_t levels) {
  std::vector<std::int64_t> tables(4 * kMaxLevels);
  for (std::size_t i = 0; i < n; ++i) ++tables[(i & 3) * kMaxLevels + codes[i]];
  std::vector<std::int64_t> counts(levels);
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t c = 0; c < levels; ++c) counts[c] += tables[k * kMaxLevels + c];
    for (std::size_t c = levels; c < kMaxLevels; ++c) {
      if (tables[k * kMaxLevels + c] != 0) throw std::invalid_argument("a code is no level of the layer");
    }
  }
  return counts;
}

// Numbers of a saved state: magic, weights, levels, snapshots, then the counts of `last` and `window`; behind them sign
// and shift of each level, the last level of each weight, and what it visited.
constexpr std::int64_t kMagic = 0x32305a4652465344;  // "DSFRFZ02"
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

std::vector<LevelParts> level_parts(const std::vector<double>& levels) {
  double smallest = 0;
  for (const double level : levels) {
    const double magnitude = std::fabs(level);
    if (magnitude > 0 && (smallest == 0 || magnitude < smallest)) smallest = magnitude;
  }
  std::vector<LevelParts> parts;
  for (const double level : levels) {
    LevelParts part;
    part.sign = static_cast<std::int8_t>(level > 0 ? 1 : level < 0 ? -1 : 0);
    part.shift =
        part.sign == 0
            ? std::int8_t{-1}
            : static_cast<std::int8_t>(std::min(kMaxShift, std::round(std::log2(std::fabs(level) / smallest))));
    parts.push_back(part);
  }
  return parts;
}

FreezingTracker::FreezingTracker(std::int64_t weights, const std::vector<double>& levels) {
  if (weights < 0 || levels.empty() || levels.size() > kMaxLevels) {
    throw std::invalid_argument("no such layer to follow");
  }
  set_parts(level_parts(levels));
  const auto n = static_cast<std::size_t>(weights);
  level_.resize(n);
  histogram_.resize(levels.size());
  if (wide()) {
    wide_.resize(n);
    moved_.resize(n);
  } else {
    narrow_.resize(n);
  }
}

void FreezingTracker::set_parts(std::vector<LevelParts> parts) {
  parts_ = std::move(parts);
  class_.clear();
  shift_masks_.clear();
  std::vector<LevelParts> classes;
  std::vector<std::int8_t> shifts;
  for (std::size_t c = 0; c < parts_.size(); ++c) {
    auto found = std::find(classes.begin(), classes.end(), parts_[c]);
    if (!wide() || found == classes.end()) found = classes.insert(classes.end(), parts_[c]);
    class_.push_back(static_cast<std::uint8_t>(found - classes.begin()));
    auto shift = std::find(shifts.begin(), shifts.end(), parts_[c].shift);
    if (shift == shifts.end()) {
      shift = shifts.insert(shifts.end(), parts_[c].shift);
      shift_masks_.push_back(0);
    }
    shift_masks_[static_cast<std::size_t>(shift - shifts.begin())] |= std::uint64_t{1} << class_.back();
  }
}

void FreezingTracker::snapshot(const std::uint8_t* codes) {
  histogram_ = count_levels(codes, level_.size(), parts_.size());  // refuses what is no level
  std::vector<std::int64_t> transitions(parts_.size() * parts_.size());
  // Few levels: blocks that stay in the cache. Many: one block, or clearing its table would cost more than counting.
  const std::size_t block = wide() ? std::size_t{1} << 30 : kBlock;
  for (std::size_t first = 0; first < level_.size(); first += block) {
    const std::size_t n = std::min(block, level_.size() - first);
    std::uint8_t* level = level_.data() + first;
    const std::uint8_t* code = codes + first;
    if (snapshots_ > 0) add_transitions(level, code, n, parts_.size(), transitions);
    if (wide()) {
      for (std::size_t i = first; i < first + n; ++i) {
        wide_[i] |= std::uint64_t{1} << class_[codes[i]];
        if (snapshots_ > 0 && level_[i] != codes[i]) moved_[i] = 1;
      }
    } else {
      std::uint16_t* visited = narrow_.data() + first;
      for (std::size_t i = 0; i < n; ++i) visited[i] = static_cast<std::uint16_t>(visited[i] | (1U << code[i]));
    }
    std::copy_n(code, n, level);
  }
  count(transitions);
  ++snapshots_;
}

void FreezingTracker::count(const std::vector<std::int64_t>& transitions) {
  last_ = {};
  for (std::size_t before = 0; before < parts_.size(); ++before) {
    for (std::size_t after = 0; after < parts_.size(); ++after) {
      const std::int64_t weights = transitions[before * parts_.size() + after];
      const int step = parts_[after].shift - parts_[before].shift;
      last_.observed += weights;
      last_.changed += before != after ? weights : 0;
      last_.sign_changed += parts_[before].sign != parts_[after].sign ? weights : 0;
      last_.shift_changed += step != 0 ? weights : 0;
      last_.shift_distance += weights * std::abs(step);
    }
  }
  window_ += last_;
}

FreezingReport FreezingTracker::report() const {
  FreezingReport report;
  if (snapshots_ == 0) return report;
  report.weights = static_cast<std::int64_t>(level_.size());
  const auto shifts_of = [&](std::uint64_t visited) {
    std::int64_t shifts = 0;
    for (const std::uint64_t mask : shift_masks_) shifts += (visited & mask) != 0;
    return shifts;
  };
  if (wide()) {
    for (std::size_t i = 0; i < wide_.size(); ++i) {
      report.frozen += moved_[i] == 0;
      report.distinct_levels += std::popcount(wide_[i]);
      report.distinct_shifts += shifts_of(wide_[i]);
    }
  } else {
    // There are at most 2^16 different sets of levels: each is looked at once.
    std::vector<std::int64_t> sets(std::size_t{1} << kNarrow);
    for (const std::uint16_t visited : narrow_) ++sets[visited];
    for (std::size_t visited = 0; visited < sets.size(); ++visited) {
      if (sets[visited] == 0) continue;
      const int levels = std::popcount(visited);
      report.frozen += levels == 1 ? sets[visited] : 0;
      report.distinct_levels += levels * sets[visited];
      report.distinct_shifts += shifts_of(visited) * sets[visited];
    }
  }
  report.last = last_;
  report.window = window_;
  return report;
}

std::vector<std::uint8_t> FreezingTracker::state() const {
  std::vector<std::uint8_t> bytes;
  append(bytes, kMagic);
  append(bytes, static_cast<std::int64_t>(level_.size()));
  append(bytes, static_cast<std::int64_t>(parts_.size()));
  append(bytes, snapshots_);
  append(bytes, last_);
  append(bytes, window_);
  bytes.reserve(bytes.size() + 2 * parts_.size() + (wide() ? 10 : 3) * level_.size());
  for (const LevelParts& part : parts_) {
    bytes.push_back(static_cast<std::uint8_t>(part.sign));
    bytes.push_back(static_cast<std::uint8_t>(part.shift));
  }
  bytes.insert(bytes.end(), level_.begin(), level_.end());
  bytes.insert(bytes.end(), moved_.begin(), moved_.end());
  for (std::size_t k = 0; k < (wide() ? sizeof(std::uint64_t) : sizeof(std::uint16_t)); ++k) {
    for (const std::uint16_t visited : narrow_) bytes.push_back(static_cast<std::uint8_t>(visited >> (8 * k)));
    for (const std::uint64_t visited : wide_) bytes.push_back(static_cast<std::uint8_t>(visited >> (8 * k)));
  }
  return bytes;
}

void FreezingTracker::restore(const std::vector<std::uint8_t>& state) {
  const std::size_t n = level_.size();
  const std::size_t levels = parts_.size();
  const auto damaged = [&] {
    return input_error(fmt::format(
        "saved state of the weight-freezing metric does not fit a layer of {} weights and {} levels", n, levels));
  };
  if (state.size() != 8 * kHeaderNumbers + 2 * levels + (wide() ? 10 : 3) * n || number_at(state, 0) != kMagic ||
      number_at(state, 1) != static_cast<std::int64_t>(n) || number_at(state, 2) != static_cast<std::int64_t>(levels) ||
      number_at(state, 3) < 0) {
    throw damaged();
  }
  const std::uint8_t* at = state.data() + 8 * kHeaderNumbers;
  std::vector<LevelParts> parts;
  for (std::size_t c = 0; c < levels; ++c, at += 2) {
    parts.push_back({static_cast<std::int8_t>(at[0]), static_cast<std::int8_t>(at[1])});
    const LevelParts& part = parts.back();
    if (std::abs(part.sign) > 1 || part.shift > kMaxShift || part.shift < -1 ||
        (part.sign == 0) != (part.shift == -1)) {
      throw damaged();
    }
  }
  std::vector<std::int64_t> histogram(levels);
  for (std::size_t i = 0; i < n; ++i) {
    if (at[i] >= levels) throw damaged();
    ++histogram[at[i]];
  }
  set_parts(std::move(parts));
  histogram_ = std::move(histogram);
  snapshots_ = number_at(state, 3);
  last_ = counts_at(state, 4);
  window_ = counts_at(state, 9);
  level_.assign(at, at + n);
  at += n;
  if (wide()) {
    moved_.assign(at, at + n);
    at += n;
    wide_.assign(n, 0);
    for (std::size_t k = 0; k < sizeof(std::uint64_t); ++k, at += n) {
      for (std::size_t i = 0; i < n; ++i) wide_[i] |= static_cast<std::uint64_t>(at[i]) << (8 * k);
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) narrow_[i] = static_cast<std::uint16_t>(at[i] | (at[n + i] << 8));
  }
}

}  // namespace denseshift::metrics
