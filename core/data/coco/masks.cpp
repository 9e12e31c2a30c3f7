#include "core/data/coco/masks.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "core/data/image/decode.h"
#include "core/util/error.h"

namespace denseshift::data::coco {
namespace {

/// Polygons are walked on a grid this much finer than the pixels.
constexpr double kFiner = 5;

/// A place on the fine grid.
struct GridPoint {
  int x = 0, y = 0;
};

/// Calls visit(point) with every grid point along the closed outline, one step in the longer direction of an edge at a
/// time. Conversions to int cut towards zero on purpose: the reference does, and its pixels are what counts.
template <class Visit>
void walk_outline(const std::vector<GridPoint>& corners, Visit visit) {
  for (std::size_t i = 0; i < corners.size(); ++i) {
    GridPoint from = corners[i], to = corners[(i + 1) % corners.size()];
    const int dx = std::abs(to.x - from.x), dy = std::abs(to.y - from.y);
    const bool wide = dx >= dy;
    // The other coordinate is rounded the same way whichever end the edge starts from.
    const bool flip = wide ? from.x > to.x : from.y > to.y;
    if (flip) std::swap(from, to);
    const int steps = wide ? dx : dy;
    const double slope = steps == 0 ? 0.0 : static_cast<double>(wide ? to.y - from.y : to.x - from.x) / steps;
    for (int d = 0; d <= steps; ++d) {
      const int t = flip ? steps - d : d;
      const int other = static_cast<int>((wide ? from.y : from.x) + slope * t + 0.5);
      visit(wide ? GridPoint{from.x + t, other} : GridPoint{other, from.y + t});
    }
  }
}

/// Column-major positions where the outline crosses the middle of a column of pixels, once per crossing.
std::vector<std::uint32_t> crossings(const std::vector<GridPoint>& corners, std::int64_t height, std::int64_t width) {
  std::vector<std::uint32_t> positions;
  GridPoint before{};
  bool first = true;
  walk_outline(corners, [&](GridPoint now) {
    const GridPoint last = std::exchange(before, now);
    if (std::exchange(first, false) || now.x == last.x) return;
    const double column = ((now.x < last.x ? now.x : now.x - 1) + 0.5) / kFiner - 0.5;
    if (std::floor(column) != column || column < 0 || column > static_cast<double>(width - 1)) return;
    const double row = (std::min(now.y, last.y) + 0.5) / kFiner - 0.5;
    const double below = std::ceil(std::clamp(row, 0.0, static_cast<double>(height)));
    positions.push_back(
        static_cast<std::uint32_t>(static_cast<std::int64_t>(column) * height + static_cast<std::int64_t>(below)));
  });
  return positions;
}

/// Run lengths from the sorted places where the value changes; two changes in one place cancel.
std::vector<std::uint32_t> runs_between(std::vector<std::uint32_t> changes, std::uint32_t end) {
  std::sort(changes.begin(), changes.end());
  changes.push_back(end);
  std::vector<std::uint32_t> counts;
  std::uint32_t before = 0;
  bool merge = false;
  for (const std::uint32_t change : changes) {
    const std::uint32_t run = change - before;
    before = change;
    if (merge) {
      counts.back() += run;
      merge = false;
    } else if (run > 0 || counts.empty()) {
      counts.push_back(run);
    } else {
      merge = true;
    }
  }
  return counts;
}

/// Calls visit(first, last) with the column-major positions of every run of ones.
template <class Visit>
void each_run_of_ones(const Rle& mask, Visit visit) {
  std::size_t position = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::size_t end = position + mask.counts[i];
    if (i % 2 == 1 && end > position) visit(position, end);
    position = end;
  }
}

}  // namespace

void check_runs(const Rle& mask) {
  check_picture_size(mask.width, mask.height);
  std::int64_t sum = 0;
  const std::int64_t pixels = mask.height * mask.width;
  for (const std::uint32_t count : mask.counts) {
    sum += count;
    if (sum > pixels) break;
  }
  if (sum != pixels) {
    throw input_error(fmt::format("run lengths {} than the {} x {} pixels of the mask",
                                  sum > pixels ? "hold more" : "hold less", mask.width, mask.height));
  }
}

Rle encode_mask(const std::uint8_t* mask, std::int64_t height, std::int64_t width) {
  check_picture_size(width, height);
  Rle result{.height = height, .width = width};
  bool value = false;
  std::uint32_t run = 0;
  for (std::int64_t x = 0; x < width; ++x) {
    for (std::int64_t y = 0; y < height; ++y) {
      if ((mask[y * width + x] != 0) != value) {
        result.counts.push_back(run);
        run = 0;
        value = !value;
      }
      ++run;
    }
  }
  result.counts.push_back(run);
  return result;
}

void decode_mask(const Rle& mask, std::uint8_t* out) {
  std::fill(out, out + mask.height * mask.width, std::uint8_t{0});
  each_run_of_ones(mask, [&](std::size_t first, std::size_t last) {
    const auto height = static_cast<std::size_t>(mask.height), width = static_cast<std::size_t>(mask.width);
    std::size_t x = first / height, y = first % height;
    for (std::size_t i = first; i < last; ++i) {
      out[y * width + x] = 1;
      if (++y == height) {
        y = 0;
        ++x;
      }
    }
  });
}

