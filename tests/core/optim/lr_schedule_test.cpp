#include "core/optim/lr_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/util/error.h"

namespace denseshift::optim {
namespace {

LrOptions options(const std::string& schedule, std::int64_t epochs, std::int64_t steps_per_epoch) {
  LrOptions result;
  result.schedule = schedule;
  result.epochs = epochs;
  result.steps_per_epoch = steps_per_epoch;
  return result;
}

TEST(LrSchedule, CosineHasOneValuePerEpoch) {
  const LrSchedule schedule(options("cosine", 4, 3));
  const double expected[] = {0.1, 0.0853553390593, 0.05, 0.0146446609407};
  for (std::int64_t step = 0; step < 12; ++step) EXPECT_NEAR(schedule.at(step), expected[step / 3], 1e-12) << step;
  EXPECT_NEAR(schedule.at(12), 0.0, 1e-17);
  EXPECT_NEAR(schedule.at(1000), 0.0, 1e-17);
}

TEST(LrSchedule, DemoRunsOneEpochAhead) {
  LrOptions demo = options("cosine", 4, 3);
  demo.lr_offset = "demo";
  const double expected[] = {0.0853553390593, 0.05, 0.0146446609407, 0.0};
  for (std::int64_t step = 0; step < 12; ++step)
    EXPECT_NEAR(LrSchedule(demo).at(step), expected[step / 3], 1e-12) << step;
  for (const char* name : {"step", "poly", "constant"}) {
    LrOptions ahead = options(name, 90, 2);
    ahead.lr_offset = "demo";
    EXPECT_EQ(LrSchedule(ahead).at(59), LrSchedule(options(name, 90, 2)).at(61)) << name;
  }
}

TEST(LrSchedule, StepFallsEveryThirtyEpochsUnlessTold) {
  const LrSchedule usual(options("step", 90, 2));
  EXPECT_DOUBLE_EQ(usual.at(59), 0.1);
  EXPECT_DOUBLE_EQ(usual.at(60), 0.01);
  EXPECT_DOUBLE_EQ(usual.at(119), 0.01);
  EXPECT_DOUBLE_EQ(usual.at(120), 0.001);

  LrOptions fcos = options("step", 26, 10);
  fcos.lr = 0.01;
  fcos.milestones = {22, 16};
  EXPECT_DOUBLE_EQ(LrSchedule(fcos).at(159), 0.01);
  EXPECT_DOUBLE_EQ(LrSchedule(fcos).at(160), 0.001);
  EXPECT_DOUBLE_EQ(LrSchedule(fcos).at(219), 0.001);
  EXPECT_DOUBLE_EQ(LrSchedule(fcos).at(220), 0.0001);
  fcos.milestones = {1.5};
  fcos.lr_gamma = 0.5;
  EXPECT_DOUBLE_EQ(LrSchedule(fcos).at(14), 0.01);
  EXPECT_DOUBLE_EQ(LrSchedule(fcos).at(15), 0.005);
}

TEST(LrSchedule, PolyFallsEveryStep) {
  LrOptions deeplab = options("poly", 30, 100);
  deeplab.lr = 0.02;
  const LrSchedule schedule(deeplab);
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.02);
  EXPECT_NEAR(schedule.at(1500), 0.02 * std::pow(0.5, 0.9), 1e-15);
  EXPECT_NEAR(schedule.at(2999), 0.02 * std::pow(1.0 / 3000, 0.9), 1e-12);
  EXPECT_EQ(schedule.at(3000), 0.0);
  EXPECT_EQ(schedule.at(3001), 0.0);
}

TEST(LrSchedule, WarmupIsAStraightLineTimesTheSchedule) {
  LrOptions warm = options("constant", 10, 4);
  warm.warmup_epochs = 2.5;  // 10 steps
  const LrSchedule schedule(warm);
  for (std::int64_t step = 0; step < 10; ++step) {
    EXPECT_NEAR(schedule.at(step), 0.1 * static_cast<double>(step + 1) / 10, 1e-15) << step;
  }
  EXPECT_DOUBLE_EQ(schedule.at(10), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(39), 0.1);

  LrOptions both = options("cosine", 10, 4);
  both.warmup_epochs = 2.5;
  EXPECT_NEAR(LrSchedule(both).at(7), 0.8 * LrSchedule(options("cosine", 10, 4)).at(7), 1e-15);
  EXPECT_DOUBLE_EQ(LrSchedule(both).at(12), LrSchedule(options("cosine", 10, 4)).at(12));
}

void expect_refused(const LrOptions& bad, const std::string& word) {
  try {
    const LrSchedule schedule(bad);
    FAIL() << "accepted a bad " << word;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
  }
}

TEST(LrSchedule, BadOptionsAreNamed) {
  const LrOptions good = options("cosine", 2, 2);
  LrOptions bad = good;
  bad.schedule = "cosin";
  expect_refused(bad, "cosin");
  (bad = good).lr_offset = "sometimes";
  expect_refused(bad, "lr_offset");
  (bad = good).lr = -1;
  expect_refused(bad, "lr");
  (bad = good).lr = std::numeric_limits<double>::quiet_NaN();
  expect_refused(bad, "lr");
  (bad = good).steps_per_epoch = 0;
  expect_refused(bad, "steps_per_epoch");
  (bad = good).epochs = 0;
  expect_refused(bad, "epochs");
  (bad = good).warmup_epochs = -0.5;
  expect_refused(bad, "warmup_epochs");
  (bad = good).lr_gamma = -1;
  expect_refused(bad, "lr_gamma");
  (bad = good).poly_power = -1;
  expect_refused(bad, "poly_power");
}

TEST(LrSchedule, EveryRegisteredScheduleStartsAtTheHighestRate) {
  EXPECT_EQ(lr_schedules().names(), (std::vector<std::string>{"cosine", "step", "poly", "constant"}));
  for (const std::string& name : lr_schedules().names()) {
    const LrSchedule schedule(options(name, 100, 7));
    EXPECT_DOUBLE_EQ(schedule.at(0), 0.1) << name;
    for (std::int64_t step = 1; step <= 700; ++step) {
      EXPECT_LE(schedule.at(step), schedule.at(step - 1)) << name << " " << step;
      EXPECT_GE(schedule.at(step), 0.0);
    }
  }
}

}  // namespace
}  // namespace denseshift::optim
