#include "core/data/coco/annotations.h"

#include <gmock/gmock.h>

#include "tests/core/data/coco/coco_files.h"

namespace denseshift::data::coco {
namespace {

using ::testing::ElementsAre;

TEST(CocoAnnotations, ReadsPicturesCategoriesAndObjects) {
  const TemporaryFolder folder("coco");
  const auto path = write_text(folder, "instances.json", small_instances().dump());
  const Annotations read = read_annotations(path);
  ASSERT_EQ(read.images.size(), 2u);
  EXPECT_EQ(read.images[0].id, 5) << "by id, whatever the order of the file";
  EXPECT_EQ(read.images[1].id, 9000000000);
  EXPECT_EQ(read.images[1].width, 8);
  EXPECT_EQ(read.images[1].height, 6);
  EXPECT_EQ(read.images[1].file_name, "b.jpg");
  ASSERT_EQ(read.categories.size(), 2u);
  EXPECT_EQ(read.categories[0].id, 90) << "in the order of the file";
  EXPECT_EQ(read.categories[1].name, "person");
  EXPECT_THAT(read.first, ElementsAre(0, 2, 4));

  const auto small = read.of_image(0), large = read.of_image(1);
  EXPECT_EQ(small[0].id, 1);
  EXPECT_TRUE(small[0].crowd);
  EXPECT_EQ(small[1].id, 3);
  EXPECT_FALSE(small[1].crowd) << "absent means no";
  EXPECT_EQ(small[1].segmentation.kind(), Segmentation::Kind::none);
  EXPECT_EQ(large[0].id, 900100581904);
  EXPECT_EQ(large[0].area, 12.5);
  EXPECT_EQ(large[0].xywh, (std::array<double, 4>{1, 0, 6, 4.25}));
  EXPECT_THAT(large[0].segmentation.polygons(),
              ElementsAre(ElementsAre(1, 1, 4.5, 1, 4.5, 4.25, 1, 4.25), ElementsAre(5.1, 0.33, 7, 0, 7, 2)));
  EXPECT_EQ(small[0].segmentation.runs(), (Rle{4, 4, {2, 3, 11}}));
  EXPECT_EQ(large[1].segmentation.runs(), (Rle{6, 8, {5, 3, 2, 1, 37}}));
  EXPECT_EQ(large[1].xywh[3], 0) << "a box without height stays, as COCO has some";
  require_pictures(read);
}

TEST(CocoAnnotations, TruthHasEveryBox) {
  const TemporaryFolder folder("coco");
  const Annotations read = read_annotations(write_text(folder, "instances.json", small_instances().dump()));
  const metrics::BoxTruth truth = truth_of(read);
  EXPECT_THAT(truth.images, ElementsAre(5, 9000000000));
  EXPECT_EQ(truth.categories, (std::vector<std::pair<std::int64_t, std::string>>{{90, "toothbrush"}, {1, "person"}}));
  ASSERT_EQ(truth.boxes.size(), 4u);
  EXPECT_EQ(truth.boxes[0].image, 5);
  EXPECT_TRUE(truth.boxes[0].crowd);
  EXPECT_EQ(truth.boxes[2].area, 12.5);
}

TEST(CocoAnnotations, RegionsCanBeLeftOut) {
  const TemporaryFolder folder("coco");
  const auto path = write_text(folder, "instances.json", small_instances().dump());
  for (const Annotation& annotation : read_annotations(path, {.segmentations = false}).annotations) {
    EXPECT_EQ(annotation.segmentation.kind(), Segmentation::Kind::none);
  }
}

TEST(CocoAnnotations, TheOrderOfListsAndMembersDoesNotMatter) {
  // nlohmann::json sorts members by name, so the dump above has annotations first; here pictures come first.
  const TemporaryFolder folder("coco");
  const nlohmann::json sorted = small_instances();
  nlohmann::ordered_json turned;
  for (const char* name : {"images", "categories", "annotations"}) turned[name] = sorted.at(name);
  const Annotations a = read_annotations(write_text(folder, "a.json", sorted.dump()));
  const Annotations b = read_annotations(write_text(folder, "b.json", turned.dump(1)));
  ASSERT_EQ(a.annotations.size(), b.annotations.size());
  for (std::size_t i = 0; i < a.annotations.size(); ++i) {
    EXPECT_EQ(a.annotations[i].id, b.annotations[i].id);
    EXPECT_EQ(a.annotations[i].segmentation.polygons(), b.annotations[i].segmentation.polygons());
  }
}

TEST(CocoAnnotations, AFileWithoutObjectsIsFine) {
  const TemporaryFolder folder("coco");
  const auto path = write_text(folder, "empty.json", R"({"images": [], "annotations": [], "categories": []})");
  const Annotations read = read_annotations(path);
  EXPECT_TRUE(read.images.empty());
  EXPECT_THAT(read.first, ElementsAre(0));
}

TEST(CocoAnnotations, PicturesNeedASizeAndANameInsideTheFolder) {
  const TemporaryFolder folder("coco");
  const auto complain = [&](const nlohmann::json& image) {
    const nlohmann::json file = {
        {"images", {image}}, {"annotations", nlohmann::json::array()}, {"categories", nlohmann::json::array()}};
    const Annotations read = read_annotations(write_text(folder, "i.json", file.dump()));
    return error_of([&] { require_pictures(read); });
  };
  EXPECT_EQ(complain({{"id", 7}, {"width", 3}, {"height", 2}, {"file_name", "x/y.jpg"}}), "");
  EXPECT_THAT(complain({{"id", 7}, {"file_name", "x.jpg"}}), ::testing::HasSubstr("image 7: 'width' and 'height'"));
  EXPECT_THAT(complain({{"id", 7}, {"width", 3}, {"height", 2}}), ::testing::HasSubstr("'file_name' is missing"));
  for (const char* name : {"../x.jpg", "a/../../x.jpg", "/etc/x.jpg"}) {
    EXPECT_THAT(complain({{"id", 7}, {"width", 3}, {"height", 2}, {"file_name", name}}),
                ::testing::HasSubstr("leaves the folder"));
  }
}

TEST(CocoSegmentation, KeepsEveryNumberExactly) {
  const std::vector<std::vector<double>> cases[] = {{{0.1, 0.2, 0.3, 409.25, 178.36, 194.49}},
                                                    {{1.0 / 3, 1e-300, -0.0, 5, 1e6, 2}, {0.57, 0.58, 0.59, 1, 2, 3}},
                                                    {{-3, 8, -2.07, 1e9, 4, 6}}};
  for (const auto& polygons : cases) EXPECT_EQ(Segmentation(polygons).polygons(), polygons);
  EXPECT_EQ(Segmentation(std::vector<std::vector<double>>{}).kind(), Segmentation::Kind::none);
  const Rle runs{2, 3, {0, 6}};
  EXPECT_EQ(Segmentation(runs).runs(), runs);
  EXPECT_THAT(error_of([&] { (void)Segmentation(runs).mask(3, 2); }), ::testing::HasSubstr("3 x 2 pixels"));
  EXPECT_EQ(area_of(Segmentation().mask(3, 2)), 0);
}

}  // namespace
}  // namespace denseshift::data::coco
