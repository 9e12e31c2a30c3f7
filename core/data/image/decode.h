#pragma once
// Pictures from files: JPEG (libjpeg-turbo), PNG (libpng) and binary PGM/PPM, told apart by content, not by name.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/data/image/image.h"
#include "core/data/image/resize.h"

namespace denseshift::data {

/// Larger pictures are refused: they are mistakes or attacks. Pixels.
inline constexpr std::int64_t kMaxPixels = std::int64_t{1} << 27;

/// A rectangle of whole pixels in the picture of a file.
struct Region {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

/// Pixels of a file, possibly only a part of it and at reduced size.
struct Decoded {
  Image image;
  double factor = 1;          ///< decoded pixels per pixel of the file, at most 1
  std::int64_t offset_x = 0;  ///< column of the (reduced) picture that is column 0 of `image`
  std::int64_t offset_y = 0;

  /// Where a rectangle of the file's picture lies in `image`.
  [[nodiscard]] Box locate(const Region& region) const {
    return {static_cast<double>(region.x) * factor - static_cast<double>(offset_x),
            static_cast<double>(region.y) * factor - static_cast<double>(offset_y),
            static_cast<double>(region.width) * factor, static_cast<double>(region.height) * factor};
  }
};

/// How one format is read. Errors carry no path; PictureFile adds it.
class PictureReader {
 public:
  virtual ~PictureReader() = default;
  [[nodiscard]] virtual std::int64_t width() const = 0;
  [[nodiscard]] virtual std::int64_t height() const = 0;
  /// Decodes at least `region`. When that will be scaled to less than half in both directions (to target_width x
  /// target_height), it may be decoded at reduced size, but not below the target. Call once.
  virtual void decode(const Region& region, std::int64_t target_width, std::int64_t target_height, Decoded& out) = 0;
};

/// Readers keep a reference to `bytes`.
[[nodiscard]] std::unique_ptr<PictureReader> open_jpeg(const std::string& bytes);
[[nodiscard]] std::unique_ptr<PictureReader> open_png(const std::string& bytes);
[[nodiscard]] std::unique_ptr<PictureReader> open_pnm(const std::string& bytes);

/// A picture file whose header has been read. Every error is an input error that begins with the path.
class PictureFile {
 public:
  explicit PictureFile(const std::filesystem::path& path);
  [[nodiscard]] std::int64_t width() const { return reader_->width(); }
  [[nodiscard]] std::int64_t height() const { return reader_->height(); }
  /// As PictureReader::decode(). Call once.
  void decode(const Region& region, std::int64_t target_width, std::int64_t target_height, Decoded& out);
  /// The whole picture at full size.
  void decode(Image& out);

 private:
  std::filesystem::path path_;
  std::string bytes_;
  std::unique_ptr<PictureReader> reader_;
};

/// Throws an input error when a header's numbers are not those of a usable picture.
void check_picture_size(std::int64_t width, std::int64_t height);

}  // namespace denseshift::data
