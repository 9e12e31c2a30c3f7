// Overlap, suppression, target assignment and proposals against the obvious quadratic way of doing them.

#include "core/nn/detection/boxes.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "core/nn/detection/fcos_boxes.h"
#include "core/nn/detection/ssd_boxes.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class Draw {
 public:
  explicit Draw(unsigned seed) : engine_(seed) {}
  float number(float low, float high) { return std::uniform_real_distribution<float>(low, high)(engine_); }
  std::int64_t whole(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  /// On a coarse grid, so that equal boxes, equal areas and touching sides are common.
  Box box(float side, std::int64_t grid) {
    const float cell = side / static_cast<float>(grid);
    const auto pair = [&] {
      const std::int64_t a = whole(0, grid - 1);
      return std::pair{static_cast<float>(a) * cell, static_cast<float>(whole(a + 1, grid)) * cell};
    };
    const auto [left, right] = pair();
    const auto [top, bottom] = pair();
    return {left, top, right, bottom};
  }

 private:
  std::mt19937 engine_;
};

/// Marks what each box removes, one class after the other, then sorts what is left.
std::vector<Candidate> quadratic_suppression(std::vector<Candidate> all, double threshold, NmsRule rule,
                                             std::size_t keep) {
  std::vector<Candidate> kept;
  for (std::int64_t label = 0; label < 8; ++label) {
    std::vector<Candidate> rest;
    for (const Candidate& c : all) {
      if (c.label == label && !std::isnan(c.score) && is_finite(c.box)) rest.push_back(c);
    }
    while (!rest.empty()) {
      std::size_t best = 0;
      for (std::size_t i = 1; i < rest.size(); ++i) {
        if (better(rest[i], rest[best])) best = i;
      }
      const Candidate winner = rest[best];
      kept.push_back(winner);
      std::vector<Candidate> left;
      for (std::size_t i = 0; i < rest.size(); ++i) {
        const double iou = box_iou(winner.box, rest[i].box);
        const bool removed = rule == NmsRule::above ? iou > threshold : !(iou < threshold);
        if (i != best && !removed) left.push_back(rest[i]);
      }
      rest = left;
    }
  }
  std::stable_sort(kept.begin(), kept.end(), better);
  if (kept.size() > keep) kept.resize(keep);
  return kept;
}

std::vector<std::int64_t> orders(const std::vector<Candidate>& candidates) {
  std::vector<std::int64_t> result;
  for (const Candidate& c : candidates) result.push_back(c.order);
  return result;
}

TEST(Boxes, IouOfEqualTouchingAndEmptyBoxes) {
  const Box a{0, 0, 4, 2};
  EXPECT_FLOAT_EQ(box_iou(a, a), 1);
  EXPECT_FLOAT_EQ(box_iou(a, {2, 0, 6, 2}), 4.0F / 12);
  EXPECT_EQ(box_iou(a, {4, 0, 8, 2}), 0);
  EXPECT_EQ(box_iou(a, {9, 9, 10, 10}), 0);
  EXPECT_TRUE(std::isnan(box_iou({1, 1, 1, 1}, {1, 1, 1, 1})));
}

TEST(Boxes, ClippedBoxesLieInTheImage) {
  EXPECT_THAT(clip_box({-3, -1, 50, 70}, 40, 60), ElementsAre(0, 0, 50, 40));
  EXPECT_THAT(clip_box({70, 5, kInfinity, 6}, 40, 60), ElementsAre(60, 5, 60, 6));
}

TEST(Boxes, GiouLossAndItsGradient) {
  // Equal, half overlapped, apart: IoU 1, 1/3, 0; hull as large as the union but for the last, where 2 of 6 are empty.
  const at::Tensor wanted = at::tensor({0., 0., 2., 2., 0., 0., 2., 2., 0., 0., 2., 2.}, at::kDouble).view({3, 4});
  at::Tensor predicted = at::tensor({0., 0., 2., 2., 1., 0., 3., 2., 4., 0., 6., 2.}, at::kDouble).view({3, 4});
  predicted.requires_grad_(true);
  const at::Tensor loss = giou_loss(predicted, wanted);
  const std::vector<double> expected = {0, 1 - 1.0 / 3, 1 + 4.0 / 12};
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(loss[i].item<double>(), expected[static_cast<std::size_t>(i)], 1e-6);
  }
  loss.sum().backward();
  // Moving the box that does not touch to the left helps.
  EXPECT_GT(predicted.grad()[2][0].item<double>(), 0);
  const at::Tensor empty = at::zeros({0, 4});
  EXPECT_EQ(giou_loss(empty, empty).numel(), 0);
}

TEST(Boxes, TargetsWithoutAreaAreErrors) {
  EXPECT_TRUE(checked_boxes(at::zeros({0, 4}), "image 1").empty());
  EXPECT_EQ(checked_boxes(at::tensor({1.F, 2.F, 3.F, 4.F}).view({1, 4}), "image 1").size(), 1u);
  for (const Box& box : {Box{1, 1, 1, 5}, Box{1, 5, 3, 1}, Box{kNan, 1, 3, 4}, Box{0, 0, kInfinity, 4}}) {
    const at::Tensor tensor = at::tensor(std::vector<float>(box.begin(), box.end())).view({1, 4});
    try {
      (void)checked_boxes(tensor, "image 1");
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("image 1: box 0 from ("));
      EXPECT_EQ(error.kind(), ErrorKind::input);
    }
  }
}

TEST(Suppression, EqualsTheQuadraticReference) {
  Draw draw(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Candidate> candidates;
    const std::int64_t count = draw.whole(0, 60);
    for (std::int64_t i = 0; i < count; ++i) {
      Candidate c{draw.box(16, 8), static_cast<float>(draw.whole(0, 12)) / 12, draw.whole(0, 3), i};
      if (draw.whole(0, 9) == 0 && !candidates.empty()) c.box = candidates.back().box;
      if (draw.whole(0, 19) == 0) c.score = kNan;
      if (draw.whole(0, 19) == 0) c.box[2] = draw.whole(0, 1) == 0 ? kNan : kInfinity;
      if (draw.whole(0, 19) == 0) c.box[2] = c.box[0];
      candidates.push_back(c);
    }
    const double threshold = std::vector<double>{0, 0.25, 0.5, 0.6, 1}[static_cast<std::size_t>(draw.whole(0, 4))];
    const std::size_t keep = static_cast<std::size_t>(draw.whole(0, 40));
    for (const NmsRule rule : {NmsRule::above, NmsRule::at_least}) {
      EXPECT_EQ(orders(suppress(candidates, threshold, rule, keep)),
                orders(quadratic_suppression(candidates, threshold, rule, keep)))
          << "round " << round;
    }
  }
}

TEST(Suppression, IdenticalBoxesAndTheThresholdItself) {
  const Box box{0, 0, 2, 1}, half{1, 0, 2, 1};  // IoU exactly 0.5
  const std::vector<Candidate> same = {{box, 0.5F, 0, 0}, {box, 0.5F, 0, 1}, {box, 0.5F, 1, 2}};
  EXPECT_THAT(orders(suppress(same, 0.6, NmsRule::above, 10)), ElementsAre(0, 2));
  const std::vector<Candidate> pair = {{half, 0.4F, 0, 0}, {box, 0.5F, 0, 1}};
  EXPECT_THAT(orders(suppress(pair, 0.5, NmsRule::above, 10)), ElementsAre(1, 0));
  EXPECT_THAT(orders(suppress(pair, 0.5, NmsRule::at_least, 10)), ElementsAre(1));
}

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
