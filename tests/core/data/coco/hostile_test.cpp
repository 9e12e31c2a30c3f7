// Files that lie, are cut or were never JSON: one line that names file and entry, and nothing else happens.

#include <gmock/gmock.h>

#include <functional>

#include "core/data/coco/annotations.h"
#include "core/data/coco/results.h"
#include "core/util/rng.h"
#include "tests/core/data/coco/coco_files.h"

namespace denseshift::data::coco {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// What is changed in small_instances() and what the message must say.
struct Damage {
  const char* name;
  std::function<void(json&)> apply;
  const char* entry;
  const char* message;
};

json& annotation(json& file, std::size_t index) { return file["annotations"][index]; }

const Damage kDamages[] = {
    {"MissingPicture", [](json& f) { annotation(f, 0)["image_id"] = 6; }, "annotation 900100581904", "no image 6"},
    {"UnknownCategory", [](json& f) { annotation(f, 1)["category_id"] = 2; }, "annotation 1:", "no category 2"},
    {"AnnotationTwice", [](json& f) { annotation(f, 2)["id"] = 1; }, "annotation 1:", "twice"},
    {"ImageTwice", [](json& f) { f["images"][1]["id"] = 9000000000; }, "image 9000000000", "twice"},
    {"CategoryTwice", [](json& f) { f["categories"][1]["id"] = 90; }, "category 90", "twice"},
    {"BoxOutside",
     [](json& f) {
       annotation(f, 3)["bbox"] = {100, 100, 5, 5};
     },
     "annotation 3:", "outside of picture 5"},
    {"BoxHangsOver",
     [](json& f) {
       annotation(f, 0)["bbox"] = {1, 1, 20, 2};
     },
     "annotation 900100581904", "outside"},
    {"BoxBefore",
     [](json& f) {
       annotation(f, 3)["bbox"] = {-3, 0, 3, 3};
     },
     "annotation 3:", "outside"},
    {"BoxEmpty",
     [](json& f) {
       annotation(f, 3)["bbox"] = {1, 1, 0, 0};
     },
     "annotation 3:", "empty"},
    {"BoxNegative",
     [](json& f) {
       annotation(f, 3)["bbox"] = {1, 1, -2, 2};
     },
     "annotation 3:", "negative"},
    {"BoxOfThree",
     [](json& f) {
       annotation(f, 3)["bbox"] = {1, 1, 2};
     },
     "annotation 3:", "four numbers"},
    {"BoxOfTexts",
     [](json& f) {
       annotation(f, 3)["bbox"] = {1, 1, "2", 2};
     },
     "annotation 3:", "not a number"},
    {"BoxIsNull", [](json& f) { annotation(f, 3)["bbox"] = nullptr; }, "annotation 3:", "'bbox'"},
    {"BoxMissing", [](json& f) { annotation(f, 3).erase("bbox"); }, "annotation 3:", "'bbox' is missing"},
    {"AreaNegative", [](json& f) { annotation(f, 3)["area"] = -1; }, "annotation 3:", "area"},
    {"AreaMissing", [](json& f) { annotation(f, 3).erase("area"); }, "annotation 3:", "'area' is missing"},
    {"IdMissing", [](json& f) { annotation(f, 3).erase("id"); }, "entry 4 of 'annotations'", "'id' is missing"},
    {"IdIsText", [](json& f) { annotation(f, 3)["id"] = "3"; }, "entry 4 of 'annotations'", "whole number"},
    {"IdIsHalf", [](json& f) { annotation(f, 3)["id"] = 3.5; }, "entry 4 of 'annotations'", "whole number"},
    {"IdTooLarge", [](json& f) { annotation(f, 3)["id"] = UINT64_MAX; }, "18446744073709551615", "64 bits"},
    {"CrowdOfTwo", [](json& f) { annotation(f, 3)["iscrowd"] = 2; }, "annotation 3:", "iscrowd"},
    {"ImageWithoutPixels", [](json& f) { f["images"][1]["width"] = 0; }, "image 5:", "no pixels"},
    {"ImageTooLarge", [](json& f) { f["images"][1]["width"] = 1LL << 40; }, "image 5:", "too large"},
    {"ImageOfHalfASize", [](json& f) { f["images"][1].erase("height"); }, "image 5:", "'height' is missing"},
    {"FileNameIsNumber", [](json& f) { f["images"][1]["file_name"] = 5; }, "image 5:", "file_name"},
    {"CategoryWithoutName", [](json& f) { f["categories"][0].erase("name"); }, "category 90:", "'name'"},
    {"RunsTooShort",
     [](json& f) {
       annotation(f, 1)["segmentation"]["counts"] = {2, 3, 10};
     },
     "annotation 1:", "less"},
    {"RunsTooLong",
     [](json& f) {
       annotation(f, 1)["segmentation"]["counts"] = {2, 3, 12};
     },
     "annotation 1:", "more"},
    {"RunsNegative",
     [](json& f) {
       annotation(f, 1)["segmentation"]["counts"] = {2, -3, 17};
     },
     "annotation 1:", "negative"},
    {"RunsOverflow",
     [](json& f) {
       annotation(f, 1)["segmentation"]["counts"] = {4294967297LL, 15};
     },
     "annotation 1:", "too large"},
    {"RunsOfHalves",
     [](json& f) {
       annotation(f, 1)["segmentation"]["counts"] = {2.5, 13.5};
     },
     "annotation 1:", "whole"},
    {"RunsOfTexts",
     [](json& f) {
       annotation(f, 1)["segmentation"]["counts"] = {"2", "14"};
     },
     "annotation 1:", "number"},
    {"RunsMissing", [](json& f) { annotation(f, 1)["segmentation"].erase("counts"); }, "annotation 1:", "counts"},
    {"RunsWithoutSize", [](json& f) { annotation(f, 1)["segmentation"].erase("size"); }, "annotation 1:", "size"},
    {"RunsOfThreeSides",
     [](json& f) {
       annotation(f, 1)["segmentation"]["size"] = {4, 2, 2};
     },
     "annotation 1:", "size"},
    {"RunsOfHugeSize",
     [](json& f) {
       annotation(f, 1)["segmentation"]["size"] = {1e8, 1e8};
     },
     "annotation 1:", "too large"},
    {"RunsOfOtherSize",
     [](json& f) {
       annotation(f, 1)["segmentation"]["size"] = {2, 8};
     },
     "annotation 1:", "does not fit"},
    {"TextOutsideAlphabet", [](json& f) { annotation(f, 2)["segmentation"]["counts"] = "53 2O0M"; },
     "annotation 2:", "alphabet"},
    {"TextCut", [](json& f) { annotation(f, 2)["segmentation"]["counts"] = "5302o"; }, "annotation 2:", "ends inside"},
    {"TextTooLarge", [](json& f) { annotation(f, 2)["segmentation"]["counts"] = "oooooooooooooooo0"; },
     "annotation 2:", "too large"},
    {"TextNegative", [](json& f) { annotation(f, 2)["segmentation"]["counts"] = "O"; }, "annotation 2:", "negative"},
    {"TextShort", [](json& f) { annotation(f, 2)["segmentation"]["counts"] = "53"; }, "annotation 2:", "less"},
    {"TextEmpty", [](json& f) { annotation(f, 2)["segmentation"]["counts"] = ""; }, "annotation 2:", "less"},
    {"PolygonOfTwoPoints",
     [](json& f) {
       annotation(f, 0)["segmentation"] = {{1, 1, 2, 2}};
     },
     "annotation 900100581904:", "three points"},
    {"PolygonWithoutY",
     [](json& f) {
       annotation(f, 0)["segmentation"] = {{1, 1, 2, 2, 3, 3, 4}};
     },
     "annotation 900100581904:", "without y"},
    {"PolygonHuge",
     [](json& f) {
       annotation(f, 0)["segmentation"] = {{0, 0, 1e300, 0, 5, 5}};
     },
     "annotation 900100581904:", "far outside"},
    {"PolygonFar",
     [](json& f) {
       annotation(f, 0)["segmentation"] = {{0, 0, 5000, 0, 5, 5}};
     },
     "annotation 900100581904:", "far outside"},
    {"PolygonIsNumber", [](json& f) { annotation(f, 0)["segmentation"] = {1, 2, 3, 4, 5, 6}; },
     "annotation 900100581904:", "polygon"},
    {"PolygonOfTexts",
     [](json& f) {
       annotation(f, 0)["segmentation"] = {{"1", 2, 3, 4, 5, 6}};
     },
     "annotation 900100581904:", "number"},
    {"PolygonNested", [](json& f) { annotation(f, 0)["segmentation"] = json::parse("[[[[[[1]]]]]]"); }, "'annotations'",
     "nested"},
    {"SegmentationIsText", [](json& f) { annotation(f, 0)["segmentation"] = "x"; },
     "annotation 900100581904:", "neither"},
    {"EntryIsNumber", [](json& f) { annotation(f, 3) = 7; }, "entry 4 of 'annotations'", "not an object"},
    {"EntryIsList",
     [](json& f) {
       annotation(f, 3) = {1, 2};
     },
     "entry 4 of 'annotations'", "not an object"},
    {"ListIsObject",
     [](json& f) {
       f["images"] = {{"id", 1}};
     },
     "'images'", "not a list"},
    {"ListIsNull", [](json& f) { f["categories"] = nullptr; }, "'categories'", "not a list"},
    {"ListMissing", [](json& f) { f.erase("categories"); }, "'categories'", "missing"},
    {"FileIsList", [](json& f) { f = json::array({1}); }, "instances.json", "not an object"},
    {"FileIsNumber", [](json& f) { f = 1; }, "instances.json", "not an object"},
};

class Damaged : public ::testing::TestWithParam<Damage> {};

TEST_P(Damaged, IsOneLineThatNamesFileAndEntry) {
  const TemporaryFolder folder("coco");
  json file = small_instances();
  GetParam().apply(file);
  const auto path = write_text(folder, "instances.json", file.dump());
  for (const bool segmentations : {true, false}) {
    const std::string message = error_of([&] { (void)read_annotations(path, {.segmentations = segmentations}); });
    EXPECT_THAT(message, HasSubstr(path.string() + ": "));
    EXPECT_THAT(message, HasSubstr(GetParam().entry));
    EXPECT_THAT(message, HasSubstr(GetParam().message));
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(CocoAnnotations, Damaged, ::testing::ValuesIn(kDamages),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(CocoHostile, TextThatIsNotJson) {
  const TemporaryFolder folder("coco");
  const std::string good = small_instances().dump();
  const std::string texts[] = {"",
                               "{",
                               "[]x",
                               "\xFF\xFE",
                               good.substr(0, good.size() / 2),
                               good + "]",
                               R"({"images": [{"id": NaN}]})",
                               R"({"images": [{"id": 1e999}]})",
                               std::string("PK\x03\x04"),
                               std::string(100000, '['),
                               R"({"images":)"};
  for (const std::string& text : texts) {
    const auto path = write_text(folder, "broken.json", text);
    const std::string message = error_of([&] { (void)read_annotations(path); });
    EXPECT_THAT(message, HasSubstr(path.string() + ": ")) << text.substr(0, 40);
    EXPECT_THAT(error_of([&] { (void)read_results(path, {}); }), HasSubstr(path.string() + ": ")) << text.substr(0, 40);
  }
  EXPECT_THAT(error_of([&] { (void)read_annotations(folder / "absent.json"); }), HasSubstr("absent.json"));
  EXPECT_THAT(error_of([&] { (void)read_annotations(folder.path()); }), HasSubstr("cannot be read"));
}

TEST(CocoHostile, NamesThatComeTwice) {
  const TemporaryFolder folder("coco");
  const auto lists = write_text(folder, "lists.json", R"({"images": [], "categories": [], "images": []})");
  EXPECT_THAT(error_of([&] { (void)read_annotations(lists); }), HasSubstr("'images' comes twice"));
  const auto members = write_text(folder, "members.json", R"({"images": [{"id": 1, "id": 2}]})");
  EXPECT_THAT(error_of([&] { (void)read_annotations(members); }), HasSubstr("entry 1 of 'images': 'id' comes twice"));
}

TEST(CocoHostile, OutlinesOfMillionsOfPixelsAreRefused) {
  json file = small_instances();
  file["images"][1] = {{"id", 5}, {"width", 10000}, {"height", 10000}};
  annotation(file, 1)["segmentation"] = nullptr;
  json zigzag = json::array();
  for (int i = 0; i < 1000; ++i) {
    zigzag.push_back(i);
    zigzag.push_back(i % 2 * 9000);
  }
  annotation(file, 3)["segmentation"] = json::array({zigzag});
  const TemporaryFolder folder("coco");
  const auto path = write_text(folder, "instances.json", file.dump());
  EXPECT_THAT(error_of([&] { (void)read_annotations(path); }), HasSubstr("annotation 3: a polygon is too large"));
}

TEST(CocoHostile, DamagedBytesNeverDoHarm) {
  const TemporaryFolder folder("coco");
  const std::string good = small_instances().dump();
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    RandomStream random(seed);
    std::string text = good;
    for (std::uint64_t i = 0; i <= random.below(3); ++i) {
      const char* const tokens[] = {"[", "]", "{", "}", "\"", ",", "-", "1e300", "99999999999", "null", "0", ".5"};
      const auto at = static_cast<std::size_t>(random.below(text.size()));
      if (random.below(2) == 0) {
        text[at] = static_cast<char>(random.below(256));
      } else {
        text.replace(at, static_cast<std::size_t>(random.below(4)), tokens[random.below(std::size(tokens))]);
      }
    }
    const auto path = write_text(folder, "instances.json", text);
    try {
      const Annotations read = read_annotations(path);
      for (std::size_t i = 0; i < read.images.size(); ++i) {
        for (const Annotation& one : read.of_image(i)) {
          if (read.images[i].width > 0) (void)one.segmentation.mask(read.images[i].height, read.images[i].width);
        }
      }
    } catch (const Error& error) {
      ++refused;
      EXPECT_THAT(error.what(), HasSubstr(path.string() + ": ")) << "seed " << seed;
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace denseshift::data::coco
