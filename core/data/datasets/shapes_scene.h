#pragma once
// The pictures of the `shapes` dataset: one figure in clutter, drawn from random numbers.
//
// The label is shape x colour: {disc, square, triangle, plus, star} x {red, amber}. What else is in the picture is
// there to be ignored: position, size, rotation and stretch of the figure, its shading and transparency, a background
// of gradient and grating, smaller figures of other hues, a bar that hides part of the figure, the colour of the light,
// blur and noise. The two hues overlap a little and the light shifts both, so no network reaches 100 %.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/util/rng.h"

namespace denseshift::data {

enum class Shape { disc, square, triangle, plus, star };

inline constexpr std::int64_t kShapeCount = 5;
inline constexpr std::int64_t kShapeClasses = 2 * kShapeCount;

/// "red disc", "amber disc", "red square", ...
[[nodiscard]] std::vector<std::string> shape_class_names();

/// Red, green and blue, 0 to 255.
using Colour = std::array<float, 3>;

/// One figure; lengths in units of the picture's side.
struct Figure {
  Shape shape = Shape::disc;
  float x = 0.5F;
  float y = 0.5F;
  float radius = 0.2F;
  float angle = 0;    ///< radians
  float stretch = 1;  ///< width over height, at equal area
  Colour colour{};
  float opacity = 1;
  float shading = 0;  ///< relative change of brightness from one end to the other
};

/// Everything in a picture except its noise.
struct Scene {
  std::array<Colour, 2> background{};  ///< at the two ends of the gradient
  float gradient_angle = 0;
  float grating_x = 0;  ///< radians per side
  float grating_y = 0;
  float grating_phase = 0;
  float grating_strength = 0;
  std::vector<Figure> distractors;  ///< behind the figure
  Figure figure;
  bool has_bar = false;
  std::array<float, 4> bar{};  ///< centre x, y, angle, half-width: hides everything under it
  Colour bar_colour{};
  Colour light{1, 1, 1};  ///< factor per colour
  bool blurred = false;
  float noise = 0;  ///< half-width of uniform noise, in grey levels
};

/// Draws the parameters of a picture with the given label.
[[nodiscard]] Scene draw_scene(std::int64_t label, RandomStream& random);

/// Paints a scene as three planes of side x side bytes. Edges are antialiased at any size.
void render_scene(const Scene& scene, std::int64_t side, RandomStream& noise, std::uint8_t* planes);

/// Hue in degrees from 0 to 360; saturation and value in [0, 1].
[[nodiscard]] Colour from_hsv(double hue, double saturation, double value);

/// Paints one figure over three planes of side x side values.
void paint_figure(const Figure& figure, std::int64_t side, float* planes);

/// Writes `mark` to every one of side x side bytes whose centre the figure covers.
void mark_figure(const Figure& figure, std::int64_t side, std::uint8_t mark, std::uint8_t* map);

/// Multiplies three planes of side x side values by the light, adds uniform noise of that half-width in grey levels and
/// rounds to bytes.
void finish_picture(const Colour& light, float noise, std::int64_t side, const float* values, RandomStream& random,
                    std::uint8_t* planes);

}  // namespace denseshift::data
