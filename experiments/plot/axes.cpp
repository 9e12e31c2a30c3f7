#include "experiments/plot/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/plot/svg.h"

namespace denseshift::plot {
namespace {

/// A tick's text; `step` decides the digits.
std::string tick_text(double value, double step) {
  const double largest = std::max(std::abs(value), step);
  if (value == 0) return "0";
  if (step >= 1e5 || largest < 1e-3) {
    const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
    return short_number(value / std::pow(10.0, exponent), 3) + fmt::format("e{}", exponent);
  }
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  return text.starts_with('-') ? "\u2212" + text.substr(1) : text;
}

}  // namespace

Range range_of(const std::vector<double>& values, double margin) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) return {0, 1};
  double room = (high - low) * margin;
  // Values that differ only by rounding count as one.
  if (high - low <= std::max(std::abs(low), std::abs(high)) * 1e-9) {
    room = std::max(std::abs(high) * 0.1, high == 0 ? 1.0 : 0.0);
  }
  return {low - room, high + room};
}

double tick_step(const Range& range, int most) {
  const double width = range.high - range.low;
  most = std::max(most, 2);
  double power = std::pow(10.0, std::floor(std::log10(width / most)));
  for (;; power *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double step = factor * power;
      const double count = std::floor(range.high / step + 1e-9) - std::ceil(range.low / step - 1e-9) + 1;
      if (count <= most) return step;
    }
  }
}

std::vector<Tick> ticks(const Range& range, int most) {
  const double step = tick_step(range, most);
  std::vector<Tick> result;
  // Whole multiples instead of a running sum, so that 0 is 0.
  const auto first = static_cast<long long>(std::ceil(range.low / step - 1e-9));
  const auto last = static_cast<long long>(std::floor(range.high / step + 1e-9));
  for (long long i = first; i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    result.push_back({value, tick_text(value, step)});
  }
  return result;
}

std::vector<Tick> ticks_that_fit(const Range& range, double pixels, double font_size) {
  for (int most = 9; most > 2; --most) {
    std::vector<Tick> result = ticks(range, most);
    double widest = 0;
    for (const Tick& tick : result) widest = std::max(widest, text_width(tick.text, font_size));
    const double distance = tick_step(range, most) / (range.high - range.low) * pixels;
    if (widest + font_size <= distance) return result;
  }
  return ticks(range, 2);
}

}  // namespace denseshift::plot
