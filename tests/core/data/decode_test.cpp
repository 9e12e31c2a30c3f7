#include "core/data/image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/data/export.h"
#include "core/util/atomic_file.h"
#include "core/util/rng.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Image decode(const std::filesystem::path& path) {
  Image image;
  PictureFile(path).decode(image);
  return image;
}

class Formats : public ::testing::TestWithParam<const char*> {};

TEST_P(Formats, DecodesAsPillowDoes) {
  const std::string name = GetParam();
  const Image actual = decode(fixture(name));
  const Image expected = decode(fixture("expected_" + name + ".png"));
  // Pillow uses libjpeg-turbo too, but another version may round a colour conversion differently.
  EXPECT_LE(largest_difference(actual, expected), name.ends_with(".jpg") ? 2 : 0);
}

INSTANTIATE_TEST_SUITE_P(All, Formats,
                         ::testing::Values("colour_420.jpg", "colour_444.jpg", "progressive.jpg", "grey.jpg",
                                           "cmyk.jpg", "png_named.jpg", "grey.png", "palette.png", "one_bit.png",
                                           "alpha.png", "colour.ppm", "grey.pgm"));

TEST(PartialDecode, GivesTheSamePixelsAsTheWholePicture) {
  for (const char* name : {"colour_420.jpg", "colour_444.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg"}) {
    const Image whole = decode(fixture(name));
    RandomStream random(8);
    for (int round = 0; round < 200; ++round) {
      Region region;
      region.width = static_cast<std::int64_t>(1 + random.below(static_cast<std::uint64_t>(whole.width)));
      region.height = static_cast<std::int64_t>(1 + random.below(static_cast<std::uint64_t>(whole.height)));
      region.x = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(whole.width - region.width + 1)));
      region.y = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(whole.height - region.height + 1)));
      Decoded part;
      PictureFile(fixture(name)).decode(region, region.width, region.height, part);
      ASSERT_EQ(part.factor, 1);
      const Box box = part.locate(region);
      Image cut;
      cut.resize(region.width, region.height);
      Image expected = cut;
      for (std::int64_t y = 0; y < region.height; ++y) {
        for (std::int64_t x = 0; x < region.width; ++x) {
          cut.row(y)[x] = part.image.row(static_cast<std::int64_t>(box.y) + y)[static_cast<std::int64_t>(box.x) + x];
          expected.row(y)[x] = whole.row(region.y + y)[region.x + x];
        }
      }
      ASSERT_EQ(largest_difference(cut, expected), 0) << name << " round " << round;
    }
  }
}

TEST(PartialDecode, LargeRegionsAreDecodedSmallerButNotBelowTheTarget) {
  Image smooth;
  smooth.resize(640, 480);
  for (std::int64_t y = 0; y < 480; ++y) {
    for (std::int64_t x = 0; x < 640; ++x) {
      smooth.row(y)[x] =
          pack_pixel(static_cast<std::uint8_t>(x * 255 / 639), static_cast<std::uint8_t>(y * 255 / 479), 128);
    }
  }
  const std::string bytes = encode_jpeg(smooth, 95);
  for (const Region region : {Region{0, 0, 640, 480}, Region{100, 37, 301, 303}, Region{333, 255, 307, 225}}) {
    for (const std::int64_t target : {20, 50, 64, 100}) {
      Decoded part;
      open_jpeg(bytes)->decode(region, target, target, part);
      const Box box = part.locate(region);
      EXPECT_LE(part.factor, 0.75);
      EXPECT_GE(box.width, static_cast<double>(target));
      EXPECT_GE(box.height, static_cast<double>(target));
      Image small;
      Image expected;
      Resizer resizer;
      resizer.resize(part.image, box, {.width = target, .height = target}, small);
      resizer.resize(smooth,
                     {static_cast<double>(region.x), static_cast<double>(region.y), static_cast<double>(region.width),
                      static_cast<double>(region.height)},
                     {.width = target, .height = target}, expected);
      EXPECT_LE(largest_difference(small, expected), 3) << "a smooth picture hardly changes";
    }
  }
}

