// Binary PGM (P5) and PPM (P6) with one byte a value: three numbers of text, then the pixels.

#include <cctype>

#include "core/data/image/decode.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

class PnmReader final : public PictureReader {
 public:
  explicit PnmReader(const std::string& bytes) : bytes_(bytes), channels_(bytes[1] == '6' ? 3 : 1) {
    width_ = number();
    height_ = number();
    const std::int64_t maximum = number();
    ++position_;  // exactly one space before the pixels
    check_picture_size(width_, height_);
    if (maximum != 255) throw input_error("PGM/PPM images with a maximum other than 255 are not supported");
    const auto needed = static_cast<std::size_t>(width_ * height_ * channels_);
    if (position_ > bytes_.size() || bytes_.size() - position_ < needed) {
      throw input_error("broken PGM/PPM: the file ends before the image does");
    }
  }

  [[nodiscard]] std::int64_t width() const override { return width_; }
  [[nodiscard]] std::int64_t height() const override { return height_; }

  void decode(const Region&, std::int64_t, std::int64_t, Decoded& out) override {
    out.factor = 1;
    out.offset_x = out.offset_y = 0;
    out.image.resize(width_, height_);
    const auto* from = reinterpret_cast<const std::uint8_t*>(bytes_.data() + position_);
    for (Pixel& pixel : out.image.pixels) {
      pixel = channels_ == 1 ? pack_pixel(from[0], from[0], from[0]) : pack_pixel(from[0], from[1], from[2]);
      from += channels_;
    }
  }

 private:
  /// The next number of the header; comments run from '#' to the end of the line.
  std::int64_t number() {
    while (position_ < bytes_.size()) {
      if (bytes_[position_] == '#') {
        while (position_ < bytes_.size() && bytes_[position_] != '\n') ++position_;
      } else if (std::isspace(static_cast<unsigned char>(bytes_[position_])) != 0) {
        ++position_;
      } else {
        break;
      }
    }
    std::int64_t value = 0;
    const std::size_t begin = position_;
    while (position_ < bytes_.size() && std::isdigit(static_cast<unsigned char>(bytes_[position_])) != 0) {
      value = value * 10 + (bytes_[position_++] - '0');
      if (value > kMaxPixels) break;
    }
    if (position_ == begin) throw input_error("broken PGM/PPM: no size in the header");
    return value;
  }

  const std::string& bytes_;
  std::size_t position_ = 2;
  std::int64_t channels_;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
};

}  // namespace

std::unique_ptr<PictureReader> open_pnm(const std::string& bytes) { return std::make_unique<PnmReader>(bytes); }

}  // namespace denseshift::data
