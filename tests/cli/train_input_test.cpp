// Bad input to train and eval: one clear line, the right exit status, nothing lost or half-written.

#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/cli/train_support.h"

namespace denseshift::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Everything an error may say: one line, perhaps a hint.
void expect_error(const ProgramResult& result, int status, const std::string& text) {
  EXPECT_EQ(result.status, status) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr(text));
  std::size_t errors = 0;
  std::istringstream lines(result.err);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("  hint: ", 0) == 0) continue;
    EXPECT_THAT(line, StartsWith("denseshift: "));
    ++errors;
  }
  EXPECT_EQ(errors, 1u) << result.err;
}

ProgramResult run_in(const TemporaryFolder& folder, const std::vector<std::string>& arguments) {
  return run_program(arguments, {{}, folder.path(), 120});
}

TEST(TrainInput, UnknownNamesGetTheNearestAndLeaveNoTrace) {
  const TemporaryFolder folder;
  expect_error(run_in(folder, {"train", "--arch", "resnet19"}), 2, "unknown architecture 'resnet19'");
  expect_error(run_in(folder, {"train", "--method", "denshift"}), 2, "did you mean denseshift?");
  expect_error(run_in(folder, {"train", "--dataset", "cifar11"}), 2, "did you mean cifar10");
  expect_error(run_in(folder, {"train", "--wbits", "5"}), 2, "use 2, 3 or 4");
  expect_error(run_in(folder, {"train", "--method", "fp32", "--wbits", "2"}), 2, "fp32 has no 2-bit weights");
  expect_error(run_in(folder, {"train", "--arch", "resnet20", "--rule", "stage*=fp32"}), 2, "matches no layer");
  expect_error(run_in(folder, {"train", "--device", "cuda", "--arch", "resnet20"}), 2, "no CUDA device");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

class Checkpoints : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    const ProgramResult result = run_in(*folder_, tiny_training({"--epochs", "1", "--limit-train", "32"}));
    ASSERT_EQ(result.status, 0) << result.err;
    std::ifstream file(checkpoint_file(*folder_, 1, "best"), std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  static void TearDownTestSuite() { delete folder_; }
  static ProgramResult evaluate(const std::string& file) {
    return run_in(*folder_, {"eval", "--checkpoint", file, "--quiet", "--record=false"});
  }

  static TemporaryFolder* folder_;
  static std::string bytes_;
};
TemporaryFolder* Checkpoints::folder_ = nullptr;
std::string Checkpoints::bytes_;

TEST_F(Checkpoints, EvaluateToTheRecordedAccuracy) {
  const nlohmann::json trained = json_of(*folder_, {"runs", "metrics", "1", "--split", "val", "--name", "top1"});
  const nlohmann::json evaluated = json_of(*folder_, {"eval", "--run", "1", "--quiet", "--record=false"});
  EXPECT_EQ(evaluated.at("top1"), trained.at(0).at("value"));
}

TEST_F(Checkpoints, MissingTruncatedAndForeignFilesAreRefused) {
  expect_error(evaluate("nowhere.safetensors"), 2, "nowhere.safetensors");
  expect_error(evaluate(folder_->write("short.safetensors", bytes_.substr(0, bytes_.size() - 100))), 2,
               "short.safetensors");
  expect_error(evaluate(folder_->write("header.safetensors", bytes_.substr(0, 200))), 2, "header.safetensors");
  expect_error(evaluate(folder_->write("text.safetensors", "this is no checkpoint at all")), 2, "text.safetensors");
  expect_error(evaluate(folder_->write("empty.safetensors", "")), 2, "empty.safetensors");
  expect_error(evaluate(folder_->write("other.json", "{\"file\": \"../../etc/passwd\", \"sha256\": \"0\"}")), 2,
               "other.json");
  expect_error(evaluate(std::string(DENSESHIFT_TEST_SOURCE_DIR) + "/data/python.safetensors"), 2,
               "not a checkpoint of denseshift");
}

TEST_F(Checkpoints, HostileFilesNeverCrash) {
  std::mt19937 random(7);  // a fixed seed: failures can be repeated
  for (int i = 0; i < 12; ++i) {
    std::string hostile = bytes_;
    // The header, where every field means something.
    for (int k = 0; k < 3; ++k) hostile[random() % 6000] = static_cast<char>(random());
    const ProgramResult result = evaluate(folder_->write("hostile.safetensors", hostile));
    EXPECT_TRUE(result.status == 0 || result.status == 2)
        << "mutation " << i << ": " << result.status << " " << result.err;
  }
}

TEST_F(Checkpoints, ADamagedFileDoesNotMatchItsHash) {
  const std::string file = checkpoint_file(*folder_, 1, "last");
  std::string content;
  {
    std::ifstream in(file, std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::string damaged = content;
  damaged[damaged.size() - 5] = static_cast<char>(damaged[damaged.size() - 5] ^ 1);
  std::ofstream(file, std::ios::binary) << damaged;
  expect_error(run_in(*folder_, {"train", "--resume", "1", "--epochs", "2", "--quiet"}), 2, "damaged: its SHA-256");
  std::ofstream(file, std::ios::binary) << content;
}

TEST(TrainInput, TwoRunsDoNotShareAFolder) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_in(folder, tiny_training({"--epochs", "1", "--limit-train", "32", "--run-dir", "mine"})).status, 0);
  expect_error(run_in(folder, tiny_training({"--run-dir", "mine"})), 2, "already holds a run");
  EXPECT_EQ(json_of(folder, {"runs", "list"}).size(), 1u);
}

TEST(TrainInput, BrokenImagesAreNamedAndFatalOrSkipped) {
  const TemporaryFolder folder;
  const std::string data = std::string(DENSESHIFT_TEST_SOURCE_DIR) + "/data/images";
  std::vector<std::string> pictures;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    if (entry.path().extension() == ".jpg" || entry.path().extension() == ".png")
      pictures.push_back(entry.path().string());
  }
  ASSERT_FALSE(pictures.empty());
  for (const char* split : {"train", "val"}) {
    for (const char* name : {"ant", "bee"}) {
      const std::string target = folder.file(std::string("set/") + split + "/" + name);
      std::filesystem::create_directories(target);
      for (int i = 0; i < 4; ++i)
        std::filesystem::copy(
            pictures[0], target + "/" + std::to_string(i) + std::filesystem::path(pictures[0]).extension().string());
    }
  }
  const std::string broken = folder.file("set/train/ant/text.jpg");
  std::ofstream(broken) << "I am no picture";
  const std::vector<std::string> arguments = {
      "train", "--arch",       "resnet20", "--wbits",      "2", "--dataset", "imagefolder", "--data", "set", "--epochs",
      "1",     "--image-size", "32",       "--batch-size", "4", "--threads", "1",           "--quiet"};
  expect_error(run_in(folder, arguments), 2, "set/train/ant/text.jpg");
  EXPECT_EQ(json_of(folder, {"runs", "list"})[0].at("status"), "failed");
  std::vector<std::string> skipping = arguments;
  skipping.insert(skipping.end(), {"--broken-images", "skip"});
  EXPECT_EQ(run_in(folder, skipping).status, 0);
}

