#include "core/data/datasets/shapes_scene.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>

namespace denseshift::data {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;

constexpr double kRedHue = 2;  // degrees
constexpr double kAmberHue = 38;
constexpr double kHueDeviation = 8.5;

float draw(RandomStream& random, double low, double high) { return static_cast<float>(random.uniform(low, high)); }

Figure draw_distractor(RandomStream& random) {
  Figure figure;
  figure.shape = static_cast<Shape>(random.below(kShapeCount));
  figure.x = draw(random, 0, 1);
  figure.y = draw(random, 0, 1);
  figure.radius = draw(random, 0.03, 0.08);
  figure.angle = draw(random, 0, 2 * kPi);
  figure.colour = from_hsv(random.uniform(75, 320), random.uniform(0.2, 0.9), random.uniform(0.3, 1.0));
  figure.opacity = draw(random, 0.6, 1.0);
  return figure;
}

/// Distance to the edge in units of the radius, negative inside, for a point in the figure's own frame. Only values
/// near the edge matter, so distances to lines serve where the true one would be to a corner.
template <Shape shape>
float edge_distance(float u, float v) {
  const auto larger = [](float a, float b) { return a > b ? a : b; };
  const auto smaller = [](float a, float b) { return a < b ? a : b; };
  const float au = std::fabs(u);
  if constexpr (shape == Shape::disc) {
    return std::sqrt(u * u + v * v) - 0.82F;
  } else if constexpr (shape == Shape::square) {
    return larger(au, std::fabs(v)) - 0.72F;
  } else if constexpr (shape == Shape::triangle) {
    return larger(-v, 0.5F * v + 0.8660254F * au) - 0.5F;
  } else if constexpr (shape == Shape::plus) {
    const float av = std::fabs(v);
    return smaller(larger(au - 0.92F, av - 0.36F), larger(au - 0.36F, av - 0.92F));
  } else {
    // Mirrored at the lines 108, 72 and 36 degrees from the tip, every point lands in one tenth of the star.
    constexpr float kMirrors[3][2] = {
        {-0.30901699F, -0.95105652F}, {0.30901699F, -0.95105652F}, {0.80901699F, -0.58778525F}};
    float x = au;
    float y = v;
    for (const auto& normal : kMirrors) {
      const float beyond = larger(0.0F, normal[0] * x + normal[1] * y);
      x -= 2.0F * beyond * normal[0];
      y -= 2.0F * beyond * normal[1];
    }
    // The edge runs from the tip (0, 1) to the notch at radius 0.5, 36 degrees.
    return 0.8967F * x + 0.4427F * (y - 1.0F);
  }
}

/// Three float planes under the brush.
struct Canvas {
  std::int64_t side;
  float* planes;
};

/// A figure in pixels of a picture, and the rectangle that holds it.
struct Placed {
  float wide, high, cx, cy, cosine, sine;
  std::int64_t left, right, top, bottom;

  Placed(const Figure& figure, std::int64_t pixels) {
    const auto side = static_cast<float>(pixels);
    wide = figure.radius * side * std::sqrt(figure.stretch);
    high = figure.radius * side / std::sqrt(figure.stretch);
    const float reach = std::max(wide, high) * 1.05F + 1.0F;
    cx = figure.x * side;
    cy = figure.y * side;
    const auto bound = [&](float value) {
      return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(value)), 0, pixels);
    };
    left = bound(cx - reach);
    right = bound(cx + reach + 1);
    top = bound(cy - reach);
    bottom = bound(cy + reach + 1);
    cosine = std::cos(figure.angle);
    sine = std::sin(figure.angle);
  }
};

