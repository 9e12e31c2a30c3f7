#pragma once
// SVG to PNG. librsvg and what it stands on take as long to load as the rest of the program, so they are in a module of
// their own, libdenseshift_render.so, opened when a PNG is asked for.

#include <cstddef>
#include <string>

namespace denseshift::cli {

/// How large the picture gets.
struct PngSize {
  double scale = 2;  ///< pixels for each unit of the drawing
  int width = 0;     ///< pixels; not 0: decides instead of `scale`
};

/// The PNG file of a drawing. Throws a usage error when the program was built without librsvg or the picture would be
/// larger than 20,000 pixels a side, a work error when it cannot be rendered.
[[nodiscard]] std::string render_png(const std::string& svg, const PngSize& size = {});

}  // namespace denseshift::cli

extern "C" {
/// Gets the bytes of the picture, piece by piece. `target` is the caller's.
using denseshift_render_sink = void (*)(void* target, const unsigned char* bytes, std::size_t size);

/// What the module exports. Sizes are bytes and pixels; `height` 0 follows from `width`, and `width` 0 from `scale`.
/// Returns 0; 1 with a message in `error` (at most `error_size` bytes with the final zero) otherwise. No exception
/// leaves it.
int denseshift_render_png(const char* svg, std::size_t size, double scale, int width, int largest,
                          denseshift_render_sink sink, void* target, char* error, std::size_t error_size);
}
