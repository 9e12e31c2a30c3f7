#include "core/data/datasets/shapes_objects.h"

#include <algorithm>
#include <cmath>

namespace denseshift::data {
namespace {

constexpr int kPlacements = 30;
/// Least distance of two centres in units of the sum of their radii.
constexpr float kLeastDistance = 0.75F;

bool is_free(const Figure& figure, const std::vector<Figure>& others) {
  return std::none_of(others.begin(), others.end(), [&](const Figure& other) {
    return std::hypot(figure.x - other.x, figure.y - other.y) < kLeastDistance * (figure.radius + other.radius);
  });
}

Figure draw_figure(RandomStream& random) {
  Figure figure;
  figure.shape = static_cast<Shape>(random.below(kObjectClasses));
  figure.radius = static_cast<float>(random.uniform(0.10, 0.22));
  figure.angle = static_cast<float>(random.uniform(-0.2, 0.2));
  figure.colour = from_hsv(random.uniform(0, 360), random.uniform(0.6, 1.0), random.uniform(0.6, 1.0));
  return figure;
}

/// What is seen of every figure, from the map of owners.
void find_objects(const ObjectScene& scene, std::int64_t side, ObjectPicture& out) {
  struct Extent {
    std::int64_t left, top, right = 0, bottom = 0, pixels = 0;
  };
  std::vector<Extent> extents(scene.figures.size(), {side, side});
  out.mask.assign(out.owners.size(), 0);
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      const auto i = static_cast<std::size_t>(y * side + x);
      if (out.owners[i] == 0) continue;
      const std::size_t owner = out.owners[i] - std::size_t{1};
      out.mask[i] = static_cast<std::uint8_t>(1 + static_cast<int>(scene.figures[owner].shape));
      Extent& extent = extents[owner];
      extent.left = std::min(extent.left, x);
      extent.top = std::min(extent.top, y);
      extent.right = std::max(extent.right, x + 1);
      extent.bottom = std::max(extent.bottom, y + 1);
      ++extent.pixels;
    }
  }
  out.objects.clear();
  out.areas.clear();
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const Extent& e = extents[k];
    if (e.pixels == 0) continue;
    out.objects.push_back({{static_cast<float>(e.left), static_cast<float>(e.top), static_cast<float>(e.right),
                            static_cast<float>(e.bottom)},
                           static_cast<std::int64_t>(scene.figures[k].shape)});
    out.areas.push_back(e.pixels);
  }
}

}  // namespace

std::vector<std::string> object_class_names() { return {"disc", "square", "triangle"}; }

ObjectScene draw_objects(RandomStream& random) {
  ObjectScene scene;
  scene.ground = static_cast<float>(random.uniform(60, 160));
  scene.noise = static_cast<float>(random.uniform(8, 30));
  const std::uint64_t count = 1 + random.below(3);
  for (std::uint64_t k = 0; k < count; ++k) {
    Figure figure = draw_figure(random);
    for (int attempt = 0; attempt < kPlacements; ++attempt) {
      const double margin = static_cast<double>(figure.radius);
      figure.x = static_cast<float>(random.uniform(margin, 1 - margin));
      figure.y = static_cast<float>(random.uniform(margin, 1 - margin));
      if (!is_free(figure, scene.figures)) continue;
      scene.figures.push_back(figure);
      break;
    }
  }
  return scene;
}

void render_objects(const ObjectScene& scene, std::int64_t side, RandomStream& noise, ObjectPicture& out) {
  thread_local std::vector<float> values;
  const auto area = static_cast<std::size_t>(side * side);
  values.assign(3 * area, scene.ground);
  out.planes.resize(3 * area);
  out.owners.assign(area, 0);
  std::uint8_t owner = 0;
  for (const Figure& figure : scene.figures) {
    paint_figure(figure, side, values.data());
    mark_figure(figure, side, ++owner, out.owners.data());
  }
  finish_picture({1, 1, 1}, scene.noise, side, values.data(), noise, out.planes.data());
  find_objects(scene, side, out);
}

}  // namespace denseshift::data
