#pragma once
// Antialiased bilinear resizing, the filter of PIL and of torchvision with antialias=True.

#include <cstdint>
#include <vector>

#include "core/data/image/image.h"

namespace denseshift::data {

/// A rectangle in pixels of a picture. Fractions occur when the picture was decoded at reduced size.
struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

/// What to make of a box: it is scaled to width x height, and of that only the part at (x, y) is computed.
struct Target {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t part_width = 0;   ///< 0: all
  std::int64_t part_height = 0;  ///< 0: all
};

/// Scales boxes of pictures. Holds its buffers between calls, so use one per thread.
///
/// Each output pixel is the average of the source pixels under a triangle centred on it, whose half-width is one output
/// pixel when shrinking and one source pixel when enlarging; weights are normalised and the triangle is cut at the box,
/// exactly as if the box had been cropped first.
///
/// Columns are scaled first. Weights are integers that add up to 2^14, and rows are kept with 6 fractional bits in
/// 16-bit integers: twice the speed of floats, and far from a grey level of error.
class Resizer {
 public:
  /// `portable` selects the plain loops that SSE2 code replaces; both give the same pixels.
  explicit Resizer(bool portable = false) : portable_(portable) {}

  /// REQUIRES: `source` has the pixels of the box that the computed part lies on; the rest of the box may be outside.
  void resize(const Image& source, const Box& box, const Target& target, Image& out);

 private:
  /// Source pixels and weights for a run of output pixels along one axis. All have the same number of taps, an even one
  /// where the picture is wide enough; those beyond the triangle have weight 0.
  struct Axis {
    std::vector<std::int64_t> first;
    std::vector<std::int16_t> weights;  ///< `taps` per output pixel
    std::int64_t taps = 0;

    void prepare(double origin, double length, std::int64_t outputs, std::int64_t start, std::int64_t run,
                 std::int64_t limit);
  };

  bool portable_;
  Axis columns_;
  Axis rows_;
  std::vector<std::int16_t> scaled_rows_;  ///< rows after the first step, four values a pixel, even number of pixels
};

}  // namespace denseshift::data
