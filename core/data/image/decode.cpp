#include "core/data/image/decode.h"

#include <array>
#include <string_view>

#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

/// How files of a format begin.
struct Magic {
  std::string_view bytes;
  std::size_t offset = 0;
  const char* name = "";
  std::unique_ptr<PictureReader> (*open)(const std::string&) = nullptr;  ///< null: known, but not read here
};

constexpr std::array<Magic, 9> kMagics{{
    {"\xFF\xD8\xFF", 0, "JPEG", open_jpeg},
    {"\x89PNG\r\n\x1A\n", 0, "PNG", open_png},
    {"P5", 0, "PGM", open_pnm},
    {"P6", 0, "PPM", open_pnm},
    {"WEBP", 8, "WebP"},
    {"BM", 0, "BMP"},
    {"GIF8", 0, "GIF"},
    {"II*", 0, "TIFF"},
    {"MM", 0, "TIFF"},
}};

std::unique_ptr<PictureReader> open_reader(const std::string& bytes) {
  if (bytes.empty()) throw input_error("the file is empty");
  const std::string_view content = bytes;
  for (const Magic& magic : kMagics) {
    if (content.size() < magic.offset || content.substr(magic.offset, magic.bytes.size()) != magic.bytes) continue;
    if (magic.open != nullptr) return magic.open(bytes);
    throw input_error(std::string(magic.name) + " images are not supported", "convert it to JPEG or PNG");
  }
  throw input_error("not an image file", "remove the file or replace it by a JPEG or PNG");
}

/// Runs `action`; its errors get the path in front.
template <class Action>
auto naming(const std::filesystem::path& path, Action action) {
  try {
    return action();
  } catch (const Error& error) {
    throw input_error(path.string() + ": " + error.what(), error.hint());
  }
}

}  // namespace

void check_picture_size(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1) throw input_error("broken image: no pixels");
  if (height > kMaxPixels / width) {
    throw input_error("image of " + std::to_string(width) + " x " + std::to_string(height) + " pixels is too large");
  }
}

PictureFile::PictureFile(const std::filesystem::path& path) : path_(path), bytes_(read_file(path)) {
  reader_ = naming(path_, [this] { return open_reader(bytes_); });
}

void PictureFile::decode(const Region& region, std::int64_t target_width, std::int64_t target_height, Decoded& out) {
  naming(path_, [&] { reader_->decode(region, target_width, target_height, out); });
}

void PictureFile::decode(Image& out) {
  Decoded decoded;
  decode({0, 0, width(), height()}, width(), height(), decoded);
  out = std::move(decoded.image);
}

}  // namespace denseshift::data