TEST(TrainInput, TruncatedDataFilesAreNamedBeforeAnythingIsRecorded) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("cifar-10-batches-bin"));
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    folder.write(std::string("cifar-10-batches-bin/") + name + ".bin", "too short");
  }
  expect_error(run_in(folder, {"train", "--arch", "resnet20", "--dataset", "cifar10", "--data", "."}), 2,
               "data_batch_1.bin");
  folder.write("train-images-idx3-ubyte", "short");
  expect_error(run_in(folder, {"train", "--arch", "resnet20", "--dataset", "mnist", "--data", "."}), 2, "idx");
  EXPECT_FALSE(std::filesystem::exists(folder.file("denseshift.db")));
}

TEST(TrainInput, ALossThatIsNotFiniteEndsTheRunWithAReason) {
  const TemporaryFolder folder;
  expect_error(run_in(folder, tiny_training({"--lr", "1000000", "--method", "fp32", "--wbits", "32"})), 1,
               "not finite");
  const nlohmann::json run = json_of(folder, {"runs", "list", "--columns", "status,message"})[0];
  EXPECT_EQ(run.at("status"), "failed");
  EXPECT_THAT(run.at("message").get<std::string>(), HasSubstr("not finite"));
}

TEST(TrainInput, DatabasesThatCannotBeUsedAreLeftAlone) {
  const TemporaryFolder folder;
  const std::string text =
      folder.write("notes.db", "these are my notes, not a database, and they are longer than a header");
  expect_error(run_in(folder, tiny_training({"--db", "notes.db"})), 2, "notes.db");
  std::ifstream in(text);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}),
            "these are my notes, not a database, and they are longer than a header");
  EXPECT_FALSE(std::filesystem::exists(folder.file("denseshift-runs")));
}

TEST(TrainInput, AReadOnlyFolderIsRefusedBeforeAnythingIsRecorded) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("locked"));
  if (mount("tmpfs", folder.file("locked").c_str(), "tmpfs", MS_RDONLY, "size=100k") != 0) {
    GTEST_SKIP() << "cannot mount a tmpfs here";
  }
  const ProgramResult files = run_in(folder, tiny_training({"--run-dir", "locked/run"}));
  const ProgramResult database = run_in(folder, tiny_training({"--db", "locked/new.db"}));
  umount(folder.file("locked").c_str());
  expect_error(files, 1, "locked/run");
  expect_error(database, 2, "locked/new.db");
  EXPECT_FALSE(std::filesystem::exists(folder.file("denseshift-runs")));
  EXPECT_EQ(json_of(folder, {"runs", "list"}).size(), 0u);
}

TEST(TrainInput, AFullDiskEndsTheRunAndLeavesNothingHalfWritten) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("small"));
  if (mount("tmpfs", folder.file("small").c_str(), "tmpfs", 0, "size=400k") != 0)
    GTEST_SKIP() << "cannot mount a tmpfs here";
  const ProgramResult result = run_in(folder, tiny_training({"--run-dir", "small/run"}));
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file("small/run")))
    files.push_back(entry.path().filename());
  umount(folder.file("small").c_str());
  expect_error(result, 1, "No space left on device");
  EXPECT_THAT(files, ::testing::UnorderedElementsAre("run.lock", "config.json"));
  EXPECT_EQ(json_of(folder, {"runs", "list"})[0].at("status"), "failed");
}

}  // namespace
}  // namespace denseshift::testing