std::string runs_to_string(const Rle& mask) {
  std::string text;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    std::int64_t value = mask.counts[i];
    if (i > 2) value -= mask.counts[i - 2];
    bool more = true;
    while (more) {
      std::int64_t group = value & 31;
      value >>= 5;
      more = (group & 16) != 0 ? value != -1 : value != 0;
      if (more) group |= 32;
      text.push_back(static_cast<char>(group + 48));
    }
  }
  return text;
}

Rle runs_from_string(std::string_view text, std::int64_t height, std::int64_t width) {
  constexpr int kMostGroups = 7;  // 35 bits hold every difference of 32-bit lengths
  Rle result{.height = height, .width = width};
  std::size_t at = 0;
  while (at < text.size()) {
    std::int64_t value = 0;
    bool more = true;
    for (int groups = 0; more; ++groups) {
      if (at == text.size()) throw input_error("the text of the run lengths ends inside a number");
      const int c = static_cast<unsigned char>(text[at++]) - 48;
      if (c < 0 || c > 63)
        throw input_error(fmt::format("character {} of the run lengths is not part of their alphabet", at));
      if (groups == kMostGroups) throw input_error("a run length is too large");
      value |= static_cast<std::int64_t>(c & 31) << (5 * groups);
      more = (c & 32) != 0;
      if (!more && (c & 16) != 0) value -= std::int64_t{32} << (5 * groups);
    }
    if (result.counts.size() > 2) value += result.counts[result.counts.size() - 2];
    if (value < 0) throw input_error("a run length is negative");
    if (value > kMaxPixels) throw input_error("a run length is too large");
    result.counts.push_back(static_cast<std::uint32_t>(value));
  }
  check_runs(result);
  return result;
}

void check_polygon(std::span<const double> xy) {
  constexpr double kFarthest = 1e7;
  if (xy.size() % 2 != 0) throw input_error("a polygon has a point without y");
  if (xy.size() < 6) throw input_error("a polygon has fewer than three points");
  double outline = 0;
  for (std::size_t i = 0; i < xy.size(); i += 2) {
    const std::size_t next = (i + 2) % xy.size();
    if (!(std::fabs(xy[i]) < kFarthest && std::fabs(xy[i + 1]) < kFarthest)) {
      throw input_error("a polygon has a point far outside of any picture");
    }
    outline += std::max(std::fabs(xy[next] - xy[i]), std::fabs(xy[next + 1] - xy[i + 1]));
  }
  if (!(outline <= kLongestOutline))
    throw input_error("a polygon is too large: its outline is millions of pixels long");
}

Rle rasterise_polygon(std::span<const double> xy, std::int64_t height, std::int64_t width) {
  check_picture_size(width, height);
  check_polygon(xy);
  std::vector<GridPoint> corners;
  corners.reserve(xy.size() / 2);
  for (std::size_t i = 0; i < xy.size(); i += 2) {
    corners.push_back({static_cast<int>(kFiner * xy[i] + 0.5), static_cast<int>(kFiner * xy[i + 1] + 0.5)});
  }
  return {height, width, runs_between(crossings(corners, height, width), static_cast<std::uint32_t>(height * width))};
}

Rle unite(const std::vector<Rle>& masks) {
  if (masks.empty()) throw std::invalid_argument("no masks to unite");
  if (masks.size() == 1) return masks.front();
  // A change of how many masks cover a position, by position.
  std::vector<std::pair<std::size_t, int>> changes;
  for (const Rle& mask : masks) {
    if (mask.height != masks[0].height || mask.width != masks[0].width) {
      throw std::invalid_argument("masks to unite differ in size");
    }
    each_run_of_ones(mask, [&](std::size_t first, std::size_t last) {
      changes.emplace_back(first, 1);
      changes.emplace_back(last, -1);
    });
  }
  std::sort(changes.begin(), changes.end());
  Rle result{.height = masks[0].height, .width = masks[0].width};
  std::size_t written = 0;
  int covered = 0;
  for (std::size_t i = 0; i < changes.size();) {
    const std::size_t position = changes[i].first;
    const bool was = covered > 0;
    for (; i < changes.size() && changes[i].first == position; ++i) covered += changes[i].second;
    if ((covered > 0) == was) continue;
    result.counts.push_back(static_cast<std::uint32_t>(position - written));
    written = position;
  }
  const auto pixels = static_cast<std::size_t>(result.height * result.width);
  if (written < pixels || result.counts.empty()) {
    result.counts.push_back(static_cast<std::uint32_t>(pixels - written));
  }
  return result;
}

std::int64_t area_of(const Rle& mask) {
  std::int64_t area = 0;
  each_run_of_ones(mask, [&](std::size_t first, std::size_t last) { area += static_cast<std::int64_t>(last - first); });
  return area;
}

}  // namespace denseshift::data::coco
