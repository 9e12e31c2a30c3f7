#pragma once
// Binary masks as run lengths, the way COCO stores and rasterises them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace denseshift::data::coco {

/// A binary mask as run lengths in column-major order, zeros first: counts[0] zeros, then counts[1] ones, and so on.
/// Usable ones add up to height * width; check_runs() says so.
struct Rle {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint32_t> counts{};
  bool operator==(const Rle&) const = default;
};

/// Throws an input error unless the size is that of a usable picture and the runs fill it exactly. Names no file.
void check_runs(const Rle& mask);

/// Run lengths of height x width bytes, rows from top to bottom; every byte but 0 counts as 1.
[[nodiscard]] Rle encode_mask(const std::uint8_t* mask, std::int64_t height, std::int64_t width);
/// The opposite: writes height x width bytes of 0 and 1, rows from top to bottom. REQUIRES: check_runs() passes.
void decode_mask(const Rle& mask, std::uint8_t* out);

/// COCO's text form of the counts: differences in groups of 5 bits.
[[nodiscard]] std::string runs_to_string(const Rle& mask);
/// Reads the text form. Throws an input error (without a file) for anything that is not the text of a mask of that
/// size.
[[nodiscard]] Rle runs_from_string(std::string_view text, std::int64_t height, std::int64_t width);

/// Longest outline that rasterise_polygon() walks, in pixels; the outline of a real object has thousands.
inline constexpr double kLongestOutline = 4e6;

/// Throws an input error (without a file) unless `xy` holds at least three points (x0, y0, x1, y1, ...), all finite
/// and less than 1e7 from 0, with an outline of at most kLongestOutline.
void check_polygon(std::span<const double> xy);

/// The pixels of a polygon, bit for bit as COCO's own code fills it. Points outside the picture are clipped; a polygon
/// smaller than a pixel can be empty. Throws as check_polygon() and for an unusable size.
[[nodiscard]] Rle rasterise_polygon(std::span<const double> xy, std::int64_t height, std::int64_t width);

/// Pixels that are in at least one of the masks, which all have the same size. REQUIRES: at least one mask.
[[nodiscard]] Rle unite(const std::vector<Rle>& masks);

/// Number of ones.
[[nodiscard]] std::int64_t area_of(const Rle& mask);

}  // namespace denseshift::data::coco
