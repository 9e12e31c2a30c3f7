// Detection, segmentation, speech and classification transfer through the real program: train a backbone, finetune,
// evaluate, draw, export, resume.

#include <filesystem>
#include <fstream>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// Run 1: ResNet-18 in full precision; run 2: the same as DenseShift at 3 bits.
class Finetune : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    for (const char* method : {"fp32", "denseshift"}) {
      const ProgramResult result = run_program(tiny_training({"--arch", "resnet18", "--method", method, "--wbits",
                                                              std::string(method) == "fp32" ? "32" : "3", "--epochs",
                                                              "1", "--limit-train", "32", "--limit-val", "16"}),
                                               in_folder());
      ASSERT_EQ(result.status, 0) << result.err;
    }
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static ProgramOptions in_folder() { return {{}, folder_->path(), 300}; }

  static std::vector<std::string> finetune(const std::string& arch, const std::vector<std::string>& more) {
    const std::vector<std::pair<std::string, std::string>> defaults = {
        {"--model", arch},     {"--dataset", "shapes"}, {"--limit-train", "8"}, {"--limit-val", "4"},
        {"--batch-size", "4"}, {"--epochs", "1"},       {"--lr", "0.001"},      {"--threads", "1"}};
    std::vector<std::string> words = {"finetune", "--quiet"};
    for (const auto& [flag, value] : defaults) {
      if (std::find(more.begin(), more.end(), flag) == more.end()) words.insert(words.end(), {flag, value});
    }
    return with(words, more);
  }
  static nlohmann::json run_json(const std::vector<std::string>& words) {
    const ProgramResult result = run_program(with(words, {"--json"}), in_folder());
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out, nullptr, false);
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

const std::vector<std::string> kSmallFcos = {"--image-size", "64", "--fpn-channels", "32", "--head-convs", "1"};

TEST_F(Finetune, DetectorsTakeTheBackboneOfARun) {
  for (const std::string arch : {"fcos_resnet18_fpn", "ssd300_resnet18"}) {
    const bool fcos = arch.starts_with("fcos");
    const auto result = run_json(
        finetune(arch, with(fcos ? kSmallFcos : std::vector<std::string>{"--image-size", "96"}, {"--backbone", "2"})));
    ASSERT_TRUE(result.is_object()) << arch;
    EXPECT_EQ(result.at("status"), "finished");
    EXPECT_TRUE(result.at("val").contains("mAP")) << result.dump();
    const auto shown = json_of(*folder_, {"runs", "show", std::to_string(result.at("run").get<int>())});
    EXPECT_EQ(shown.at("parent"), 2);
    EXPECT_EQ(shown.at("command"), "finetune");
    EXPECT_EQ(shown.at("config").at("task"), "detection");
    EXPECT_EQ(shown.at("config").at("head_init"), "lvr");
    EXPECT_GT(shown.at("environment").at("backbone").at("copied").get<int>(), 50);
  }
}

TEST_F(Finetune, PartsAreQuantizedAsAsked) {
  const auto bits = [&](const std::vector<std::string>& more) {
    const auto result =
        run_json(with({"models", "--arch", "fcos_resnet18_fpn", "--image-size", "64", "--wbits", "3"}, more));
    std::map<std::string, std::int64_t> by_layer;
    for (const auto& layer : result.at("layers")) by_layer[layer.at("name")] = layer.at("wbits");
    return by_layer;
  };
  auto layers = bits({"--quantize", "backbone"});
  EXPECT_EQ(layers.at("backbone.body.conv1"), 32);
  EXPECT_EQ(layers.at("backbone.body.layer1.0.conv1"), 3);
  EXPECT_EQ(layers.at("backbone.fpn.inner_blocks.0.0"), 32);
  EXPECT_EQ(layers.at("head.classification_head.conv.0"), 32);
  layers = bits({"--quantize", "backbone", "--quantize", "fpn", "--quantize", "head", "--no-quantize-predictions"});
  EXPECT_EQ(layers.at("backbone.fpn.inner_blocks.0.0"), 3);
  EXPECT_EQ(layers.at("head.classification_head.conv.0"), 3);
  EXPECT_EQ(layers.at("head.classification_head.cls_logits"), 32);
  EXPECT_EQ(bits({}).at("head.classification_head.cls_logits"), 3);
}

TEST_F(Finetune, SegmentersTrainEvaluateDrawAndExport) {
  const auto result = run_json(
      finetune("deeplabv3_resnet18", {"--image-size", "65", "--backbone", "1", "--method", "fp32", "--wbits", "32"}));
  ASSERT_TRUE(result.is_object());
  EXPECT_TRUE(result.at("val").contains("mIoU")) << result.dump();
  const std::string run = std::to_string(result.at("run").get<int>());
  const auto evaluated = run_json({"eval", "--run", run, "--draw", "2", "--draw-out", "seg", "--predictions-out",
                                   "seg-out", "--quiet", "--threads", "1"});
  EXPECT_EQ(evaluated.at("mIoU"), result.at("val").at("mIoU"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_->file("seg")), {}), 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_->file("seg-out")), {}), 4);
}

