// JPEG through libjpeg-turbo: only the blocks under the wanted region are transformed, and large regions are decoded at
// n/8 of their size.

#include <csetjmp>
#include <cstddef>
#include <cstdio>
//
#include <jpeglib.h>
//
#include <jerror.h>

#include <algorithm>

#include "core/data/image/decode.h"
#include "core/util/error.h"

#ifndef JCS_EXTENSIONS
#error "denseshift needs libjpeg-turbo: another libjpeg cannot write four-byte pixels or skip rows"
#endif

namespace denseshift::data {
namespace {

/// Progressive files with more scans than any encoder writes exist only to burn time.
constexpr int kMaxScans = 500;

/// libjpeg reports errors through callbacks that must not return; jumping back keeps C++ exceptions out of C frames.
struct ErrorManager {
  jpeg_error_mgr base;  // first member: libjpeg hands back a pointer to it
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

ErrorManager& manager(j_common_ptr info) { return *reinterpret_cast<ErrorManager*>(info->err); }

[[noreturn]] void on_error(j_common_ptr info) {
  info->err->format_message(info, manager(info).message);
  std::longjmp(manager(info).jump, 1);
}

/// Warnings pass (real collections are full of harmless ones), except that the file ends before the picture does.
void on_message(j_common_ptr info, int level) {
  if (level >= 0 || info->err->msg_code != JWRN_JPEG_EOF) return;
  std::snprintf(manager(info).message, JMSG_LENGTH_MAX, "the file ends before the image does");
  std::longjmp(manager(info).jump, 1);
}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  std::snprintf(manager(info).message, JMSG_LENGTH_MAX, "too many scans");
  std::longjmp(manager(info).jump, 1);
}

/// Pixels beside the region that colour upsampling looks at.
constexpr std::int64_t kMargin = 2;

class JpegReader final : public PictureReader {
 public:
  explicit JpegReader(const std::string& bytes) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = on_message;
    progress_.progress_monitor = on_progress;
    if (!read_header(bytes)) {
      jpeg_destroy_decompress(&info_);
      fail();
    }
    try {
      check_picture_size(width(), height());
    } catch (...) {
      jpeg_destroy_decompress(&info_);
      throw;
    }
  }
  ~JpegReader() override { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  [[nodiscard]] std::int64_t width() const override { return info_.image_width; }
  [[nodiscard]] std::int64_t height() const override { return info_.image_height; }

  void decode(const Region& region, std::int64_t target_width, std::int64_t target_height, Decoded& out) override {
    const int eighths = choose_scale(region, target_width, target_height);
    out.factor = eighths / 8.0;
    if (!start(eighths)) fail();
    const auto scaled = [eighths](std::int64_t value, int round_up) { return (value * eighths + 7 * round_up) / 8; };
    const auto full_width = static_cast<std::int64_t>(info_.output_width);
    const auto full_height = static_cast<std::int64_t>(info_.output_height);
    const std::int64_t left = std::max<std::int64_t>(0, scaled(region.x, 0) - kMargin);
    const std::int64_t right = std::min(full_width, scaled(region.x + region.width, 1) + kMargin);
    out.offset_y = scaled(region.y, 0);
    const std::int64_t bottom = std::min(full_height, scaled(region.y + region.height, 1));
    auto first = static_cast<JDIMENSION>(left);
    auto columns = static_cast<JDIMENSION>(right - left);
    if (!crop(first, columns)) fail();
    out.offset_x = first;
    out.image.resize(columns, bottom - out.offset_y);
    if (!read_rows(static_cast<JDIMENSION>(out.offset_y), out.image)) fail();
    if (info_.out_color_space == JCS_CMYK) convert_cmyk(out.image);
  }

 private:
  /// Smallest n of n/8 that keeps the region at or above its target; 8 unless it shrinks to half or less both ways.
  static int choose_scale(const Region& region, std::int64_t target_width, std::int64_t target_height) {
    if (region.width < 2 * target_width || region.height < 2 * target_height) return 8;
    int eighths = 1;
    while (region.width * eighths < 8 * target_width || region.height * eighths < 8 * target_height) ++eighths;
    return eighths;
  }

  // The functions below return false after a jump out of libjpeg. They own nothing that would need a destructor.

  bool read_header(const std::string& bytes) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool start(int eighths) {
    if (setjmp(errors_.jump) != 0) return false;
    const bool four_inks = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = four_inks ? JCS_CMYK : JCS_EXT_RGBX;
    info_.scale_num = static_cast<unsigned>(eighths);
    info_.scale_denom = 8;
    jpeg_start_decompress(&info_);
    return true;
  }

  bool crop(JDIMENSION& first, JDIMENSION& columns) {
    if (setjmp(errors_.jump) != 0) return false;
    if (columns < info_.output_width) jpeg_crop_scanline(&info_, &first, &columns);
    return true;
  }

  bool read_rows(JDIMENSION top, Image& image) {
    if (setjmp(errors_.jump) != 0) return false;
    if (top > 0) jpeg_skip_scanlines(&info_, top);
    const JDIMENSION bottom = top + static_cast<JDIMENSION>(image.height);
    while (info_.output_scanline < bottom) {
      auto* row = reinterpret_cast<JSAMPROW>(image.row(static_cast<std::int64_t>(info_.output_scanline - top)));
      jpeg_read_scanlines(&info_, &row, 1);
    }
    return true;
  }

  /// Inks are stored inverted (the Adobe convention, which everybody follows): light left by an ink times that of
  /// black.
  static void convert_cmyk(Image& image) {
    for (Pixel& pixel : image.pixels) {
      const unsigned black = pixel >> 24;
      const auto mix = [&](int c) { return static_cast<std::uint8_t>((channel_of(pixel, c) * black + 127) / 255); };
      pixel = pack_pixel(mix(0), mix(1), mix(2));
    }
  }

  [[noreturn]] void fail() const { throw input_error(std::string("broken JPEG: ") + errors_.message); }

  ErrorManager errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

std::unique_ptr<PictureReader> open_jpeg(const std::string& bytes) { return std::make_unique<JpegReader>(bytes); }

}  // namespace denseshift::data
