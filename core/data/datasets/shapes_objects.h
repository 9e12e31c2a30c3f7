#pragma once
// The pictures of the `shapes` dataset for detection and segmentation: one to three figures on a noisy grey ground.
//
// Figures have any hue, so that only their shape tells the class. They may hide a part of each other: the map says
// which is in front, and boxes hold what can be seen.

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/datasets/shapes_scene.h"
#include "core/data/sample.h"

namespace denseshift::data {

/// disc, square, triangle.
[[nodiscard]] std::vector<std::string> object_class_names();
inline constexpr std::int64_t kObjectClasses = 3;

/// Everything in a picture except its noise.
struct ObjectScene {
  float ground = 0;             ///< grey level
  float noise = 0;              ///< half-width of uniform noise, in grey levels
  std::vector<Figure> figures;  ///< from back to front
};

/// Draws one to three figures of radius 0.10 to 0.22 whose centres are far enough from each other that most of each is
/// seen.
[[nodiscard]] ObjectScene draw_objects(RandomStream& random);

/// A picture of side x side pixels and what is in it.
struct ObjectPicture {
  std::vector<std::uint8_t> planes;   ///< three of side x side
  std::vector<std::uint8_t> owners;   ///< side x side: 0 ground, i the figure i - 1
  std::vector<std::uint8_t> mask;     ///< side x side: 0 ground, 1 + class of the figure that is seen
  std::vector<ObjectTarget> objects;  ///< figures of which anything is seen, from back to front
  std::vector<std::int64_t> areas;    ///< of each object: pixels that are seen
};

/// Paints a scene. A pixel belongs to the foremost figure that covers its centre.
void render_objects(const ObjectScene& scene, std::int64_t side, RandomStream& noise, ObjectPicture& out);

}  // namespace denseshift::data
