#include "core/metrics/coco_boxes.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/util/error.h"
#include "core/util/rng.h"

namespace denseshift::metrics {
namespace {

using ::testing::Each;

constexpr std::size_t kAp = 0, kAp50 = 1, kAp75 = 2, kApSmall = 3, kApLarge = 5, kAr1 = 6, kAr100 = 8;

TruthBox box(std::int64_t image, std::int64_t category, std::array<double, 4> xywh, bool crowd = false) {
  return {.image = image, .category = category, .xywh = xywh, .area = xywh[2] * xywh[3], .crowd = crowd};
}

/// Two pictures and two categories with boxes of 50 x 50 in the first picture.
BoxTruth two_boxes() {
  return {.images = {7, 3},
          .categories = {{1, "one"}, {5, "five"}},
          .boxes = {box(3, 1, {0, 0, 50, 50}), box(3, 1, {100, 0, 50, 50})}};
}

TEST(CocoBoxes, PerfectDetectionsGiveOne) {
  const BoxTruth truth = two_boxes();
  const CocoNumbers numbers = evaluate_boxes(truth, {{3, 1, {0, 0, 50, 50}, 0.9}, {3, 1, {100, 0, 50, 50}, 0.8}});
  EXPECT_NEAR(numbers.numbers[kAp], 1, 1e-12);
  EXPECT_NEAR(numbers.numbers[kAr100], 1, 1e-12);
  EXPECT_NEAR(numbers.numbers[kAr1], 0.5, 1e-12) << "one detection finds one of two";
  EXPECT_EQ(numbers.numbers[kApSmall], -1) << "no truth of that size";
  EXPECT_EQ(numbers.numbers[kApLarge], -1);
  ASSERT_EQ(numbers.categories.size(), 2u);
  EXPECT_EQ(numbers.categories[0].name, "one");
  EXPECT_NEAR(numbers.categories[0].ap, 1, 1e-12);
  EXPECT_EQ(numbers.categories[1].ap, -1) << "a category without truth is not averaged";
  EXPECT_EQ(numbers.categories[1].ar100, -1);
}

TEST(CocoBoxes, NoDetectionsGiveZeroAndNoTruthNothing) {
  const CocoNumbers none = evaluate_boxes(two_boxes(), {});
  EXPECT_EQ(none.numbers[kAp], 0);
  EXPECT_EQ(none.numbers[kAr100], 0);
  EXPECT_THAT(evaluate_boxes({}, {}).numbers, Each(-1));
  const BoxTruth empty = {.images = {1}, .categories = {{1, "a"}}, .boxes = {}};
  EXPECT_THAT(evaluate_boxes(empty, {{1, 1, {0, 0, 5, 5}, 1}}).numbers, Each(-1));
}

TEST(CocoBoxes, OverlapDecidesAtWhichThresholdsABoxIsFound) {
  BoxTruth truth = two_boxes();
  truth.boxes.resize(1);
  // 50 x 40 of 50 x 50: overlap 0.8, found at 0.50 .. 0.80, that is at seven of ten thresholds.
  const CocoNumbers numbers = evaluate_boxes(truth, {{3, 1, {0, 0, 50, 40}, 0.9}});
  EXPECT_NEAR(numbers.numbers[kAp], 0.7, 1e-12);
  EXPECT_NEAR(numbers.numbers[kAp50], 1, 1e-12);
  EXPECT_NEAR(numbers.numbers[kAp75], 1, 1e-12);
}

TEST(CocoBoxes, AFalseDetectionAboveHalvesPrecisionAndOneBelowCostsNothing) {
  BoxTruth truth = two_boxes();
  truth.boxes.resize(1);
  const Detection right = {3, 1, {0, 0, 50, 50}, 0.5};
  const Detection above = {7, 1, {0, 0, 50, 50}, 0.6}, below = {7, 1, {0, 0, 50, 50}, 0.4};
  EXPECT_NEAR(evaluate_boxes(truth, {right, above}).numbers[kAp], 0.5, 1e-12);
  EXPECT_NEAR(evaluate_boxes(truth, {right, below}).numbers[kAp], 1, 1e-12);
  const Detection twin = {3, 1, {0, 0, 50, 50}, 0.9};
  EXPECT_NEAR(evaluate_boxes(truth, {right, twin}).numbers[kAp], 1, 1e-12) << "the second of two is the false one";
}

TEST(CocoBoxes, EqualScoresKeepTheirOrder) {
  BoxTruth truth = two_boxes();
  truth.boxes.resize(1);
  const Detection right = {3, 1, {0, 0, 50, 50}, 0.5}, wrong = {3, 1, {300, 0, 50, 50}, 0.5};
  EXPECT_NEAR(evaluate_boxes(truth, {right, wrong}).numbers[kAp], 1, 1e-12);
  EXPECT_NEAR(evaluate_boxes(truth, {wrong, right}).numbers[kAp], 0.5, 1e-12);
  const Detection other_picture = {7, 1, {0, 0, 50, 50}, 0.5};
  EXPECT_NEAR(evaluate_boxes(truth, {other_picture, right}).numbers[kAp], 1, 1e-12) << "pictures by id first";
}

TEST(CocoBoxes, CrowdsTakeAnyNumberOfDetectionsOutOfTheCount) {
  BoxTruth truth = two_boxes();
  truth.boxes[1] = box(3, 1, {100, 0, 200, 200}, true);
  std::vector<Detection> detections = {{3, 1, {0, 0, 50, 50}, 0.1}};
  for (int i = 0; i < 5; ++i) detections.push_back({3, 1, {100.0 + 20 * i, 30, 50, 50}, 0.9});
  EXPECT_NEAR(evaluate_boxes(truth, detections).numbers[kAp], 1, 1e-12);
}

TEST(CocoBoxes, OnlyTheBestHundredOfAPictureCount) {
  BoxTruth truth = two_boxes();
  truth.boxes.resize(1);
  std::vector<Detection> detections(100, {3, 1, {300, 300, 10, 10}, 0.5});
  detections.push_back({3, 1, {0, 0, 50, 50}, 0.4});
  EXPECT_EQ(evaluate_boxes(truth, detections).numbers[kAp], 0);
  detections.pop_back();
  detections.back() = {3, 1, {0, 0, 50, 50}, 0.4};
  EXPECT_NEAR(evaluate_boxes(truth, detections).numbers[kAp], 0.01, 1e-12);
}

TEST(CocoBoxes, UnknownCategoriesAreLeftOutAndUnknownPicturesRefused) {
  const BoxTruth truth = two_boxes();
  EXPECT_EQ(evaluate_boxes(truth, {{3, 99, {0, 0, 50, 50}, 0.9}}).numbers[kAp], 0);
  EXPECT_THROW((void)evaluate_boxes(truth, {{4, 1, {0, 0, 50, 50}, 0.9}}), Error);
  BoxTruth broken = truth;
  broken.boxes[0].category = 2;
  EXPECT_THROW((void)evaluate_boxes(broken, {}), Error);
  broken = truth;
  broken.images.push_back(3);
  EXPECT_THROW((void)evaluate_boxes(broken, {}), Error);
}

TEST(CocoBoxes, NumbersThatAreNotFiniteDoNoHarm) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  std::vector<Detection> detections = {{3, 1, {0, 0, 50, 50}, 0.9}, {3, 1, {100, 0, 50, 50}, nan}};
  EXPECT_NEAR(evaluate_boxes(two_boxes(), detections).numbers[kAp], 1, 1e-12) << "ranked last";
  RandomStream random(1);
  for (int i = 0; i < 500; ++i) {
    const double choices[] = {nan, inf, -inf, 0, -5, 1e308, 20};
    Detection one = {3, 1, {}, choices[random.below(7)]};
    for (double& value : one.xywh) value = choices[random.below(7)];
    detections.push_back(one);
  }
  const CocoNumbers numbers = evaluate_boxes(two_boxes(), detections);
  EXPECT_GE(numbers.numbers[kAp], 0);
  EXPECT_LE(numbers.numbers[kAp], 1);
}

/// Precision and recall by counting alone, for all sizes and 100 detections without crowds.
double simple_ap(const BoxTruth& truth, std::vector<Detection> detections, std::int64_t category, double threshold) {
  std::stable_sort(detections.begin(), detections.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  std::vector<bool> taken(truth.boxes.size());
  double positives = 0;
  for (const TruthBox& one : truth.boxes) positives += one.category == category;
  std::vector<std::pair<double, double>> curve;  // recall, precision
  double hits = 0, seen = 0;
  for (const Detection& found : detections) {
    if (found.category != category) continue;
    double best = threshold;
    std::size_t chosen = taken.size();
    for (std::size_t g = 0; g < truth.boxes.size(); ++g) {
      const TruthBox& one = truth.boxes[g];
      if (one.image != found.image || one.category != category || taken[g]) continue;
      const double w =
          std::min(found.xywh[0] + found.xywh[2], one.xywh[0] + one.xywh[2]) - std::max(found.xywh[0], one.xywh[0]);
      const double h =
          std::min(found.xywh[1] + found.xywh[3], one.xywh[1] + one.xywh[3]) - std::max(found.xywh[1], one.xywh[1]);
      const double both = std::max(w, 0.0) * std::max(h, 0.0);
      const double iou = both / (found.xywh[2] * found.xywh[3] + one.xywh[2] * one.xywh[3] - both);
      if (iou >= best) {
        best = iou;
        chosen = g;
      }
    }
    if (chosen < taken.size()) {
      taken[chosen] = true;
      ++hits;
    }
    ++seen;
    curve.emplace_back(hits / positives, hits / seen);
  }
  double sum = 0;
  for (int r = 0; r <= 100; ++r) {
    double precision = 0;
    for (const auto& [recall, value] : curve) {
      if (recall >= r / 100.0 - 1e-12) precision = std::max(precision, value);
    }
    sum += precision;
  }
  return sum / 101;
}

TEST(CocoBoxes, AgreesWithPlainCountingOnRandomScenes) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    RandomStream random(seed);
    BoxTruth truth = {.images = {11, 5, 8}, .categories = {{2, "a"}, {4, "b"}}, .boxes = {}};
    std::vector<Detection> detections;
    const auto place = [&] {
      return std::array<double, 4>{random.uniform(0, 60), random.uniform(0, 60), random.uniform(20, 60),
                                   random.uniform(20, 60)};
    };
    for (int i = 0; i < 25; ++i) {
      truth.boxes.push_back(box(truth.images[random.below(3)], truth.categories[random.below(2)].first, place()));
    }
    for (int i = 0; i < 60; ++i) {
      detections.push_back(
          {truth.images[random.below(3)], truth.categories[random.below(2)].first, place(), random.uniform(0, 1)});
    }
    const CocoNumbers numbers = evaluate_boxes(truth, detections);
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(numbers.categories[c].ap50, simple_ap(truth, detections, truth.categories[c].first, 0.5), 1e-9);
    }
  }
}

}  // namespace
}  // namespace denseshift::metrics
