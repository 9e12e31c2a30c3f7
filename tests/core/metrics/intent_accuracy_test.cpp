#include "core/metrics/intent_accuracy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace denseshift::metrics {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::Pair;

/// 0 off/fan, 1 off/lamp, 2 on/fan, 3 on/lamp.
data::Intents four() {
  return data::Intents::from_combinations({"action", "object"},
                                          {{"on", "lamp"}, {"off", "lamp"}, {"on", "fan"}, {"off", "fan"}});
}

TEST(IntentAccuracy, WholeIntentsAndSlotsAreCounted) {
  IntentAccuracy accuracy(four());
  EXPECT_EQ(accuracy.accuracy(), 0) << "nothing is counted yet";
  accuracy.add(0, 0);
  accuracy.add(1, 1);
  accuracy.add(1, 3);  // the action is wrong
  accuracy.add(2, 3);  // the object is wrong
  accuracy.add(3, 0);  // both
  EXPECT_EQ(accuracy.samples(), 5);
  EXPECT_DOUBLE_EQ(accuracy.accuracy(), 0.4);
  EXPECT_THAT(accuracy.slot_accuracies(), ElementsAre(Pair("action", DoubleEq(0.6)), Pair("object", DoubleEq(0.6))));
  EXPECT_EQ(accuracy.confusion(1, 3), 1);
  EXPECT_EQ(accuracy.confusion(3, 1), 0);
}

TEST(IntentAccuracy, PartsAddUp) {
  IntentAccuracy whole(four());
  IntentAccuracy one(four());
  IntentAccuracy two(four());
  for (int i = 0; i < 40; ++i) {
    const std::int64_t truth = i % 4;
    const std::int64_t predicted = i * i % 7 % 4;
    whole.add(truth, predicted);
    (i % 3 == 0 ? one : two).add(truth, predicted);
  }
  two.merge(one);
  EXPECT_EQ(two.samples(), whole.samples());
  EXPECT_EQ(two.accuracy(), whole.accuracy());
  EXPECT_EQ(two.slot_accuracies(), whole.slot_accuracies());
  EXPECT_EQ(two.confusion_csv(), whole.confusion_csv());
}

TEST(IntentAccuracy, TheConfusionIsATableWithNames) {
  IntentAccuracy accuracy(data::Intents::from_combinations({"a", "b"}, {{"x", "1,5"}, {"y", "2"}}));
  accuracy.add(0, 1);
  accuracy.add(0, 1);
  accuracy.add(1, 1);
  EXPECT_EQ(accuracy.confusion_csv(), "true \\ predicted,\"x / 1,5\",y / 2\n\"x / 1,5\",0,2\ny / 2,0,1\n");
}

TEST(IntentAccuracy, WrongUseThrows) {
  IntentAccuracy accuracy(four());
  EXPECT_THROW(accuracy.add(4, 0), std::out_of_range);
  EXPECT_THROW(accuracy.add(0, -1), std::out_of_range);
  EXPECT_THROW(accuracy.merge(IntentAccuracy(data::Intents::from_combinations({"a"}, {{"x"}}))), std::invalid_argument);
  EXPECT_EQ(accuracy.samples(), 0);
}

}  // namespace
}  // namespace denseshift::metrics
