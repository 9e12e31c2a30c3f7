// The schedule that the authors' script runs.

#include <gtest/gtest.h>

#include "core/optim/lr_schedule.h"
#include "tests/support/quantizer_vectors.h"

namespace denseshift::optim {
namespace {

TEST(ScheduleVectors, AuthorsCosine) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int compared = 0;
  for (const nlohmann::json& entry : denseshift::testing::quantizer_vectors()) {
    const nlohmann::json& params = entry.at("params");
    if (entry.at("kind") != "schedule" || entry.at("method") != "DenseShift" || !params.contains("base_lr")) continue;
    LrOptions options;
    options.lr = denseshift::testing::number(params.at("base_lr"));
    options.epochs = params.at("epochs").get<std::int64_t>();
    options.steps_per_epoch = 5;
    options.lr_offset = "demo";
    const LrSchedule schedule(options);
    std::vector<double> first, last;
    for (const auto epoch : denseshift::testing::tensor<std::int64_t>(entry.at("inputs").at("epoch"))) {
      first.push_back(schedule.at(epoch * options.steps_per_epoch));
      last.push_back(schedule.at((epoch + 1) * options.steps_per_epoch - 1));
    }
    denseshift::testing::expect_tensor(entry, "lr", first);
    denseshift::testing::expect_tensor(entry, "lr", last);
    ++compared;
  }
  EXPECT_GT(compared, 0) << "the file has no schedule of the authors";
}

}  // namespace
}  // namespace denseshift::optim
