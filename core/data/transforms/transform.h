#pragma once
// From a picture with boxes or a class map to network input: the preparations of the detection and segmentation
// recipes.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/data/image/image.h"
#include "core/data/sample.h"
#include "core/util/rng.h"

namespace denseshift::data {

/// A picture and what is known of it, everything in the picture's own pixels.
struct AnnotatedImage {
  Image image;
  std::vector<ObjectTarget> objects;
  std::vector<std::uint8_t> mask;  ///< width x height classes; empty: there is no class map
};

/// A way to prepare pictures. Immutable, so apply() may be called from many threads.
class Transform {
 public:
  virtual ~Transform() = default;

  /// Writes values, objects, mask, size and original size of `out`; leaves index, image id and label alone. With
  /// `augment`, draws from `random`; without, does not touch it. Values are normalised with ImageNet's mean and
  /// deviation. Boxes and map follow the pixels.
  virtual void apply(const AnnotatedImage& in, bool augment, RandomStream& random, Sample& out) const = 0;

  /// Batches are padded to a multiple of this.
  [[nodiscard]] virtual std::int64_t pad_multiple() const { return 1; }
};

/// Sizes of a transform; 0: the default of the recipe.
struct TransformOptions {
  std::int64_t image_size = 0;  ///< square, ssd: side; fcos: short side; deeplab: side of the training crop
  std::int64_t max_size = 0;    ///< fcos: limit of the long side; 0: 5/3 of the short side
};

/// The transforms by name; a usage error with the nearest one for an unknown name or a size out of range.
///
/// - square: the whole picture resized to side x side (default 300), map to the nearest pixel; mirrored in training.
/// - ssd: SSD300 v1.1, see ssd.h (default 300).
/// - fcos: torchvision's detection models, see fcos.h (default 800 and 1333).
/// - deeplab: torchvision's segmentation reference, see deeplab.h (default 480).
[[nodiscard]] std::unique_ptr<Transform> make_transform(const std::string& name, const TransformOptions& options);

/// Mean and deviation of ImageNet, with which all transforms normalise.
[[nodiscard]] const Normalisation& imagenet_normalisation();

/// Reads `mask` (from_width x from_height) as if it had been resized to width x height, each pixel from the nearest
/// one, and writes the window at (x, y) of part_width x part_height, mirrored if asked. Outside is kIgnoredPixel.
void resize_mask(const std::vector<std::uint8_t>& mask, std::int64_t from_width, std::int64_t from_height,
                 std::int64_t width, std::int64_t height, Window window, std::int64_t part_width,
                 std::int64_t part_height, std::vector<std::uint8_t>& out);

/// A box mirrored left and right in a picture of `width` pixels.
[[nodiscard]] std::array<float, 4> mirrored(const std::array<float, 4>& box, float width);

}  // namespace denseshift::data
