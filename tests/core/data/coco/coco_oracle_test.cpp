// Against values of COCO's own code: shared/data/coco_eval_oracles.json, the cases of coco_eval and the class maps of
// coco_voc_masks. Other files of the same formats serve as well.

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "core/data/coco/annotations.h"
#include "core/data/coco/results.h"
#include "core/data/coco/voc_classes.h"
#include "core/data/image/label_map.h"
#include "tests/core/data/coco/coco_files.h"

namespace denseshift::data::coco {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-9;

/// Compares with an object of the twelve numbers by name.
void expect_numbers(const std::array<double, 12>& numbers, const json& expected, const std::string& what) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    std::string name = metrics::kCocoNames[i];  // ours: mAP, AP_small; theirs: AP, APsmall
    if (name == "mAP") name = "AP";
    std::erase(name, '_');
    EXPECT_NEAR(numbers[i], expected.at(name).get<double>(), kTolerance) << what << " " << metrics::kCocoNames[i];
  }
}

/// The whole way: both files written, read and evaluated.
metrics::CocoNumbers evaluate(const json& truth, const json& detections) {
  const TemporaryFolder folder("coco");
  const metrics::BoxTruth boxes = truth_of(read_annotations(write_text(folder, "truth.json", truth.dump())));
  return evaluate_boxes(boxes, read_results(write_text(folder, "results.json", detections.dump()), boxes).detections);
}

class Oracles : public ::testing::Test {
 protected:
  void SetUp() override {
    if (oracles_path().empty()) GTEST_SKIP() << "set DENSESHIFT_COCO_ORACLES or DENSESHIFT_TEST_DATA";
    file_ = parse_file(oracles_path());
  }
  json file_;
};

TEST_F(Oracles, Detection) {
  const json& entry = file_.at("detection");
  const json truth = {
      {"images", entry.at("images")}, {"categories", entry.at("categories")}, {"annotations", entry.at("annotations")}};
  const metrics::CocoNumbers numbers = evaluate(truth, entry.at("detections"));
  expect_numbers(numbers.numbers, entry.at("expected_stats"), "all");
  EXPECT_EQ(numbers.categories.size(), entry.at("expected_AP_per_category").size());
  for (const metrics::CategoryAp& category : numbers.categories) {
    EXPECT_NEAR(category.ap, entry.at("expected_AP_per_category").at(std::to_string(category.id)).get<double>(),
                kTolerance)
        << category.id;
  }
}

TEST_F(Oracles, DetectionsOfOneCategoryOnly) {
  const json& entry = file_.at("detection");
  const json truth = {
      {"images", entry.at("images")}, {"categories", entry.at("categories")}, {"annotations", entry.at("annotations")}};
  const std::string before = "expected_stats_when_only_category_", after = "_detections_are_submitted";
  for (const auto& [name, expected] : entry.items()) {
    if (!name.starts_with(before) || !name.ends_with(after)) continue;
    const std::int64_t category = std::stoll(name.substr(before.size()));
    json some = json::array();
    for (const json& one : entry.at("detections")) {
      if (one.at("category_id") == category) some.push_back(one);
    }
    expect_numbers(evaluate(truth, some).numbers, expected, name);
  }
}

TEST_F(Oracles, Polygons) {
  const json& masks = file_.at("masks");
  const auto height = masks.at("size_hw").at(0).get<std::int64_t>(),
             width = masks.at("size_hw").at(1).get<std::int64_t>();
  ASSERT_FALSE(masks.at("polygons").empty());
  for (const json& entry : masks.at("polygons")) {
    const Rle mask = rasterise_polygon(entry.at("polygon").get<std::vector<double>>(), height, width);
    EXPECT_EQ(mask.counts, entry.at("rle_counts").get<std::vector<std::uint32_t>>()) << entry.at("polygon");
    EXPECT_EQ(runs_to_string(mask), entry.at("rle_string").get<std::string>());
    EXPECT_EQ(area_of(mask), entry.at("area").get<std::int64_t>());
    EXPECT_EQ(runs_from_string(entry.at("rle_string").get<std::string>(), height, width), mask);
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width));
    decode_mask(mask, pixels.data());
    EXPECT_EQ(encode_mask(pixels.data(), height, width), mask);
  }
}

TEST_F(Oracles, ClassMap) {
  const json& masks = file_.at("masks");
  const json& example = masks.at("semantic_example");
  EXPECT_EQ(example.at("category_list_21").get<std::vector<std::int64_t>>(),
            (std::vector<std::int64_t>(kVocCategories.begin(), kVocCategories.end())));
  const auto height = masks.at("size_hw").at(0).get<std::int64_t>(),
             width = masks.at("size_hw").at(1).get<std::int64_t>();
  // The entries become a whole file: ids, boxes and areas do not matter to the map.
  json file = {{"images", {{{"id", 1}, {"width", width}, {"height", height}}}},
               {"categories", json::array()},
               {"annotations", example.at("annotations")}};
  std::map<std::int64_t, bool> categories;
  for (std::size_t i = 0; i < file["annotations"].size(); ++i) {
    json& annotation = file["annotations"][i];
    annotation.update({{"id", i}, {"image_id", 1}, {"bbox", {0, 0, 1, 1}}, {"area", 1}});
    const auto category = annotation.at("category_id").get<std::int64_t>();
    if (categories.emplace(category, true).second) file["categories"].push_back({{"id", category}, {"name", "c"}});
  }
  const TemporaryFolder folder("coco");
  const Annotations read = read_annotations(write_text(folder, "semantic.json", file.dump()));
  std::vector<std::uint8_t> map;
  voc_class_map(read.of_image(0), height, width, map);
  std::vector<int> expected;
  for (const json& row : example.at("row_strings")) {
    std::istringstream numbers(row.get<std::string>());
    for (int value = 0; numbers >> value;) expected.push_back(value);
  }
  EXPECT_EQ(std::vector<int>(map.begin(), map.end()), expected);
}