template <Shape shape>
void paint(const Figure& figure, const Canvas& canvas) {
  const Placed at(figure, canvas.side);
  const float pixels_per_unit = std::min(at.wide, at.high);
  const std::int64_t area = canvas.side * canvas.side;
  for (std::int64_t y = at.top; y < at.bottom; ++y) {
    const float dy = static_cast<float>(y) + 0.5F - at.cy;
    float* red = canvas.planes + y * canvas.side;
    float* green = red + area;
    float* blue = green + area;
    for (std::int64_t x = at.left; x < at.right; ++x) {
      const float dx = static_cast<float>(static_cast<std::int32_t>(x)) + 0.5F - at.cx;
      const float u = (at.cosine * dx + at.sine * dy) / at.wide;
      const float v = (at.cosine * dy - at.sine * dx) / at.high;
      const float inside = 0.5F - edge_distance<shape>(u, v) * pixels_per_unit;
      const float covered = inside < 0 ? 0.0F : (inside > 1 ? 1.0F : inside);
      const float cover = covered * figure.opacity;
      const float shade = 1.0F + figure.shading * u;
      red[x] += cover * (figure.colour[0] * shade - red[x]);
      green[x] += cover * (figure.colour[1] * shade - green[x]);
      blue[x] += cover * (figure.colour[2] * shade - blue[x]);
    }
  }
}

template <Shape shape>
void mark(const Figure& figure, std::int64_t side, std::uint8_t value, std::uint8_t* map) {
  const Placed at(figure, side);
  for (std::int64_t y = at.top; y < at.bottom; ++y) {
    const float dy = static_cast<float>(y) + 0.5F - at.cy;
    for (std::int64_t x = at.left; x < at.right; ++x) {
      const float dx = static_cast<float>(x) + 0.5F - at.cx;
      const float u = (at.cosine * dx + at.sine * dy) / at.wide;
      const float v = (at.cosine * dy - at.sine * dx) / at.high;
      if (edge_distance<shape>(u, v) <= 0) map[y * side + x] = value;
    }
  }
}

/// Calls `action` with the shape as a constant.
template <class Action>
void with_shape(Shape shape, Action action) {
  switch (shape) {
    case Shape::disc:
      return action(std::integral_constant<Shape, Shape::disc>());
    case Shape::square:
      return action(std::integral_constant<Shape, Shape::square>());
    case Shape::triangle:
      return action(std::integral_constant<Shape, Shape::triangle>());
    case Shape::plus:
      return action(std::integral_constant<Shape, Shape::plus>());
    case Shape::star:
      return action(std::integral_constant<Shape, Shape::star>());
  }
}

void paint_background(const Scene& scene, const Canvas& canvas) {
  const std::int64_t side = canvas.side;
  const float step = 1.0F / static_cast<float>(side);
  // sin(a + b) from tables over columns and rows: no trigonometry per pixel.
  thread_local std::vector<float> column_sine;
  thread_local std::vector<float> column_cosine;
  column_sine.resize(static_cast<std::size_t>(side));
  column_cosine.resize(static_cast<std::size_t>(side));
  for (std::int64_t x = 0; x < side; ++x) {
    const float phase = scene.grating_x * (static_cast<float>(x) + 0.5F) * step + scene.grating_phase;
    column_sine[static_cast<std::size_t>(x)] = std::sin(phase);
    column_cosine[static_cast<std::size_t>(x)] = std::cos(phase);
  }
  const float along_x = std::cos(scene.gradient_angle);
  const float along_y = std::sin(scene.gradient_angle);
  for (std::int64_t y = 0; y < side; ++y) {
    const float v = (static_cast<float>(y) + 0.5F) * step - 0.5F;
    const float row_sine = std::sin(scene.grating_y * v) * scene.grating_strength;
    const float row_cosine = std::cos(scene.grating_y * v) * scene.grating_strength;
    for (std::size_t c = 0; c < 3; ++c) {
      float* row = canvas.planes + (static_cast<std::int64_t>(c) * side + y) * side;
      const float from = scene.background[0][c];
      const float difference = scene.background[1][c] - from;
      const float* sines = column_sine.data();
      const float* cosines = column_cosine.data();
      for (std::int64_t x = 0; x < side; ++x) {
        const float u = (static_cast<float>(static_cast<std::int32_t>(x)) + 0.5F) * step - 0.5F;
        const float position = 0.5F + 0.7F * (along_x * u + along_y * v);
        row[x] = from + difference * position + sines[x] * row_cosine + cosines[x] * row_sine;
      }
    }
  }
}

