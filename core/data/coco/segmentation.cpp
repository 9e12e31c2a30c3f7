#include "core/data/coco/segmentation.h"

#include <fmt/core.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "core/util/error.h"

namespace denseshift::data::coco {
namespace {

/// `value` as a number of hundredths, when dividing that by 100 gives exactly `value` again.
std::optional<std::int32_t> in_hundredths(double value) {
  const double scaled = std::round(value * 100);
  if (!(std::fabs(scaled) <= std::numeric_limits<std::int32_t>::max())) return {};
  const auto result = static_cast<std::int32_t>(scaled);
  // The sign of zero would be lost.
  if (result / 100.0 != value || std::signbit(result / 100.0) != std::signbit(value)) return {};
  return result;
}

bool all_in_hundredths(const std::vector<std::vector<double>>& polygons) {
  for (const std::vector<double>& polygon : polygons) {
    for (const double value : polygon) {
      if (!in_hundredths(value)) return false;
    }
  }
  return true;
}

}  // namespace

Segmentation::Segmentation(const std::vector<std::vector<double>>& polygons)
    : kind_(polygons.empty() ? Kind::none : Kind::polygons), hundredths_(all_in_hundredths(polygons)) {
  std::size_t words = 0;
  for (const std::vector<double>& polygon : polygons) words += 1 + polygon.size() * (hundredths_ ? 1 : 2);
  words_.reserve(words);
  for (const std::vector<double>& polygon : polygons) {
    words_.push_back(static_cast<std::uint32_t>(polygon.size()));
    for (const double value : polygon) {
      if (hundredths_) {
        words_.push_back(std::bit_cast<std::uint32_t>(*in_hundredths(value)));
        continue;
      }
      const auto bits = std::bit_cast<std::uint64_t>(value);
      words_.push_back(static_cast<std::uint32_t>(bits));
      words_.push_back(static_cast<std::uint32_t>(bits >> 32));
    }
  }
}

Segmentation::Segmentation(const Rle& runs) : kind_(Kind::runs) {
  words_.reserve(runs.counts.size() + 2);
  words_.push_back(static_cast<std::uint32_t>(runs.height));
  words_.push_back(static_cast<std::uint32_t>(runs.width));
  words_.insert(words_.end(), runs.counts.begin(), runs.counts.end());
}

std::vector<std::vector<double>> Segmentation::polygons() const {
  std::vector<std::vector<double>> result;
  if (kind_ != Kind::polygons) return result;
  for (std::size_t at = 0; at < words_.size();) {
    std::vector<double>& polygon = result.emplace_back(words_[at++]);
    for (double& value : polygon) {
      if (hundredths_) {
        value = std::bit_cast<std::int32_t>(words_[at++]) / 100.0;
      } else {
        value = std::bit_cast<double>(words_[at] | static_cast<std::uint64_t>(words_[at + 1]) << 32);
        at += 2;
      }
    }
  }
  return result;
}

Rle Segmentation::runs() const {
  if (kind_ != Kind::runs) return {};
  return {words_[0], words_[1], {words_.begin() + 2, words_.end()}};
}

Rle Segmentation::mask(std::int64_t height, std::int64_t width) const {
  if (kind_ == Kind::runs) {
    Rle result = runs();
    if (result.height != height || result.width != width) {
      throw input_error(
          fmt::format("the mask has {} x {} pixels, the picture {} x {}", result.width, result.height, width, height));
    }
    return result;
  }
  std::vector<Rle> parts;
  for (const std::vector<double>& polygon : polygons()) parts.push_back(rasterise_polygon(polygon, height, width));
  if (parts.empty()) {
    parts.push_back({height, width, {static_cast<std::uint32_t>(height * width)}});
    check_runs(parts[0]);
  }
  return unite(parts);
}

}  // namespace denseshift::data::coco