TEST_F(Finetune, ExportedDetectionsEvaluateToTheSameNumbers) {
  const auto result = run_json(finetune("fcos_resnet18_fpn", with(kSmallFcos, {"--backbone", "2", "--epochs", "2"})));
  ASSERT_TRUE(result.is_object());
  const std::string run = std::to_string(result.at("run").get<int>());
  const auto evaluated = run_json({"eval", "--run", run, "--draw", "1", "--draw-out", "det", "--draw-score", "0",
                                   "--predictions-out", "det-out", "--limit-val", "0", "--quiet", "--threads", "1"});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_->file("det")), {}), 1);
  const ProgramResult synth = run_program(
      {"data", "synth", "shapes", "--task", "detection", "--image-size", "64", "--out", folder_->file("det-data")},
      in_folder());
  ASSERT_EQ(synth.status, 0) << synth.err;
  const auto again = run_json({"eval", "--predictions", folder_->file("det-out/results.json"), "--annotations",
                               folder_->file("det-data/annotations/instances_val.json")});
  ASSERT_TRUE(again.is_object());
  EXPECT_NEAR(100 * again.at("numbers").at("mAP").get<double>(), evaluated.at("mAP").get<double>(), 1e-9)
      << again.dump();
}

TEST_F(Finetune, AClassifierGetsANewHeadAndFrozenStages) {
  const auto result =
      run_json(with(finetune("resnet18", {"--task", "classification", "--backbone", "1", "--method", "fp32", "--wbits",
                                          "32", "--freeze-stages", "5", "--image-size", "32"}),
                    {}));
  ASSERT_TRUE(result.is_object());
  const int run = result.at("run").get<int>();
  std::vector<std::string> unequal;
  for (const std::string& name :
       differing_tensors(checkpoint_file(*folder_, 1, "best"), checkpoint_file(*folder_, run, "last"))) {
    if (name.starts_with("model.")) unequal.push_back(name);
  }
  // Everything in front of the new head is what it was, norms and their counters too.
  EXPECT_THAT(unequal, ::testing::UnorderedElementsAre("model.fc.weight", "model.fc.bias"));
}

TEST_F(Finetune, AStoppedDetectorResumesToTheSameBits) {
  const TemporaryFolder whole, cut;
  const std::vector<std::string> arguments =
      with(finetune("fcos_resnet18_fpn", with(kSmallFcos, {"--limit-train", "32"})),
           {"--backbone", fs::absolute(checkpoint_file(*folder_, 2, "best")).string(), "--checkpoint-every", "2"});
  ASSERT_EQ(run_program(arguments, {{}, whole.path(), 300}).status, 0);
  const ProgramResult stopped = run_and_signal(cut, arguments, "KILL");
  ASSERT_EQ(stopped.status, 128 + 9) << stopped.err;
  const ProgramResult resumed = run_program({"train", "--resume", "1", "--quiet"}, {{}, cut.path(), 300});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(differing_tensors(checkpoint_file(whole, 1, "last"), checkpoint_file(cut, 1, "last")), IsEmpty());
  EXPECT_EQ(result_metrics(whole, "1"), result_metrics(cut, "1"));
}

TEST_F(Finetune, SpeechRecordsIntentsAndATestSplit) {
  const auto result =
      run_json({"train", "--dataset", "tones8", "--arch", "resnet18", "--wbits", "3", "--limit-train", "32",
                "--limit-val", "16", "--batch-size", "16", "--epochs", "1", "--threads", "1", "--quiet"});
  ASSERT_TRUE(result.is_object());
  EXPECT_TRUE(result.at("val").contains("intent_accuracy")) << result.dump();
  const std::string run = std::to_string(result.at("run").get<int>());
  const auto shown = json_of(*folder_, {"runs", "show", run});
  EXPECT_EQ(shown.at("environment").at("intents").at("intents").size(), 8u);
  EXPECT_THAT(run_program({"runs", "metrics", run}, in_folder()).out, HasSubstr("test"));
}

TEST_F(Finetune, WhatCannotWorkIsSaidInOneLine) {
  const auto fails = [&](const std::vector<std::string>& words, const std::string& message) {
    const ProgramResult result = run_program(words, in_folder());
    EXPECT_EQ(result.status, 2) << message;
    EXPECT_THAT(result.err, StartsWith("denseshift: ")) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
  };
  fails(finetune("fcos_resnet18_fpn", {}), "nothing to start from");
  fails(finetune("fcos_resnet50_fpn", with(kSmallFcos, {"--backbone", "2"})), "its backbone is not the network's");
  fails(finetune("fcos_resnet18_fpn", with(kSmallFcos, {"--backbone", "1"})),
        "no start from the full-precision weight");
  fails(finetune("fcos_resnet18", {"--backbone", "1"}), "unknown architecture 'fcos_resnet18'");
  fails(finetune("resnet18", {"--task", "detection", "--backbone", "1"}), "is a network for classification");
  fails(finetune("fcos_resnet18_fpn", {"--backbone", "nowhere.pth"}), "backbone: there is no file nowhere.pth");
  fails(
      finetune("fcos_resnet18_fpn", with(kSmallFcos, {"--backbone", "2", "--freeze-stages", "5", "--quantize", "hed"})),
      "unknown value 'hed'");
  fails(finetune("fcos_resnet18_fpn", with(kSmallFcos, {"--backbone", "2", "--dataset", "cifar10"})),
        "dataset cifar10 is not for detection");
  EXPECT_THAT(run_program({"finetune", "--help"}, in_folder()).out, HasSubstr("--backbone"));
}

}  // namespace
}  // namespace denseshift::testing
