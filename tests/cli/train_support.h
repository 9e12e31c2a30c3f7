#pragma once
// Short trainings through the real program.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "tests/support/run_program.h"

namespace denseshift::testing {

/// A training of a few seconds on rendered images: 8 steps an epoch. `more` holds flags with their values; they replace
/// those of the same name.
inline std::vector<std::string> tiny_training(const std::vector<std::string>& more = {}) {
  const std::vector<std::pair<std::string, std::string>> defaults = {
      {"--arch", "resnet20"}, {"--wbits", "3"},       {"--image-size", "32"}, {"--limit-train", "128"},
      {"--limit-val", "32"},  {"--batch-size", "16"}, {"--epochs", "2"},      {"--threads", "1"}};
  std::vector<std::string> words = {"train", "--quiet"};
  for (const auto& [flag, value] : defaults) {
    if (std::find(more.begin(), more.end(), flag) != more.end()) continue;
    words.push_back(flag);
    words.push_back(value);
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Tests in a folder where run 1 is a trained full-precision network that other methods can start from.
class WithTrainedNetwork : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    const ProgramResult result =
        run_program(tiny_training({"--method", "fp32", "--wbits", "32", "--epochs", "1"}), in_folder());
    ASSERT_EQ(result.status, 0) << result.err;
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static ProgramOptions in_folder() { return {{}, folder_->path(), 120}; }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

/// The result of `denseshift ARGUMENTS --json` in a folder.
inline nlohmann::json json_of(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const ProgramResult result = run_program(arguments, {{}, folder.path(), 60});
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out, nullptr, false);
}

inline std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Starts the training, waits until a checkpoint in the middle of an epoch is on disk, sends `signal`, waits for the
/// end.
inline ProgramResult run_and_signal(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                                    const std::string& signal) {
  std::string command = "'" DENSESHIFT_PROGRAM "'";
  for (const std::string& word : arguments) command += " '" + word + "'";
  const std::string json = "denseshift-runs/*/last.json";
  // exec makes the shell's child the program itself, so that the signal reaches it.
  const std::string script =
      "(exec " + command + ") & pid=$!; i=0; while [ $i -lt 600 ]; do grep -q '\"step\": [1-9]' " + json +
      " 2>/dev/null && break; i=$((i+1)); sleep 0.05; done; kill -" + signal + " $pid; wait $pid";
  return run_command({"/bin/sh", "-c", script}, {{}, folder.path(), 120});
}

/// The file of checkpoint KIND of a run.
inline std::string checkpoint_file(const TemporaryFolder& folder, int run, const std::string& kind) {
  const std::string directory = folder.file("denseshift-runs/" + std::to_string(run));
  const std::string json = directory + "/" + kind + ".json";
  FILE* file = std::fopen(json.c_str(), "rb");
  if (file == nullptr) return {};
  std::string text(1 << 16, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return directory + "/" + nlohmann::json::parse(text).at("file").get<std::string>();
}

/// Names of the tensors in which two checkpoints differ; every tensor is compared byte by byte.
inline std::vector<std::string> differing_tensors(const std::string& a, const std::string& b) {
  const io::SafetensorsFile first(a), second(b);
  std::vector<std::string> names;
  for (const auto& [name, view] : first.tensors()) {
    const auto other = second.tensors().find(name);
    std::size_t bytes = io::dtype_size(view.dtype);
    for (const std::int64_t size : view.shape) bytes *= static_cast<std::size_t>(size);
    if (other == second.tensors().end() || other->second.shape != view.shape ||
        std::memcmp(other->second.data, view.data, bytes) != 0) {
      names.push_back(name);
    }
  }
  for (const auto& [name, view] : second.tensors()) {
    if (first.tensors().count(name) == 0) names.push_back(name);
  }
  return names;
}

/// Metrics of a run that do not measure time, as "EPOCH SPLIT NAME" -> value.
inline std::map<std::string, double> result_metrics(const TemporaryFolder& folder, const std::string& run) {
  std::map<std::string, double> metrics;
  for (const nlohmann::json& row : json_of(folder, {"runs", "metrics", run})) {
    const std::string name = row.at("name");
    if (name.find("second") != std::string::npos) continue;
    metrics[std::to_string(row.at("epoch").get<int>()) + " " + row.at("split").get<std::string>() + " " + name] =
        row.at("value");
  }
  return metrics;
}

}  // namespace denseshift::testing
