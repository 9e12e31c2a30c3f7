// PNG through libpng, always as four bytes a pixel.

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "core/data/image/decode.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

/// Enough for any honest text or profile chunk; a hostile one cannot take gigabytes.
constexpr png_alloc_size_t kMaxChunk = 16 << 20;

class PngReader final : public PictureReader {
 public:
  explicit PngReader(const std::string& bytes) : bytes_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    try {
      if (info_ == nullptr) throw work_error("libpng: out of memory");
      if (!read_header()) fail();
      check_picture_size(width_, height_);
    } catch (...) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw;
    }
  }
  ~PngReader() override { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  [[nodiscard]] std::int64_t width() const override { return width_; }
  [[nodiscard]] std::int64_t height() const override { return height_; }

  void decode(const Region&, std::int64_t, std::int64_t, Decoded& out) override {
    out.factor = 1;
    out.offset_x = out.offset_y = 0;
    // Interlaced rows are completed over several passes and transparent pixels may be left alone: start from black.
    out.image.resize(width_, height_);
    std::fill(out.image.pixels.begin(), out.image.pixels.end(), pack_pixel(0, 0, 0));
    if (!read_rows(out.image)) fail();
  }

 private:
  static PngReader& self(png_structp png) { return *static_cast<PngReader*>(png_get_error_ptr(png)); }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    std::snprintf(self(png).message_, sizeof message_, "%s", message);
    std::longjmp(self(png).jump_, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  static void on_read(png_structp png, png_bytep to, std::size_t size) {
    auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (size > reader.bytes_.size() - reader.position_) png_error(png, "the file ends before the image does");
    std::memcpy(to, reader.bytes_.data() + reader.position_, size);
    reader.position_ += size;
  }

  // As with JPEG: a jump out of libpng ends in `return false`, and nothing here needs a destructor.

  bool read_header() {
    if (setjmp(jump_) != 0) return false;
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, 1U << 20, 1U << 20);
    png_set_chunk_malloc_max(png_, kMaxChunk);
    png_read_info(png_, info_);
    width_ = png_get_image_width(png_, info_);
    height_ = png_get_image_height(png_, info_);
    return true;
  }

  bool read_rows(Image& image) {
    if (setjmp(jump_) != 0) return false;
    png_set_expand(png_);    // palettes and small grey depths to bytes
    png_set_strip_16(png_);  // the high byte
    png_set_gray_to_rgb(png_);
    png_set_filler(png_, 0xFF, PNG_FILLER_AFTER);  // where there is no alpha; alpha itself is ignored
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != static_cast<std::size_t>(width_) * 4)
      png_error(png_, "unexpected pixel format");
    for (int pass = 0; pass < passes; ++pass) {
      for (std::int64_t y = 0; y < height_; ++y) png_read_row(png_, reinterpret_cast<png_bytep>(image.row(y)), nullptr);
    }
    png_read_end(png_, nullptr);
    return true;
  }

  [[noreturn]] void fail() const { throw input_error(std::string("broken PNG: ") + message_); }

  const std::string& bytes_;
  std::size_t position_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  std::jmp_buf jump_{};
  char message_[200] = "";
};

}  // namespace

std::unique_ptr<PictureReader> open_png(const std::string& bytes) { return std::make_unique<PngReader>(bytes); }

}  // namespace denseshift::data
