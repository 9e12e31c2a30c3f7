// Networks that start from trained ones: runs, checkpoints, safetensors, and what is said about those that do not fit.

#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;

class Pretrained : public WithTrainedNetwork {
 protected:
  /// A training of a few steps that starts from `source`.
  static ProgramResult start(const std::string& source, const std::vector<std::string>& more = {}) {
    return run_program(
        tiny_training(more.empty() || more[0] != "--method"
                          ? with({"--method", "twn", "--wbits", "2", "--limit-train", "32", "--epochs", "1",
                                  "--pretrained", source},
                                 more)
                          : with({"--limit-train", "32", "--epochs", "1", "--pretrained", source}, more)),
        in_folder());
  }

  /// Writes the network of run 1 with other names or fewer tensors: `keep` gives each tensor's new name, or nothing.
  static std::string rewritten(const std::string& name, const std::function<std::string(const std::string&)>& keep) {
    const io::SafetensorsFile file(checkpoint_file(*folder_, 1, "best"));
    std::vector<io::TensorView> views;
    for (const auto& [old_name, view] : file.tensors()) {
      if (old_name.rfind("model.", 0) != 0) continue;
      const std::string new_name = keep(old_name.substr(6));
      if (new_name.empty()) continue;
      views.push_back(view);
      views.back().name = new_name;
    }
    const std::string path = folder_->file(name);
    (void)io::write_safetensors(path, views, {});
    return path;
  }

  static nlohmann::json pretrained_record(const std::string& run) {
    return json_of(*folder_, {"runs", "show", run}).at("environment").at("pretrained");
  }
};

TEST_F(Pretrained, ARunACheckpointAndASafetensorsFileGiveTheSameStart) {
  const std::string plain = rewritten("plain.safetensors", [](const std::string& name) { return name; });
  std::vector<std::string> files;
  for (const std::string& source :
       {std::string("1"), folder_->file("denseshift-runs/1/best.json"), checkpoint_file(*folder_, 1, "best"), plain}) {
    const ProgramResult result = run_program(tiny_training({"--method", "twn", "--wbits", "2", "--limit-train", "32",
                                                            "--epochs", "1", "--pretrained", source, "--json"}),
                                             in_folder());
    ASSERT_EQ(result.status, 0) << source << ": " << result.err;
    const nlohmann::json run = nlohmann::json::parse(result.out);
    files.push_back(checkpoint_file(*folder_, run.at("run").get<int>(), "last"));
    const nlohmann::json record = pretrained_record(std::to_string(run.at("run").get<int>()));
    EXPECT_EQ(record.at("missing").size(), 0u);
    EXPECT_EQ(record.at("sha256").get<std::string>().size(), 64u);
    if (source == "1") {
      EXPECT_EQ(record.at("method"), "fp32");
      EXPECT_EQ(record.at("run"), 1);
    }
  }
  for (const std::string& file : files) EXPECT_THAT(differing_tensors(files[0], file), ::testing::IsEmpty());
}

TEST_F(Pretrained, OldFilesLackTheBatchCounters) {
  const std::string file = rewritten("old.safetensors", [](const std::string& name) {
    return name.find("num_batches_tracked") == std::string::npos ? name : std::string();
  });
  EXPECT_EQ(start(file).status, 0);
  EXPECT_GT(pretrained_record("last").at("fresh").size(), 10u);
}

TEST_F(Pretrained, WhatDoesNotFitIsOneLineAndNothingIsRecorded) {
  const std::size_t runs = json_of(*folder_, {"runs", "list"}).size();
  const auto refused = [&](const std::string& source, const std::string& message,
                           const std::vector<std::string>& more = {}) {
    const ProgramResult result = start(source, more);
    EXPECT_EQ(result.status, 2) << source;
    EXPECT_THAT(result.err, HasSubstr(message)) << source;
  };
  refused("nowhere.pth", "there is no file nowhere.pth");
  refused("999", "999");
  refused(rewritten("short.safetensors",
                    [](const std::string& name) { return name == "layer2.0.bn1.weight" ? std::string() : name; }),
          "layer2.0.bn1.weight is missing");
  refused(rewritten("long.safetensors",
                    [](const std::string& name) { return name == "fc.bias" ? std::string("fc.bios") : name; }),
          "fc.bias is missing");
  refused("1", "conv1.weight has shape [16, 3, 3, 3], expected [64, 3, 7, 7]", {"--arch", "resnet18"});
  refused("1", "weights have no start from the full-precision weight", {"--method", "denseshift", "--wbits", "3"});
  refused(rewritten("escape.safetensors",
                    [](const std::string& name) { return name == "fc.bias" ? std::string("fc.\x1b[2J\nbias") : name; }),
          "the name of a tensor has characters other than printable ASCII");
  std::ofstream(folder_->file("broken.pth")) << "PK\x03\x04 this is no archive";
  refused(folder_->file("broken.pth"), "broken.pth");
  std::ofstream(folder_->file("broken.safetensors")) << "not a file of tensors";
  refused(folder_->file("broken.safetensors"), "broken.safetensors");
  EXPECT_EQ(json_of(*folder_, {"runs", "list"}).size(), runs);
}

TEST_F(Pretrained, PartialLoadsSayWhatStartedAtRandom) {
  const std::string file = rewritten("other-head.safetensors", [](const std::string& name) {
    if (name == "fc.bias") return std::string();
    return name == "fc.weight" ? std::string("head.weight") : name;
  });
  EXPECT_EQ(start(file).status, 2);
  ASSERT_EQ(start(file, {"--pretrained-load", "partial"}).status, 0);
  const nlohmann::json record = pretrained_record("last");
  EXPECT_THAT(record.at("missing").dump(), HasSubstr("fc.bias"));
  EXPECT_THAT(record.at("unexpected").dump(), HasSubstr("head.weight"));
}

TEST_F(Pretrained, MethodsThatNeedOneSaySo) {
  for (const char* method : {"inq", "ttq", "bwhn", "ste-pot", "lsq", "apot"}) {
    std::vector<std::string> arguments = tiny_training({"--method", method});
    // Each at its own bits.
    const auto wbits = std::find(arguments.begin(), arguments.end(), "--wbits");
    arguments.erase(wbits, wbits + 2);
    const ProgramResult result = run_program(arguments, in_folder());
    EXPECT_EQ(result.status, 2) << method;
    EXPECT_THAT(result.err, HasSubstr("starts from a trained network")) << method;
    EXPECT_THAT(result.err, HasSubstr("--pretrained")) << method;
  }
  EXPECT_THAT(run_program(tiny_training({"--init", "pretrained"}), in_folder()).err, HasSubstr("--pretrained"));
  EXPECT_EQ(run_program(tiny_training({"--init", "kaiming", "--pretrained", "1"}), in_folder()).status, 2);
}

TEST_F(Pretrained, ADenseShiftNetworkContinuesFromItsOwnKind) {
  const ProgramResult first = run_program(
      with(tiny_training({"--wbits", "3", "--limit-train", "32", "--epochs", "1"}), {"--json"}), in_folder());
  ASSERT_EQ(first.status, 0) << first.err;
  const std::string id = std::to_string(nlohmann::json::parse(first.out).at("run").get<int>());
  EXPECT_EQ(run_program(tiny_training({"--wbits", "3", "--limit-train", "32", "--epochs", "1", "--pretrained", id}),
                        in_folder())
                .status,
            0);
  EXPECT_EQ(pretrained_record("last").at("copied").get<int>() > 100, true);
}

}  // namespace
}  // namespace denseshift::testing
