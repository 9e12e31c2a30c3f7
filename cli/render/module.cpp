// The module behind cli/render_module.h.

#include <cairo.h>
#include <librsvg/rsvg.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <new>

#include "cli/render_module.h"

namespace {

struct Free {
  void operator()(RsvgHandle* handle) const { g_object_unref(handle); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};

struct Output {
  denseshift_render_sink sink;
  void* target;
};

int fail(char* error, std::size_t size, const char* message) {
  std::snprintf(error, size, "%s", message);
  return 1;
}

/// The same for GLib's errors, which are freed.
int fail(char* error, std::size_t size, GError* reason) {
  fail(error, size, reason != nullptr ? reason->message : "unknown error");
  g_clear_error(&reason);
  return 1;
}

cairo_status_t write_piece(void* closure, const unsigned char* bytes, unsigned int count) {
  const auto* output = static_cast<const Output*>(closure);
  try {
    output->sink(output->target, bytes, count);
    return CAIRO_STATUS_SUCCESS;
  } catch (const std::bad_alloc&) {
    return CAIRO_STATUS_NO_MEMORY;
  }
}

}  // namespace

extern "C" int denseshift_render_png(const char* svg, std::size_t size, double scale, int width, int largest,
                                     denseshift_render_sink sink, void* target, char* error, std::size_t error_size) {
  GError* reason = nullptr;
  const std::unique_ptr<RsvgHandle, Free> handle(
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(svg), size, &reason));
  if (!handle) return fail(error, error_size, reason);
  double units_wide = 0;
  double units_high = 0;
  if (rsvg_handle_get_intrinsic_size_in_pixels(handle.get(), &units_wide, &units_high) == 0 || units_wide <= 0) {
    return fail(error, error_size, "the drawing has no size");
  }
  if (width > 0) scale = width / units_wide;
  const double pixels_wide = std::round(units_wide * scale);
  const double pixels_high = std::round(units_high * scale);
  if (!(pixels_wide >= 1 && pixels_high >= 1 && pixels_wide <= largest && pixels_high <= largest)) {
    return fail(error, error_size, "its sides must be from 1 to 20000 pixels");
  }
  const std::unique_ptr<cairo_surface_t, Free> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(pixels_wide), static_cast<int>(pixels_high)));
  const std::unique_ptr<cairo_t, Free> context(cairo_create(surface.get()));
  const RsvgRectangle viewport{0, 0, pixels_wide, pixels_high};
  if (rsvg_handle_render_document(handle.get(), context.get(), &viewport, &reason) == 0) {
    return fail(error, error_size, reason);
  }
  Output output{sink, target};
  const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), write_piece, &output);
  return status == CAIRO_STATUS_SUCCESS ? 0 : fail(error, error_size, cairo_status_to_string(status));
}