/// A band across the whole picture.
void paint_bar(const Scene& scene, const Canvas& canvas) {
  const auto side = static_cast<float>(canvas.side);
  const float nx = -std::sin(scene.bar[2]);
  const float ny = std::cos(scene.bar[2]);
  const std::int64_t area = canvas.side * canvas.side;
  for (std::int64_t y = 0; y < canvas.side; ++y) {
    const float from_row = ny * (static_cast<float>(y) + 0.5F - scene.bar[1] * side);
    float* row = canvas.planes + y * canvas.side;
    for (std::int64_t x = 0; x < canvas.side; ++x) {
      const float dx = static_cast<float>(static_cast<std::int32_t>(x)) + 0.5F - scene.bar[0] * side;
      const float inside = 0.5F - (std::fabs(nx * dx + from_row) - scene.bar[3] * side);
      const float cover = inside < 0 ? 0.0F : (inside > 1 ? 1.0F : inside);
      row[x] += cover * (scene.bar_colour[0] - row[x]);
      row[x + area] += cover * (scene.bar_colour[1] - row[x + area]);
      row[x + 2 * area] += cover * (scene.bar_colour[2] - row[x + 2 * area]);
    }
  }
}

/// (1, 2, 1) / 4 along rows, then columns; edge pixels stay.
void blur(const Canvas& canvas) {
  const std::int64_t side = canvas.side;
  thread_local std::vector<float> copy;
  for (int c = 0; c < 3; ++c) {
    float* plane = canvas.planes + c * side * side;
    copy.assign(plane, plane + side * side);
    for (std::int64_t y = 0; y < side; ++y) {
      const float* from = copy.data() + y * side;
      float* to = plane + y * side;
      for (std::int64_t x = 1; x + 1 < side; ++x) to[x] = 0.25F * (from[x - 1] + 2.0F * from[x] + from[x + 1]);
    }
    copy.assign(plane, plane + side * side);
    for (std::int64_t y = 1; y + 1 < side; ++y) {
      const float* from = copy.data() + y * side;
      float* to = plane + y * side;
      for (std::int64_t x = 0; x < side; ++x) to[x] = 0.25F * (from[x - side] + 2.0F * from[x] + from[x + side]);
    }
  }
}

}  // namespace

Colour from_hsv(double hue, double saturation, double value) {
  Colour colour;
  for (std::size_t c = 0; c < 3; ++c) {
    const double k = std::fmod(5.0 - 2.0 * static_cast<double>(c) + hue / 60.0 + 6.0, 6.0);
    const double dip = std::clamp(std::min(k, 4.0 - k), 0.0, 1.0);
    colour[c] = static_cast<float>(255.0 * value * (1.0 - saturation * dip));
  }
  return colour;
}

void paint_figure(const Figure& figure, std::int64_t side, float* planes) {
  with_shape(figure.shape, [&](auto shape) { paint<shape()>(figure, {side, planes}); });
}

void mark_figure(const Figure& figure, std::int64_t side, std::uint8_t mark_value, std::uint8_t* map) {
  with_shape(figure.shape, [&](auto shape) { mark<shape()>(figure, side, mark_value, map); });
}

std::vector<std::string> shape_class_names() {
  std::vector<std::string> names;
  for (const char* shape : {"disc", "square", "triangle", "plus", "star"}) {
    names.push_back(std::string("red ") + shape);
    names.push_back(std::string("amber ") + shape);
  }
  return names;
}

