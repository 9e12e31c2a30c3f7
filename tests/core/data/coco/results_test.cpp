#include "core/data/coco/results.h"

#include <gmock/gmock.h>

#include <limits>

#include "core/util/rng.h"
#include "tests/core/data/coco/coco_files.h"

namespace denseshift::data::coco {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const metrics::BoxTruth kTruth = {.images = {5, 9000000000}, .categories = {{90, "x"}, {1, "y"}}, .boxes = {}};

json entry(std::int64_t image, std::int64_t category, double score) {
  return {{"image_id", image}, {"category_id", category}, {"bbox", {1, 2.5, 3, 4}}, {"score", score}};
}

TEST(CocoResults, KeepsOrderAndNumbers) {
  const TemporaryFolder folder("coco");
  json list = {entry(9000000000, 1, 0.25), entry(5, 90, 0.5)};
  list[0]["segmentation"] = {{"size", {1, 2}}, {"counts", "02"}};
  const Results read = read_results(write_text(folder, "r.json", list.dump()), kTruth);
  ASSERT_EQ(read.detections.size(), 2u);
  EXPECT_EQ(read.detections[0].image, 9000000000);
  EXPECT_EQ(read.detections[0].xywh, (std::array<double, 4>{1, 2.5, 3, 4}));
  EXPECT_EQ(read.detections[1].category, 90);
  EXPECT_EQ(read.detections[1].score, 0.5);
  EXPECT_EQ(read.unlisted, 0);
}

TEST(CocoResults, CategoriesThatTheTruthLacksAreCountedAndLeftOut) {
  const TemporaryFolder folder("coco");
  const Results read = read_results(write_text(folder, "r.json", json{entry(5, 12, 1), entry(5, 1, 1)}.dump()), kTruth);
  EXPECT_EQ(read.detections.size(), 1u);
  EXPECT_EQ(read.unlisted, 1);
}

TEST(CocoResults, NoResultsIsAList) {
  const TemporaryFolder folder("coco");
  EXPECT_TRUE(read_results(write_text(folder, "r.json", "[]"), kTruth).detections.empty());
}

TEST(CocoResults, RefusesWhatIsNotAResult) {
  const TemporaryFolder folder("coco");
  const auto complaint = [&](const json& file) {
    const auto path = write_text(folder, "r.json", file.dump());
    const std::string message = error_of([&] { (void)read_results(path, kTruth); });
    EXPECT_THAT(message, HasSubstr(path.string() + ": "));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  };
  const auto with = [](const char* name, const json& value) {
    json list = {entry(5, 1, 1), entry(5, 1, 1)};
    list[1][name] = value;
    return list;
  };
  EXPECT_THAT(complaint(with("image_id", 6)), HasSubstr("entry 2: the annotations do not have picture 6"));
  EXPECT_THAT(complaint(with("image_id", "5")), HasSubstr("entry 2: 'image_id' is not a whole number"));
  EXPECT_THAT(complaint(with("category_id", nullptr)), HasSubstr("entry 2: 'category_id'"));
  EXPECT_THAT(complaint(with("score", "high")), HasSubstr("entry 2: 'score' is not a number"));
  EXPECT_THAT(complaint(with("bbox", {1, 2, 3})), HasSubstr("entry 2: 'bbox' does not have four"));
  EXPECT_THAT(complaint(with("bbox", {1, 2, -3, 4})), HasSubstr("entry 2: the box has a negative size"));
  json list = {entry(5, 1, 1)};
  list[0].erase("score");
  EXPECT_THAT(complaint(list), HasSubstr("entry 1: 'score' is missing"));
  EXPECT_THAT(complaint(json{{"annotations", json::array()}}), HasSubstr("not a list of results"));
  EXPECT_THAT(complaint({1, 2}), HasSubstr("entry 1 is not an object"));
  EXPECT_THAT(complaint(json("text")), HasSubstr("not a list"));
}

TEST(CocoResults, WritesWhatItReads) {
  RandomStream random(3);
  std::vector<metrics::Detection> detections;
  for (int i = 0; i < 20000; ++i) {
    detections.push_back({.image = kTruth.images[i % 2], .category = i % 3 == 0 ? 1 : 90});
    for (double& value : detections.back().xywh) value = random.uniform(0, 640);
    detections.back().score = random.uniform(0, 1) * (i == 7 ? 1e-300 : 1);
  }
  const TemporaryFolder folder("coco");
  write_results(folder / "out.json", detections);
  const Results read = read_results(folder / "out.json", kTruth);
  ASSERT_EQ(read.detections.size(), detections.size());
  for (std::size_t i = 0; i < detections.size(); ++i) {
    ASSERT_EQ(read.detections[i].image, detections[i].image);
    ASSERT_EQ(read.detections[i].category, detections[i].category);
    ASSERT_EQ(read.detections[i].xywh, detections[i].xywh);
    ASSERT_EQ(read.detections[i].score, detections[i].score);
  }
  write_results(folder / "none.json", {});
  EXPECT_TRUE(read_results(folder / "none.json", kTruth).detections.empty());
  detections[3].score = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(error_of([&] { write_results(folder / "nan.json", detections); }), HasSubstr("detection 4"));
  EXPECT_FALSE(std::filesystem::exists(folder / "nan.json"));
}

}  // namespace
}  // namespace denseshift::data::coco