TEST(BrokenPictures, AreInputErrorsThatBeginWithThePath) {
  const TemporaryFolder folder("decode");
  const auto error = [&](const std::string& name, const std::string& content) {
    write_file(folder / name, content);
    return error_of([&] { (void)decode(folder / name); });
  };
  EXPECT_THAT(error("text.jpg", "This is not a picture.\n"),
              AllOf(StartsWith((folder / "text.jpg").string()), HasSubstr("not an image file")));
  EXPECT_THAT(error("empty.png", ""), HasSubstr("the file is empty"));
  EXPECT_THAT(error("a.webp", std::string("RIFF\x10\0\0\0WEBPVP8 ", 16)), HasSubstr("WebP images are not supported"));
  EXPECT_THAT(error("a.tif", std::string("II*\0\0\0\0\0", 8)), HasSubstr("TIFF images are not supported"));
  EXPECT_THAT(error("huge.ppm", "P6\n100000 100000\n255\n"), HasSubstr("too large"));
  EXPECT_THAT(error("short.ppm", "P6\n10 10\n255\nabc"), HasSubstr("ends before"));
  EXPECT_THAT(error_of([&] { (void)decode(folder / "missing.jpg"); }), HasSubstr("missing.jpg"));
}

TEST(BrokenPictures, TruncationIsNoticedAtEveryLength) {
  for (const char* name : {"colour_420.jpg", "progressive.jpg", "alpha.png"}) {
    const std::string whole = read_file(fixture(name));
    // The last two bytes of a JPEG (end marker) and the last chunk of a PNG carry no picture.
    for (std::size_t size = 0; size + 13 < whole.size(); size += 3) {
      const std::string cut = whole.substr(0, size);
      ASSERT_NE(error_of([&] {
                  const auto reader = std::string_view(name).ends_with("jpg") ? open_jpeg(cut) : open_png(cut);
                  Decoded out;
                  reader->decode({0, 0, reader->width(), reader->height()}, reader->width(), reader->height(), out);
                }),
                "")
          << name << " cut to " << size << " bytes";
    }
  }
}

TEST(BrokenPictures, AnyByteMayBeWrongWithoutACrash) {
  RandomStream random(77);
  for (const char* name : {"colour_420.jpg", "progressive.jpg", "cmyk.jpg", "alpha.png", "palette.png", "grey.pgm"}) {
    const std::string whole = read_file(fixture(name));
    int refused = 0;
    for (int round = 0; round < 300; ++round) {
      std::string bytes = whole;
      const std::uint64_t flips = 1 + random.below(6);
      for (std::uint64_t i = 0; i < flips; ++i) {
        // Half of them in the header, where they hurt most.
        const std::uint64_t at =
            random.below(random.below(2) == 0 ? std::min<std::size_t>(200, bytes.size()) : bytes.size());
        bytes[at] = static_cast<char>(random.next());
      }
      try {
        const auto open = name[0] == 'g' ? open_pnm : (std::string_view(name).ends_with("jpg") ? open_jpeg : open_png);
        const auto reader = open(bytes);
        if (reader->width() * reader->height() > (1 << 22)) continue;  // legal, but slow to fill
        Decoded out;
        const std::int64_t w = std::max<std::int64_t>(1, reader->width() / 2);
        reader->decode({reader->width() - w, reader->height() / 2, w, reader->height() - reader->height() / 2}, 3, 3,
                       out);
        EXPECT_EQ(std::ssize(out.image.pixels), out.image.width * out.image.height);
      } catch (const Error&) {
        ++refused;
      }
    }
    if (std::string_view(name).ends_with("png")) {
      EXPECT_GT(refused, 200) << "PNG has checksums";
    }
  }
}

TEST(Encode, PngIsLosslessAndJpegIsClose) {
  const Image picture = decode(fixture("colour.ppm"));
  const TemporaryFolder folder("encode");
  write_file(folder / "a.png", encode_png(picture));
  EXPECT_EQ(largest_difference(decode(folder / "a.png"), picture), 0);
  write_file(folder / "a.jpg", encode_jpeg(picture, 100));
  EXPECT_LE(largest_difference(decode(folder / "a.jpg"), picture), 6);
}

}  // namespace
}  // namespace denseshift::data
