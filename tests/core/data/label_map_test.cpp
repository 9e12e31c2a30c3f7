#include "core/data/image/label_map.h"

#include <gmock/gmock.h>
#include <png.h>

#include <fstream>
#include <set>

#include "core/data/export.h"
#include "core/data/image/decode.h"
#include "core/util/rng.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::HasSubstr;

std::filesystem::path write_bytes(const TemporaryFolder& folder, const std::string& bytes) {
  const std::filesystem::path path = folder / "map.png";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

/// A PNG of any colour type and depth from its packed rows.
std::string encode_rows(int width, int height, int depth, int colour_type, const std::vector<std::uint8_t>& rows,
                        bool interlaced = false) {
  std::string bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp p, png_bytep data, std::size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<const char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), depth, colour_type,
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  const std::vector<png_color> palette(std::size_t{1} << depth % 16, png_color{1, 2, 3});
  if (colour_type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  png_write_info(png, info);
  const std::size_t row_bytes = png_get_rowbytes(png, info);
  const int passes = png_set_interlace_handling(png);
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < height; ++y) png_write_row(png, rows.data() + static_cast<std::size_t>(y) * row_bytes);
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

TEST(LabelMap, ColoursAreThoseOfVoc) {
  EXPECT_EQ(voc_colour(0), pack_pixel(0, 0, 0));
  EXPECT_EQ(voc_colour(1), pack_pixel(128, 0, 0));
  EXPECT_EQ(voc_colour(2), pack_pixel(0, 128, 0));
  EXPECT_EQ(voc_colour(15), pack_pixel(192, 128, 128)) << "person";
  EXPECT_EQ(voc_colour(20), pack_pixel(0, 64, 128)) << "tvmonitor";
  EXPECT_EQ(voc_colour(255), pack_pixel(224, 224, 192));
  std::set<Pixel> all;
  for (int label = 0; label < 256; ++label) all.insert(voc_colour(static_cast<std::uint8_t>(label)));
  EXPECT_EQ(all.size(), 256u);
}

TEST(LabelMap, ComesBackFromItsPngAndLooksLikeThePalette) {
  const TemporaryFolder folder("labels");
  RandomStream random(1);
  for (const std::int64_t width : {1, 17, 256}) {
    LabelMap map{.width = width, .height = 40};
    for (std::int64_t i = 0; i < width * 40; ++i) map.labels.push_back(static_cast<std::uint8_t>(random.below(256)));
    const auto path = write_bytes(folder, encode_label_png(map));
    const LabelMap read = read_label_png(path);
    EXPECT_EQ(read.width, width);
    EXPECT_EQ(read.height, 40);
    EXPECT_EQ(read.labels, map.labels);
    Image picture;
    PictureFile(path).decode(picture);
    for (std::size_t i = 0; i < map.labels.size(); ++i) EXPECT_EQ(picture.pixels[i], voc_colour(map.labels[i]));
  }
  EXPECT_THROW((void)encode_label_png({.width = 2, .height = 2, .labels = {1}}), std::invalid_argument);
}

TEST(LabelMap, ReadsPaletteAndGreyOfEveryDepth) {
  const TemporaryFolder folder("labels");
  for (const int type : {PNG_COLOR_TYPE_PALETTE, PNG_COLOR_TYPE_GRAY}) {
    for (const bool interlaced : {false, true}) {
      const auto read = [&](int depth, const std::vector<std::uint8_t>& rows) {
        return read_label_png(write_bytes(folder, encode_rows(4, 2, depth, type, rows, interlaced))).labels;
      };
      EXPECT_THAT(read(8, {0, 1, 2, 255, 4, 5, 6, 7}), ::testing::ElementsAre(0, 1, 2, 255, 4, 5, 6, 7));
      EXPECT_THAT(read(4, {0x0F, 0x21, 0x43, 0x65}), ::testing::ElementsAre(0, 15, 2, 1, 4, 3, 6, 5))
          << "values are not stretched to 8 bits";
      EXPECT_THAT(read(2, {0x1B, 0xE4}), ::testing::ElementsAre(0, 1, 2, 3, 3, 2, 1, 0));
      EXPECT_THAT(read(1, {0xA0, 0x50}), ::testing::ElementsAre(1, 0, 1, 0, 0, 1, 0, 1));
    }
  }
}

TEST(LabelMap, RefusesWhatHasNoLabels) {
  const TemporaryFolder folder("labels");
  const auto complaint = [&](const std::string& bytes) {
    const auto path = write_bytes(folder, bytes);
    const std::string message = error_of([&] { (void)read_label_png(path); });
    EXPECT_THAT(message, HasSubstr(path.string() + ": "));
    return message;
  };
  const std::vector<std::uint8_t> rows(64);
  for (const int type : {PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA, PNG_COLOR_TYPE_GRAY_ALPHA}) {
    EXPECT_THAT(complaint(encode_rows(4, 2, 8, type, rows)), HasSubstr("neither a palette"));
  }
  EXPECT_THAT(complaint(encode_rows(4, 2, 16, PNG_COLOR_TYPE_GRAY, rows)), HasSubstr("neither a palette"));
  complaint("");
  complaint("not a PNG at all");
  Image picture;
  picture.resize(3, 3);
  complaint(encode_jpeg(picture, 90));
  EXPECT_THAT(error_of([&] { (void)read_label_png(folder / "absent.png"); }), HasSubstr("absent.png"));
}

TEST(LabelMap, DamagedFilesNeverDoHarm) {
  const TemporaryFolder folder("labels");
  LabelMap map{.width = 33, .height = 9};
  for (int i = 0; i < 33 * 9; ++i) map.labels.push_back(static_cast<std::uint8_t>(i));
  const std::string good = encode_label_png(map);
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomStream random(seed);
    std::string bytes = good.substr(0, random.below(3) == 0 ? random.below(good.size()) : good.size());
    if (!bytes.empty()) bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    const auto path = write_bytes(folder, bytes);
    refused += !error_of([&] { (void)read_label_png(path); }).empty();
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace denseshift::data
