// The smoke recipes learn: trainings of a minute or two each through the real program, with bounds on what they reach.
// Only with DENSESHIFT_GATES=1 (scripts/nightly.sh), as they take minutes.

#include <cstdlib>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

struct Gate {
  std::string name;
  std::vector<std::string> training;  ///< without method and learning rate
  std::string fp32_lr, denseshift_lr;
  std::string metric;
  double fp32 = 0;        ///< to be exceeded, in percent, on the training pictures
  double denseshift = 0;  ///< the same with all parts at 3 bits, chosen after a first run (docs/finetune.md)
};

/// Learning rates: docs/finetune.md says why those of a low-variance start are lower.
const std::vector<Gate>& gates() {
  static const std::vector<Gate> all = {
      {"fcos",
       {"--arch", "fcos_resnet18_fpn", "--task", "detection", "--image-size", "128", "--fpn-channels", "64",
        "--head-convs", "2", "--clip-grad-norm", "10", "--batch-size", "8", "--warmup-epochs", "5"},
       "0.02",
       "0.00125",
       "AP50",
       60,
       70},
      {"ssd",
       {"--arch", "ssd300_resnet18", "--task", "detection", "--image-size", "128", "--no-augment", "--clip-grad-norm",
        "10", "--batch-size", "8", "--warmup-epochs", "5", "--weight-decay", "0.0005", "--no-decay-norms"},
       "0.01",
       "0.00125",
       "AP50",
       50,
       70},
      {"deeplab",
       {"--arch", "deeplabv3_resnet18", "--task", "segmentation", "--image-size", "65", "--no-augment", "--schedule",
        "poly", "--batch-size", "8", "--warmup-epochs", "2.5"},
       "0.02",
       "0.01",
       "mIoU",
       45,
       45},
  };
  return all;
}

class Gates : public ::testing::TestWithParam<Gate> {};

TEST_P(Gates, AreReachedInFullPrecisionAndAtThreeBits) {
  if (std::getenv("DENSESHIFT_GATES") == nullptr) GTEST_SKIP() << "takes minutes: set DENSESHIFT_GATES=1";
  const Gate& gate = GetParam();
  const TemporaryFolder folder;
  for (const bool fp32 : {true, false}) {
    std::vector<std::string> words = {"train", "--quiet", "--threads", "1", "--limit-val", "8", "--limit-train", "32"};
    words = with(words, gate.training);
    words = with(words, fp32 ? std::vector<std::string>{"--method", "fp32", "--epochs", "20", "--lr", gate.fp32_lr}
                             : std::vector<std::string>{"--wbits", "3", "--epochs", "50", "--lr", gate.denseshift_lr});
    const ProgramResult trained = run_program(words, {{}, folder.path(), 1100});
    ASSERT_EQ(trained.status, 0) << trained.err;
    const auto result =
        json_of(folder, {"eval", "--run", "last", "--last", "--split", "train", "--quiet", "--no-record"});
    EXPECT_GT(result.at(gate.metric).get<double>(), fp32 ? gate.fp32 : gate.denseshift)
        << gate.name << (fp32 ? " fp32" : " 3 bits");
    std::cout << gate.name << (fp32 ? " fp32 " : " 3 bits ") << gate.metric << " " << result.at(gate.metric) << "\n";
  }
}

INSTANTIATE_TEST_SUITE_P(Smoke, Gates, ::testing::ValuesIn(gates()), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace denseshift::testing
