#include "core/metrics/confusion.h"

#include <gmock/gmock.h>

#include <stdexcept>

namespace denseshift::metrics {
namespace {

using ::testing::ElementsAre;
using Labels = std::vector<std::uint8_t>;

TEST(Confusion, CountsPixelsThatHaveAClass) {
  const Labels truth = {0, 0, 1, 1, 255, 3}, prediction = {0, 1, 1, 1, 0, 2};
  Confusion confusion(3);
  confusion.add(truth.data(), prediction.data(), 6);
  EXPECT_THAT(confusion.counts(), ElementsAre(1, 1, 0, 0, 2, 0, 0, 0, 0)) << "255 and labels beyond do not count";
  const SegmentationNumbers numbers = confusion.numbers();
  EXPECT_THAT(numbers.iou, ElementsAre(0.5, 2.0 / 3, -1));
  EXPECT_THAT(numbers.accuracy, ElementsAre(0.5, 1, -1));
  EXPECT_DOUBLE_EQ(numbers.miou, (0.5 + 2.0 / 3) / 2);
  EXPECT_EQ(numbers.averaged, 2) << "a class that occurs nowhere is not averaged";
  EXPECT_DOUBLE_EQ(numbers.global_correct, 0.75);
}

TEST(Confusion, AClassThatIsOnlyPredictedCountsAsZero) {
  const Labels truth = {0, 0}, prediction = {0, 1};
  Confusion confusion(2);
  confusion.add(truth.data(), prediction.data(), 2);
  EXPECT_THAT(confusion.numbers().iou, ElementsAre(0.5, 0));
  EXPECT_THAT(confusion.numbers().accuracy, ElementsAre(0.5, -1));
  EXPECT_EQ(confusion.numbers().miou, 0.25);
}

TEST(Confusion, PartsAddUp) {
  const Labels truth = {0, 1, 2, 1, 0, 2, 2}, prediction = {0, 2, 2, 1, 1, 0, 2};
  Confusion whole(3), first(3), second(3);
  whole.add(truth.data(), prediction.data(), 7);
  first.add(truth.data(), prediction.data(), 4);
  second.add(truth.data() + 4, prediction.data() + 4, 3);
  first.merge(second);
  EXPECT_EQ(first.counts(), whole.counts());
  EXPECT_EQ(first.numbers().miou, whole.numbers().miou);
}

TEST(Confusion, NothingSeenIsUndefined) {
  const SegmentationNumbers numbers = Confusion(2).numbers();
  EXPECT_EQ(numbers.miou, -1);
  EXPECT_EQ(numbers.global_correct, -1);
  EXPECT_EQ(numbers.averaged, 0);
}

TEST(Confusion, OtherIgnoredLabelAndMisuse) {
  const Labels truth = {0, 1}, prediction = {0, 0}, beyond = {0, 2};
  Confusion confusion(2, 1);
  confusion.add(truth.data(), prediction.data(), 2);
  EXPECT_THAT(confusion.counts(), ElementsAre(1, 0, 0, 0));
  Confusion strict(2);
  EXPECT_THROW(strict.add(truth.data(), beyond.data(), 2), std::invalid_argument);
  EXPECT_THROW(strict.merge(Confusion(3)), std::invalid_argument);
  EXPECT_THROW(Confusion(0), std::invalid_argument);
  EXPECT_THROW(Confusion(256), std::invalid_argument);
}

}  // namespace
}  // namespace denseshift::metrics
