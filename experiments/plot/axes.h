#pragma once
// Axes: ranges that hold the data, ticks at 1, 2 or 5 times a power of ten, and their texts.

#include <string>
#include <vector>

namespace denseshift::plot {

/// From `low` to `high`, low < high.
struct Range {
  double low = 0;
  double high = 1;
  bool operator==(const Range&) const = default;
};

/// Smallest and largest finite value, widened by `margin` of their distance on each side. One value gets room around
/// it; none gives 0 to 1.
[[nodiscard]] Range range_of(const std::vector<double>& values, double margin = 0.05);

/// Distance of ticks: 1, 2 or 5 times a power of ten, at most `most` ticks in the range (at least 2).
[[nodiscard]] double tick_step(const Range& range, int most);

/// One tick and its text.
struct Tick {
  double value = 0;
  std::string text;
};

/// Ticks inside the range. All texts have the digits that the step needs; beyond 10^5 or below 10^-3 they are written
/// as 2e-4.
[[nodiscard]] std::vector<Tick> ticks(const Range& range, int most);

/// As many ticks as fit side by side on `pixels` without their texts touching.
[[nodiscard]] std::vector<Tick> ticks_that_fit(const Range& range, double pixels, double font_size = 11);

}  // namespace denseshift::plot