Scene draw_scene(std::int64_t label, RandomStream& random) {
  Scene scene;
  for (Colour& end : scene.background) {
    end = from_hsv(random.uniform(0, 360), random.uniform(0.0, 0.35), random.uniform(0.15, 0.6));
  }
  scene.gradient_angle = draw(random, 0, 2 * kPi);
  const float frequency = draw(random, 6, 40);
  const float direction = draw(random, 0, 2 * kPi);
  scene.grating_x = frequency * std::cos(direction);
  scene.grating_y = frequency * std::sin(direction);
  scene.grating_phase = draw(random, 0, 2 * kPi);
  scene.grating_strength = draw(random, 0, 8);
  const std::uint64_t distractors = random.below(2);
  for (std::uint64_t i = 0; i < distractors; ++i) scene.distractors.push_back(draw_distractor(random));

  Figure& figure = scene.figure;
  figure.shape = static_cast<Shape>(label / 2);
  figure.radius = draw(random, 0.34, 0.44);
  figure.x = draw(random, 0.8 * figure.radius, 1 - 0.8 * figure.radius);
  figure.y = draw(random, 0.8 * figure.radius, 1 - 0.8 * figure.radius);
  figure.angle = draw(random, -kPi / 18, kPi / 18);
  figure.stretch = std::exp(draw(random, -0.1, 0.1));
  const double hue = (label % 2 == 0 ? kRedHue : kAmberHue) + kHueDeviation * random.normal();
  figure.colour = from_hsv(std::fmod(hue + 360, 360), random.uniform(0.55, 1.0), random.uniform(0.65, 1.0));
  figure.opacity = draw(random, 0.9, 1.0);
  figure.shading = draw(random, -0.2, 0.2);

  scene.has_bar = random.below(4) == 0;
  const float offset_angle = draw(random, 0, 2 * kPi);
  const float offset = draw(random, 0.3, 1.0) * figure.radius;
  scene.bar = {figure.x + offset * std::cos(offset_angle), figure.y + offset * std::sin(offset_angle),
               draw(random, 0, kPi), draw(random, 0.02, 0.05)};
  scene.bar_colour = from_hsv(random.uniform(0, 360), random.uniform(0.0, 0.7), random.uniform(0.1, 0.9));
  for (float& factor : scene.light) factor = draw(random, 0.9, 1.1);
  scene.blurred = random.below(3) == 0;
  scene.noise = draw(random, 2, 12);
  return scene;
}

void render_scene(const Scene& scene, std::int64_t side, RandomStream& noise, std::uint8_t* planes) {
  thread_local std::vector<float> buffer;
  const std::int64_t area = side * side;
  buffer.resize(static_cast<std::size_t>(3 * area));
  const Canvas canvas{side, buffer.data()};
  paint_background(scene, canvas);
  for (const Figure& distractor : scene.distractors) paint_figure(distractor, side, canvas.planes);
  paint_figure(scene.figure, side, canvas.planes);
  if (scene.has_bar) paint_bar(scene, canvas);
  if (scene.blurred) blur(canvas);
  finish_picture(scene.light, scene.noise, side, canvas.planes, noise, planes);
}

void finish_picture(const Colour& light, float noise, std::int64_t side, const float* values, RandomStream& random,
                    std::uint8_t* planes) {
  const std::int64_t area = side * side;
  const float noise_scale = noise / 127.5F;
  std::uint8_t random_bytes[1024];
  for (std::int64_t start = 0; start < 3 * area; start += std::ssize(random_bytes)) {
    for (std::size_t i = 0; i < sizeof random_bytes; i += 8) {
      const std::uint64_t word = random.next();
      for (std::size_t b = 0; b < 8; ++b) random_bytes[i + b] = static_cast<std::uint8_t>(word >> (8 * b));
    }
    const std::int64_t end = std::min(start + std::ssize(random_bytes), 3 * area);
    for (std::int64_t i = start; i < end; ++i) {
      const float value = values[i] * light[static_cast<std::size_t>(i / area)] +
                          (static_cast<float>(random_bytes[i - start]) - 127.5F) * noise_scale;
      planes[i] = static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F) + 0.5F);
    }
  }
}

}  // namespace denseshift::data
