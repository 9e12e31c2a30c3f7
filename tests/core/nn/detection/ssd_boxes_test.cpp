// Default boxes, targets and losses of SSD against the obvious way of doing them.

#include "core/nn/detection/ssd_boxes.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/util/error.h"
#include "tests/core/nn/detection/draw.h"

namespace denseshift::nn {
namespace {

using testing::Draw;
using ::testing::ElementsAre;

std::vector<std::int64_t> quadratic_defaults(const DefaultBoxes& defaults, const std::vector<Box>& objects) {
  std::vector<std::vector<float>> iou;
  for (const Box& object : objects) {
    iou.emplace_back();
    for (const Box& box : defaults.corners) iou.back().push_back(box_iou(object, box));
  }
  std::vector<std::int64_t> match(defaults.corners.size(), -1);
  for (std::size_t d = 0; d < match.size(); ++d) {
    for (std::size_t o = 0; o < objects.size(); ++o) {
      const bool first_best =
          std::all_of(iou.begin(), iou.end(), [&](const auto& other) { return other[d] <= iou[o][d]; });
      if (first_best && iou[o][d] > 0.5F && match[d] < 0) match[d] = static_cast<std::int64_t>(o);
    }
  }
  for (std::size_t o = 0; o < objects.size(); ++o) {
    match[static_cast<std::size_t>(std::max_element(iou[o].begin(), iou[o].end()) - iou[o].begin())] =
        static_cast<std::int64_t>(o);
  }
  return match;
}

TEST(SsdTargets, EqualTheQuadraticReference) {
  const DefaultBoxes defaults = default_boxes(ssd_levels(64), 64);
  Draw draw(6);
  for (int round = 0; round < 100; ++round) {
    std::vector<Box> objects;
    const std::int64_t count = draw.whole(0, 6);
    for (std::int64_t i = 0; i < count; ++i) {
      objects.push_back(i > 0 && draw.whole(0, 3) == 0 ? objects.back() : draw.box(1, 10));
    }
    EXPECT_EQ(match_default_boxes(defaults, objects), quadratic_defaults(defaults, objects)) << "round " << round;
  }
}

TEST(SsdBoxes, OffsetsAreInverted) {
  Draw draw(7);
  const DefaultBoxes defaults = default_boxes(ssd_levels(128), 128);
  for (int round = 0; round < 50; ++round) {
    const Box object = draw.box(1, 50);
    const Box& centred = defaults.centred[static_cast<std::size_t>(draw.whole(0, defaults.count() - 1))];
    const Box back = decode_offsets(encode_offsets(object, centred), centred);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(back[i], object[i], 1e-5);
  }
}

TEST(SsdBoxes, LevelsFollowTheSize) {
  const auto sides = [](std::int64_t size) {
    std::vector<std::int64_t> result;
    for (const SsdLevel& level : ssd_levels(size)) result.push_back(level.map);
    return result;
  };
  EXPECT_THAT(sides(300), ElementsAre(38, 19, 10, 5, 3, 1));
  EXPECT_THAT(sides(257), ElementsAre(33, 17, 9, 5, 3, 1));
  EXPECT_THAT(sides(256), ElementsAre(32, 16, 8, 4, 2));
  EXPECT_THAT(sides(160), ElementsAre(20, 10, 5, 3, 1));
  EXPECT_THAT(sides(128), ElementsAre(16, 8, 4, 2));
  EXPECT_THAT(sides(64), ElementsAre(8, 4, 2, 1));
  EXPECT_THROW((void)ssd_levels(63), Error);

  // The small network of the task reference: scales 13, 28, 51, 77, 102; ratios {2}, {2, 3}, {2, 3}, {2}.
  std::vector<double> scales, steps;
  std::vector<std::int64_t> shapes;
  for (const SsdLevel& level : ssd_levels(128)) {
    scales.push_back(level.scale);
    steps.push_back(level.step);
    shapes.push_back(level.boxes_per_cell());
  }
  EXPECT_THAT(scales, ElementsAre(13, 28, 51, 77));
  EXPECT_EQ(ssd_levels(128).back().next_scale, 102);
  EXPECT_THAT(steps, ElementsAre(8, 16, 32, 64));
  EXPECT_THAT(shapes, ElementsAre(4, 6, 6, 4));
  EXPECT_EQ(default_boxes(ssd_levels(128), 128).count(), 16 * 16 * 4 + 8 * 8 * 6 + 4 * 4 * 6 + 2 * 2 * 4);
}

TEST(SsdLosses, TakeThreeNegativesForEachPositive) {
  at::manual_seed(8);
  const DefaultBoxes defaults = default_boxes(ssd_levels(64), 64);
  const at::Tensor loc = at::randn({2, 4, defaults.count()}), conf = at::randn({2, 4, defaults.count()});
  const std::vector<CheckedTargets> objects = {{{{0.1F, 0.1F, 0.6F, 0.7F}, {0.4F, 0.5F, 0.9F, 0.8F}}, {2, 0}}, {}};
  const std::vector<std::int64_t> match = match_default_boxes(defaults, objects[0].boxes);
  std::vector<double> negatives;
  double positives = 0, cross_entropy = 0, regression = 0;
  const at::Tensor logs = conf[0].log_softmax(0);
  for (std::size_t d = 0; d < match.size(); ++d) {
    const auto column = static_cast<std::int64_t>(d);
    if (match[d] < 0) {
      negatives.push_back(-logs[0][column].item<double>());
      continue;
    }
    ++positives;
    const auto object = static_cast<std::size_t>(match[d]);
    cross_entropy -= logs[objects[0].labels[object] + 1][column].item<double>();
    const Box offsets = encode_offsets(objects[0].boxes[object], defaults.centred[d]);
    for (std::size_t i = 0; i < 4; ++i) {
      const double e = std::abs(loc[0][static_cast<std::int64_t>(i)][column].item<double>() - offsets[i]);
      regression += e < 1 ? 0.5 * e * e : e - 0.5;
    }
  }
  std::sort(negatives.rbegin(), negatives.rend());
  for (std::size_t i = 0; i < static_cast<std::size_t>(3 * positives); ++i) cross_entropy += negatives[i];
  // The second image has no object: it adds nothing and halves the mean.
  const std::vector<quant::NamedTensor> losses = ssd_losses(loc, conf, defaults, objects);
  EXPECT_NEAR(losses[0].tensor.item<double>(), regression / positives / 2, 1e-4);
  EXPECT_NEAR(losses[1].tensor.item<double>(), cross_entropy / positives / 2, 1e-4);
}

}  // namespace
}  // namespace denseshift::nn
