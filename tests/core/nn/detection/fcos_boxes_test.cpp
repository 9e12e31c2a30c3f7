// Targets, proposals and losses of FCOS against the obvious way of doing them.

#include "core/nn/detection/fcos_boxes.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/core/nn/detection/draw.h"

namespace denseshift::nn {
namespace {

using testing::Draw;
using testing::kInfinity;
using testing::kNan;
using testing::orders;

/// Every condition for every pair of location and box.
std::vector<std::int64_t> quadratic_locations(const std::vector<FcosLevel>& levels, const std::vector<Box>& boxes) {
  std::vector<std::int64_t> match;
  for (std::size_t l = 0; l < levels.size(); ++l) {
    const FcosLevel& level = levels[l];
    for (std::int64_t cell = 0; cell < level.cells(); ++cell) {
      const auto x = static_cast<float>(cell % level.width * level.stride_x);
      const auto y = static_cast<float>(cell / level.width * level.stride_y);
      std::int64_t chosen = -1;
      float best = 0;
      for (std::size_t b = 0; b < boxes.size(); ++b) {
        const Box& box = boxes[b];
        const float from_centre = std::max(std::abs(x - (box[0] + box[2]) / 2), std::abs(y - (box[1] + box[3]) / 2));
        const std::vector<float> sides = {x - box[0], y - box[1], box[2] - x, box[3] - y};
        const float least = *std::min_element(sides.begin(), sides.end());
        const float most = *std::max_element(sides.begin(), sides.end());
        const bool fits = from_centre < 1.5F * level.size && least > 0 && most > (l == 0 ? 0 : 4 * level.size) &&
                          (l + 1 == levels.size() || most < 8 * level.size);
        const float smallness = 1e8F - (box[2] - box[0]) * (box[3] - box[1]);
        if (fits && smallness > best) best = smallness, chosen = static_cast<std::int64_t>(b);
      }
      match.push_back(chosen);
    }
  }
  return match;
}

TEST(FcosTargets, EqualTheQuadraticReference) {
  Draw draw(2);
  std::int64_t positives = 0;
  for (int round = 0; round < 60; ++round) {
    const ImageSize padded{32 * draw.whole(1, 12), 32 * draw.whole(1, 12)};
    std::vector<ImageSize> maps;
    for (std::int64_t stride = 8; stride <= 128; stride *= 2) {
      maps.push_back({(padded[0] + stride - 1) / stride, (padded[1] + stride - 1) / stride});
    }
    const std::vector<FcosLevel> levels = fcos_levels(maps, padded);
    std::vector<Box> boxes;
    const std::int64_t count = draw.whole(0, 12);
    for (std::int64_t i = 0; i < count; ++i) {
      Box box = draw.box(static_cast<float>(std::min(padded[0], padded[1])), 32);
      if (draw.whole(0, 2) == 0) {
        for (float& number : box) number += draw.number(-0.2F, 0.2F);
      }
      boxes.push_back(box);
    }
    const std::vector<std::int64_t> match = match_locations(levels, boxes);
    EXPECT_EQ(match, quadratic_locations(levels, boxes)) << "round " << round;
    positives += std::count_if(match.begin(), match.end(), [](std::int64_t m) { return m >= 0; });
  }
  EXPECT_GT(positives, 500);
}

TEST(FcosTargets, StridesAreQuotientsOfThePaddedSize) {
  const std::vector<FcosLevel> levels = fcos_levels({{16, 28}, {8, 14}, {4, 7}, {2, 4}, {1, 2}}, {128, 224});
  EXPECT_EQ(levels[3].stride_x, 56);
  EXPECT_EQ(levels[4].stride_x, 112);
  EXPECT_EQ(levels[4].stride_y, 128);
  EXPECT_EQ(levels[4].size, 128);
}

TEST(FcosTargets, AreasWithinTheSpacingOfFloatGoToTheFirst) {
  const std::vector<FcosLevel> levels = fcos_levels({{8, 8}}, {64, 64});
  const Box large{1, 1, 41, 41.1F}, small{1, 1, 41, 41};  // areas 1604 and 1600: 1e8 minus them is the same float
  for (const std::vector<Box>& boxes : {std::vector<Box>{large, small}, std::vector<Box>{small, large}}) {
    const std::vector<std::int64_t> match = match_locations(levels, boxes);
    EXPECT_EQ(match[2 * 8 + 2], 0);
    EXPECT_EQ(std::count(match.begin(), match.end(), 1), 0);
  }
}

/// Random maps of three small levels.
std::vector<FcosMaps> random_maps(std::int64_t images, std::int64_t channels) {
  std::vector<FcosMaps> maps;
  for (const std::int64_t side : {8, 4, 2}) {
    maps.push_back({at::randn({images, channels, side, side}) * 2 - 2, at::rand({images, 4, side, side}) * 3,
                    at::randn({images, 1, side, side})});
  }
  return maps;
}

TEST(FcosProposals, BothSearchesEqualTheSigmoidsOfEverything) {
  at::manual_seed(3);
  std::vector<FcosMaps> maps = random_maps(2, 5);
  maps[0].logits.view({-1})[7] = kNan;
  maps[0].centreness.view({-1})[9] = kNan;
  maps[1].logits.view({-1})[3] = kInfinity;
  maps[1].distances.view({-1})[0] = kNan;
  const std::vector<FcosLevel> levels = fcos_levels({{8, 8}, {4, 4}, {2, 2}}, {64, 64});
  const std::vector<std::int64_t> labels = {-1, 0, 1, -1, 2};
  const std::vector<ImageSize> sizes = {{64, 50}, {40, 64}};
  for (const double threshold : {-1.0, 0.0, 0.2, 0.5, 0.9}) {
    for (const std::int64_t most : {7, 1000}) {
      const DetectionThresholds thresholds{threshold, 0.6, most, 100};
      const auto scanned = fcos_proposals(maps, levels, labels, thresholds, sizes, ProposalSearch::scan);
      const auto selected = fcos_proposals(maps, levels, labels, thresholds, sizes, ProposalSearch::tensor_operations);
      for (std::size_t image = 0; image < 2; ++image) {
        std::size_t expected = 0;
        for (std::size_t l = 0; l < levels.size(); ++l) {
          const auto i = static_cast<std::int64_t>(image);
          const at::Tensor scores = (maps[l].logits[i].sigmoid() * maps[l].centreness[i].sigmoid())
                                        .sqrt()
                                        .index_select(0, at::tensor({1, 2, 4}));
          expected += static_cast<std::size_t>(std::min(most, scores.gt(threshold).sum().item<std::int64_t>()));
        }
        ASSERT_EQ(scanned[image].size(), expected) << threshold << " " << most;
        EXPECT_EQ(orders(scanned[image]), orders(selected[image]));
        for (const Candidate& c : scanned[image]) {
          EXPECT_GT(c.score, threshold);
          if (!is_finite(c.box)) continue;
          EXPECT_EQ(c.box, clip_box(c.box, sizes[image][0], sizes[image][1]));
        }
      }
    }
  }
}

TEST(FcosLosses, EqualTheFormulasWrittenOut) {
  at::manual_seed(4);
  std::vector<FcosMaps> maps = random_maps(2, 3);
  const std::vector<FcosLevel> levels = fcos_levels({{8, 8}, {4, 4}, {2, 2}}, {64, 64});
  const std::vector<CheckedTargets> objects = {{{{3, 4, 30, 29}, {10, 12, 60, 63}}, {2, 1}}, {{}, {}}};
  double focal = 0, giou = 0, centreness = 0, positives = 0;
  std::size_t location = 0;
  const std::vector<std::int64_t> match = match_locations(levels, objects[0].boxes);
  for (std::size_t l = 0; l < levels.size(); ++l) {
    for (std::int64_t cell = 0; cell < levels[l].cells(); ++cell, ++location) {
      for (std::int64_t image = 0; image < 2; ++image) {
        const std::int64_t object = image == 0 ? match[location] : -1;
        for (std::int64_t channel = 0; channel < 3; ++channel) {
          const bool present = object >= 0 && objects[0].labels[static_cast<std::size_t>(object)] == channel;
          const double x = maps[l].logits[image][channel].view({-1})[cell].item<double>();
          const double p = 1 / (1 + std::exp(-x));
          const double right = present ? p : 1 - p;
          focal -= (present ? 0.25 : 0.75) * (1 - right) * (1 - right) * std::log(right);
        }
        if (object < 0) continue;
        ++positives;
        const Box& box = objects[0].boxes[static_cast<std::size_t>(object)];
        const auto x = static_cast<double>(cell % levels[l].width * levels[l].stride_x);
        const auto y = static_cast<double>(cell / levels[l].width * levels[l].stride_y);
        const double left = x - box[0], top = y - box[1], right = box[2] - x, bottom = box[3] - y;
        const double target =
            std::sqrt(std::min(left, right) / std::max(left, right) * std::min(top, bottom) / std::max(top, bottom));
        const double c = 1 / (1 + std::exp(-maps[l].centreness[image].view({-1})[cell].item<double>()));
        centreness -= target * std::log(c) + (1 - target) * std::log(1 - c);
        const auto side = [&](std::int64_t s) {
          return maps[l].distances[image][s].view({-1})[cell].item<double>() * levels[l].size;
        };
        const Box guess{static_cast<float>(x - side(0)), static_cast<float>(y - side(1)),
                        static_cast<float>(x + side(2)), static_cast<float>(y + side(3))};
        const Box hull{std::min(guess[0], box[0]), std::min(guess[1], box[1]), std::max(guess[2], box[2]),
                       std::max(guess[3], box[3])};
        const double iou = box_iou(guess, box);
        const double together = (box_area(guess) + box_area(box)) / (1 + iou);
        giou += 1 - iou + (box_area(hull) - together) / box_area(hull);
      }
    }
  }
  ASSERT_GT(positives, 1);
  const std::vector<quant::NamedTensor> losses = fcos_losses(maps, levels, objects);
  EXPECT_NEAR(losses[0].tensor.item<double>(), focal / positives, 1e-4 * focal / positives);
  EXPECT_NEAR(losses[1].tensor.item<double>(), giou / positives, 1e-4);
  EXPECT_NEAR(losses[2].tensor.item<double>(), centreness / positives, 1e-4);
}

TEST(FcosLosses, WithoutObjectsOnlyClassificationIsLeft) {
  at::manual_seed(5);
  std::vector<FcosMaps> maps = random_maps(2, 3);
  for (FcosMaps& level : maps) {
    for (at::Tensor* tensor : {&level.logits, &level.distances, &level.centreness}) tensor->requires_grad_(true);
  }
  const auto losses =
      fcos_losses(maps, fcos_levels({{8, 8}, {4, 4}, {2, 2}}, {64, 64}), {CheckedTargets{}, CheckedTargets{}});
  EXPECT_GT(losses[0].tensor.item<double>(), 0);
  EXPECT_EQ(losses[1].tensor.item<double>(), 0);
  EXPECT_EQ(losses[2].tensor.item<double>(), 0);
  (losses[0].tensor + losses[1].tensor + losses[2].tensor).backward();
  // Every output has a gradient, so every parameter takes part in an exchange between processes.
  EXPECT_TRUE(maps[0].distances.grad().defined());
  EXPECT_TRUE(maps[2].centreness.grad().defined());
}

}  // namespace
}  // namespace denseshift::nn