TEST(CocoEvalCases, NumbersAreThoseOfTheReference) {
  const auto cases = test_data("coco_eval");
  if (cases.empty()) GTEST_SKIP() << "no coco_eval in DENSESHIFT_TEST_DATA";
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(cases)) {
    if (!entry.is_directory()) continue;
    const auto folder = entry.path();
    const json expected = parse_file(folder / "expected.json");
    const metrics::BoxTruth truth = truth_of(read_annotations(folder / "gt.json"));
    const metrics::CocoNumbers numbers = evaluate_boxes(truth, read_results(folder / "dets.json", truth).detections);
    expect_numbers(numbers.numbers, expected.at("stats"), folder.filename());
    EXPECT_EQ(numbers.categories.size(), expected.at("per_category").size());
    for (const metrics::CategoryAp& category : numbers.categories) {
      const json& own = expected.at("per_category").at(std::to_string(category.id));
      EXPECT_NEAR(category.ap, own.at("AP").get<double>(), kTolerance) << folder << category.id;
      EXPECT_NEAR(category.ap50, own.at("AP50").get<double>(), kTolerance) << folder << category.id;
      EXPECT_NEAR(category.ar100, own.at("AR100").get<double>(), kTolerance) << folder << category.id;
    }
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

/// Folders are named DATASET-SPLIT after DATASET/annotations/instances_SPLIT.json, files after their pictures.
TEST(CocoVocMasks, ClassMapsBitForBit) {
  const auto root = test_data("coco_voc_masks");
  if (root.empty()) GTEST_SKIP() << "no coco_voc_masks in DENSESHIFT_TEST_DATA";
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename();
    const std::size_t dash = name.rfind('-');
    ASSERT_NE(dash, std::string::npos) << name;
    const auto file =
        test_data(name.substr(0, dash)) / "annotations" / ("instances_" + name.substr(dash + 1) + ".json");
    const Annotations annotations = read_annotations(file);
    for (const auto& mask : std::filesystem::directory_iterator(entry.path())) {
      if (mask.path().extension() != ".png") continue;
      const LabelMap expected = read_label_png(mask.path());
      const auto& images = annotations.images;
      const auto image = std::find_if(images.begin(), images.end(), [&](const ImageEntry& candidate) {
        return std::filesystem::path(candidate.file_name).stem() == mask.path().stem();
      });
      ASSERT_NE(image, images.end()) << mask.path();
      ASSERT_EQ(image->width, expected.width);
      ASSERT_EQ(image->height, expected.height);
      std::vector<std::uint8_t> map;
      voc_class_map(annotations.of_image(static_cast<std::size_t>(image - images.begin())), image->height, image->width,
                    map);
      EXPECT_TRUE(map == expected.labels) << mask.path();
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

TEST(CocoDataSets, RealFilesAreReadAndFit) {
  int read = 0;
  for (const char* name : {"coco-tiny", "bccd"}) {
    const auto folder = test_data(name);
    if (folder.empty()) continue;
    for (const auto& file : std::filesystem::directory_iterator(folder / "annotations")) {
      const Annotations annotations = read_annotations(file.path());
      require_pictures(annotations);
      const json plain = parse_file(file.path());
      EXPECT_EQ(annotations.images.size(), plain.at("images").size());
      EXPECT_EQ(annotations.categories.size(), plain.at("categories").size());
      ASSERT_EQ(annotations.annotations.size(), plain.at("annotations").size());
      std::map<std::int64_t, const Annotation*> by_id;
      for (const Annotation& annotation : annotations.annotations) by_id[annotation.id] = &annotation;
      for (const json& expected : plain.at("annotations")) {
        const Annotation& annotation = *by_id.at(expected.at("id").get<std::int64_t>());
        EXPECT_EQ(annotation.xywh, (expected.at("bbox").get<std::array<double, 4>>()));
        EXPECT_EQ(annotation.area, expected.at("area").get<double>());
        EXPECT_EQ(annotation.crowd, expected.at("iscrowd") == 1);
        if (expected.contains("segmentation") && expected["segmentation"].is_array()) {
          EXPECT_EQ(annotation.segmentation.polygons(),
                    expected["segmentation"].get<std::vector<std::vector<double>>>());
        }
      }
      // Areas of polygons were computed from their points, so the pixels agree only roughly; those of crowds are older
      // than their masks.
      for (std::size_t i = 0; i < annotations.images.size(); ++i) {
        const ImageEntry& image = annotations.images[i];
        for (const Annotation& annotation : annotations.of_image(i)) {
          const Rle mask = annotation.segmentation.mask(image.height, image.width);
          if (annotation.segmentation.kind() != Segmentation::Kind::polygons) continue;
          EXPECT_NEAR(static_cast<double>(area_of(mask)), annotation.area, 0.15 * annotation.area + 40)
              << file.path() << " " << annotation.id;
        }
      }
      ++read;
    }
  }
  if (read == 0) GTEST_SKIP() << "neither coco-tiny nor bccd in DENSESHIFT_TEST_DATA";
}

}  // namespace
}  // namespace denseshift::data::coco
