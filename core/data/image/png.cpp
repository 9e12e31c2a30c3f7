// PNG through libpng: pictures as four bytes a pixel, label maps as one.

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "core/data/image/decode.h"
#include "core/data/image/label_map.h"
#include "core/util/atomic_file.h"
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

  /// Palette indices or grey values as they are stored.
  void decode_labels(LabelMap& out) {
    const auto kind = png_get_color_type(png_, info_);
    if ((kind != PNG_COLOR_TYPE_PALETTE && kind != PNG_COLOR_TYPE_GRAY) || png_get_bit_depth(png_, info_) > 8) {
      throw input_error("neither a palette nor a grey image of 8 bits",
                        "store the labels themselves, not their colours");
    }
    out.width = width_;
    out.height = height_;
    out.labels.assign(static_cast<std::size_t>(width_ * height_), 0);
    if (!read_label_rows(out)) fail();
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
    read_passes(passes, reinterpret_cast<png_bytep>(image.pixels.data()), static_cast<std::size_t>(width_) * 4);
    return true;
  }

  bool read_label_rows(LabelMap& map) {
    if (setjmp(jump_) != 0) return false;
    png_set_packing(png_);  // one byte a pixel at any depth, values unchanged
    read_passes(png_set_interlace_handling(png_), map.labels.data(), static_cast<std::size_t>(width_));
    return true;
  }

  void read_passes(int passes, png_bytep rows, std::size_t row_bytes) {
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != row_bytes) png_error(png_, "unexpected pixel format");
    for (int pass = 0; pass < passes; ++pass) {
      for (std::int64_t y = 0; y < height_; ++y) {
        png_read_row(png_, rows + static_cast<std::size_t>(y) * row_bytes, nullptr);
      }
    }
    png_read_end(png_, nullptr);
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

LabelMap read_label_png(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  LabelMap map;
  try {
    PngReader(bytes).decode_labels(map);
  } catch (const Error& error) {
    throw input_error(path.string() + ": " + error.what(), error.hint());
  }
  return map;
}

}  // namespace denseshift::data
