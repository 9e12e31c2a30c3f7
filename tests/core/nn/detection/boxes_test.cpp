// Overlap and suppression against the obvious quadratic way of doing them.

#include "core/nn/detection/boxes.h"

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
using ::testing::HasSubstr;
using testing::kInfinity;
using testing::kNan;
using testing::orders;

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

}  // namespace
}  // namespace denseshift::nn
