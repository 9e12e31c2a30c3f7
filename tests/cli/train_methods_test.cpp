// Every method through the real program: training, evaluation of the reloaded network, integer codes, conversion, and
// resuming with the state that methods keep.

#include <filesystem>
#include <fstream>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Methods : public WithTrainedNetwork {
 protected:
  static std::string base() { return folder_->file("denseshift-runs/1/best.json"); }
};

TEST_F(Methods, TrainEvaluateToTheRecordedAccuracyAndExportTheirCodes) {
  const nlohmann::json methods = json_of(*folder_, {"models", "methods"});
  int trained = 0;
  for (const nlohmann::json& method : methods) {
    if (method.value("quantizes", "") != "weights" || method.at("name") == "fp32") continue;
    const std::string name = method.at("name");
    std::vector<std::string> options = {
        "--method",      name,   "--wbits",  std::to_string(method.at("default_bits").get<int>()),
        "--limit-train", "64",   "--epochs", "4",
        "--lr",          "0.001"};
    if (method.at("needs_pretrained").get<bool>()) options = with(options, {"--pretrained", "1"});
    if (name == "bwhn") options = with(options, {"--method-option", "patches=500"});
    const ProgramResult result = run_program(with(tiny_training(options), {"--json"}), in_folder());
    ASSERT_EQ(result.status, 0) << name << ": " << result.err;
    const nlohmann::json run = nlohmann::json::parse(result.out);
    const std::string id = std::to_string(run.at("run").get<int>());

    const nlohmann::json again =
        json_of(*folder_, {"eval", "--run", id, "--quiet", "--record=false", "--threads", "1"});
    EXPECT_EQ(again.at("top1"), run.at("best").at("top1")) << name << ": a reloaded network must score the same";

    const nlohmann::json codes =
        json_of(*folder_, {"convert", "--run", id, "--to", "codes", "--out", name + ".safetensors", "--record=false"});
    EXPECT_EQ(codes.at("different"), 0) << name;
    EXPECT_EQ(codes.at("weights"), 267264) << name;
    ++trained;
  }
  EXPECT_EQ(trained, 17);
}

TEST_F(Methods, ShiftNetworksConvertToZeroFreeOnesThatScoreTheSame) {
  const std::vector<std::vector<std::string>> trainings = {
      {"--method", "s3", "--wbits", "4"},
      {"--method", "inq", "--wbits", "5", "--pretrained", "1", "--epochs", "3"},
      {"--method", "deepshift-ps", "--wbits", "4"},
      {"--method", "deepshift-q", "--wbits", "4"},
  };
  for (const std::vector<std::string>& options : trainings) {
    const std::string& name = options[1];
    std::vector<std::string> words = with(options, {"--limit-train", "64"});
    const bool fixed = name.rfind("deepshift", 0) == 0;
    if (fixed) words = with(words, {"--method-option", "act_fixed=off"});
    const ProgramResult trained = run_program(with(tiny_training(words), {"--json"}), in_folder());
    ASSERT_EQ(trained.status, 0) << trained.err;
    const nlohmann::json run = nlohmann::json::parse(trained.out);
    const nlohmann::json converted =
        json_of(*folder_, {"convert", "--run", std::to_string(run.at("run").get<int>()), "--to", "denseshift", "--out",
                           "zero-free-" + name, "--samples", "32"});
    EXPECT_EQ(converted.at("different"), 0) << name;
    EXPECT_EQ(converted.at("same_class"), converted.at("samples")) << name;
    const nlohmann::json score = json_of(*folder_, {"eval", "--run", std::to_string(converted.at("run").get<int>()),
                                                    "--quiet", "--record=false", "--threads", "1"});
    EXPECT_EQ(score.at("top1"), run.at("best").at("top1")) << name;
    const nlohmann::json shown = json_of(*folder_, {"runs", "show", std::to_string(converted.at("run").get<int>())});
    EXPECT_EQ(shown.at("parent"), run.at("run"));
  }
}

TEST_F(Methods, ConversionRefusesWhatIsNoShiftNetwork) {
  ASSERT_EQ(run_program(tiny_training({"--method", "twn", "--wbits", "2", "--limit-train", "32", "--epochs", "1"}),
                        in_folder())
                .status,
            0);
  const ProgramResult twn = run_program({"convert", "--run", "last", "--to", "denseshift", "--out", "no"}, in_folder());
  EXPECT_EQ(twn.status, 2);
  EXPECT_THAT(twn.err, HasSubstr("its scale is no power of two"));
  EXPECT_FALSE(std::filesystem::exists(folder_->file("no")));
  const ProgramResult fp32 = run_program({"convert", "--run", "1", "--to", "codes", "--out", "no"}, in_folder());
  EXPECT_EQ(fp32.status, 2);
  EXPECT_THAT(fp32.err, HasSubstr("the network has no quantized layer"));
  EXPECT_EQ(run_program({"convert", "--run", "1", "--to", "onnx", "--out", "no"}, in_folder()).status, 2);
  EXPECT_EQ(run_program({"convert", "--to", "codes", "--out", "no"}, in_folder()).status, 2);
}

/// What each method keeps beside its weights: masks, stages, random draws, moving averages, a schedule.
TEST_F(Methods, ResumeToTheBitsOfAnUninterruptedTraining) {
  const std::vector<std::vector<std::string>> trainings = {
      {"--method", "inq", "--wbits", "4", "--method-option", "portions=0.4,0.7,1", "--pretrained", base()},
      {"--method", "sq-twn", "--wbits", "2", "--method-option", "ratios=0.5,1"},
      {"--method", "lq-nets", "--wbits", "2"},
      {"--method", "lr-net", "--wbits", "2"},
      {"--method", "ir-net", "--wbits", "1"},
      {"--method", "s3", "--wbits", "3", "--accumulate", "2", "--clip-grad-norm", "5"},
      {"--method", "apot", "--wbits", "3", "--pretrained", base(), "--abits", "4"},
      {"--method", "bwhn", "--wbits", "1", "--pretrained", base(), "--method-option", "patches=2000", "--abits", "2",
       "--activation", "lq-nets"},
  };
  for (const std::vector<std::string>& options : trainings) {
    const TemporaryFolder whole, cut;
    const std::vector<std::string> arguments =
        tiny_training(with(options, {"--checkpoint-every", "2", "--lr", "0.005"}));
    const ProgramResult uninterrupted = run_program(arguments, {{}, whole.path(), 120});
    ASSERT_EQ(uninterrupted.status, 0) << options[1] << ": " << uninterrupted.err;
    ASSERT_EQ(run_and_signal(cut, arguments, "TERM").status, 130) << options[1];
    const ProgramResult resumed = run_program({"train", "--resume", "1", "--quiet"}, {{}, cut.path(), 120});
    ASSERT_EQ(resumed.status, 0) << options[1] << ": " << resumed.err;
    EXPECT_THAT(differing_tensors(checkpoint_file(whole, 1, "last"), checkpoint_file(cut, 1, "last")), IsEmpty())
        << options[1];
    EXPECT_EQ(result_metrics(cut, "1"), result_metrics(whole, "1")) << options[1];
  }
}

}  // namespace
}  // namespace denseshift::testing
