// Training on recordings and using the network through the real program.

#include <gmock/gmock.h>

#include <filesystem>
#include <numeric>

#include "tests/cli/train_support.h"
#include "tests/support/recordings.h"

namespace denseshift::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

/// A folder with a set of recordings in the layout of Fluent Speech Commands and run 1, trained on it.
class Speech : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    ASSERT_EQ(run({"data", "synth", "tones8", "--out", "set", "--train", "64", "--val", "16"}).status, 0);
    const ProgramResult result = run(training("set"));
    ASSERT_EQ(result.status, 0) << result.err;
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::vector<std::string> training(const std::string& set) {
    return {"train", "--quiet",      "--dataset", "fsc",      "--data", set,    "--arch", "resnet20",  "--image-size",
            "78",    "--batch-size", "16",        "--epochs", "2",      "--lr", "0.02",   "--threads", "1"};
  }
  static ProgramResult run(const std::vector<std::string>& arguments,
                           const std::map<std::string, std::string>& environment = {}) {
    return run_program(arguments, {environment, folder_->path(), 240});
  }
  static json run_json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }
  /// A copy of a recording, to be damaged.
  static std::string copy(const std::string& name) {
    fs::copy_file(folder_->file(wav(3)), folder_->file(name), fs::copy_options::overwrite_existing);
    return folder_->file(name);
  }
  static std::string wav(int index) { return "set/wavs/speakers/tones8_valid/0000" + std::to_string(index) + ".wav"; }
  static std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_F(Speech, RecordsIntentsAndSlotsOnBothSplits) {
  const auto metrics = result_metrics(*folder_, "1");
  for (const char* split : {"val", "test"}) {
    for (const char* metric : {"intent_accuracy", "action_accuracy", "object_accuracy", "location_accuracy"}) {
      const auto found = metrics.find(std::string("2 ") + split + " " + metric);
      ASSERT_NE(found, metrics.end()) << split << " " << metric;
      EXPECT_LE(metrics.at(std::string("2 ") + split + " intent_accuracy"), found->second);
    }
  }
}

TEST_F(Speech, ConfusionIsWrittenForBothSplits) {
  const ProgramResult csv = run({"eval", "--run", "1", "--quiet", "--no-record", "--confusion", "out/confusion.csv"});
  ASSERT_EQ(csv.status, 0) << csv.err;
  EXPECT_THAT(csv.out, HasSubstr("written     out/confusion.csv and 1 more files"));
  for (const char* name : {"out/confusion.csv", "out/confusion-test.csv"}) {
    const std::string text = read_text(folder_->file(name));
    EXPECT_THAT(text, ContainsRegex("^true . predicted,start / fan / attic,"));
    EXPECT_EQ(lines(text), 9U);
  }
  ASSERT_EQ(run({"eval", "--run", "1", "--quiet", "--no-record", "--confusion", "c.svg"}).status, 0);
  for (const char* name : {"c.svg", "c-test.svg"}) {
    EXPECT_THAT(read_text(folder_->file(name)),
                AllOf(HasSubstr("% of 16 recordings right"), HasSubstr("stop / lamp / hall</text>")));
  }
  const ProgramResult bad = run({"eval", "--run", "1", "--confusion", "c.png"});
  EXPECT_EQ(bad.status, 2);
  EXPECT_EQ(bad.err, "denseshift: --confusion: c.png ends neither in .csv nor in .svg\n");
}

TEST_F(Speech, RecordingsAreHeardAsTheyAreEvaluated) {
  std::vector<std::string> arguments = {"eval", "--run", "1", "--threads", "1", "--audio"};
  for (int i = 0; i < 8; ++i) arguments.push_back(wav(i));
  // No dataset is needed.
  fs::rename(folder_->file("set/data"), folder_->file("set/away"));
  const json heard = run_json(arguments);
  fs::rename(folder_->file("set/away"), folder_->file("set/data"));
  ASSERT_EQ(heard.at("recordings").size(), 8U);
  int right = 0;
  const std::vector<std::string> names = {"start / fan / attic", "start / fan / hall", "start / lamp / attic",
                                          "start / lamp / hall", "stop / fan / attic", "stop / fan / hall",
                                          "stop / lamp / attic", "stop / lamp / hall"};
  for (std::size_t i = 0; i < 8; ++i) {
    const json& recording = heard.at("recordings").at(i);
    EXPECT_EQ(recording.at("file"), wav(static_cast<int>(i)));
    EXPECT_NEAR(recording.at("seconds").get<double>(), 0.8, 0.01);
    EXPECT_EQ(recording.at("cut"), false);
    ASSERT_EQ(recording.at("intents").size(), 8U);
    double sum = 0;
    double before = 1;
    for (const json& intent : recording.at("intents")) {
      const double probability = intent.at("probability");
      EXPECT_LE(probability, before);
      sum += before = probability;
      EXPECT_EQ(intent.at("intent"), intent.at("slots").at("action").get<std::string>() + " / " +
                                         intent.at("slots").at("object").get<std::string>() + " / " +
                                         intent.at("slots").at("location").get<std::string>());
    }
    EXPECT_NEAR(sum, 1, 1e-9);
    right += recording.at("intents").at(0).at("intent") == names[i] ? 1 : 0;
  }
  const json evaluated =
      run_json({"eval", "--run", "1", "--threads", "1", "--limit-val", "8", "--no-record", "--quiet"});
  EXPECT_NEAR(evaluated.at("intent_accuracy").get<double>(), 100.0 * right / 8, 1e-9);

  const ProgramResult text = run({"eval", "--run", "1", "--audio", wav(0), "--audio=" + wav(1), "--best"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(lines(text.out), 8U);
  EXPECT_THAT(text.out, ContainsRegex("00000.wav  \\(0.80 s\\)\n +[0-9.]+ %  action: st[a-z]+  object: [a-z]+  "
                                      "location: [a-z]+\n"));
}

TEST_F(Speech, ALongRecordingIsHeardToTheEndOfTheInput) {
  const std::string file = copy("long.wav");
  // The audio twice: the header's lengths, then the samples.
  const std::string content = read_text(file);
  const std::uint64_t bytes = content.size() - 44;
  folder_->write("long.wav", content + content.substr(44));
  patch_file(file, 4, 36 + 2 * bytes, 4);
  patch_file(file, 40, 2 * bytes, 4);
  const ProgramResult result = run({"eval", "--run", "1", "--audio", "long.wav"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("long.wav  (1.60 s, of which the first 0.80 s are heard)\n"));
}

TEST_F(Speech, ABadRecordingIsOneLineAndAHint) {
  const auto refused = [&](const std::string& file, const std::string& message) {
    const ProgramResult result = run({"eval", "--run", "1", "--audio", wav(0), file});
    EXPECT_EQ(result.status, 2) << file;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err,
                ContainsRegex("^denseshift: [^\n]*" + file + ": [^\n]*" + message + "[^\n]*\n(  hint: [^\n]*\n)?$"));
  };
  set_wav_rate(copy("rate.wav"), 8000);
  refused("rate.wav", "sample rate 8000 Hz, expected 16000 Hz");
  EXPECT_EQ(run({"eval", "--run", "1", "--resample", "--audio", "rate.wav"}).status, 0);
  set_wav_stereo(copy("stereo.wav"));
  refused("stereo.wav", "2 channels");
  fs::resize_file(copy("half.wav"), 9000);
  refused("half.wav", "truncated");
  fs::resize_file(copy("empty.wav"), 0);
  refused("empty.wav", "the file is empty");
  refused("missing.wav", "[Nn]o such file");
  refused("set/data/train_data.csv", "not a WAV or FLAC file");
}

TEST_F(Speech, OptionsOfEvaluationDoNotGoWithRecordings) {
  const ProgramResult result = run({"eval", "--run", "1", "--dataset", "fsc", "--audio", wav(0)});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("--audio needs no dataset: --dataset does not go with it"));
  EXPECT_THAT(run({"eval", "--run", "1", "--audio"}).err, HasSubstr("'--audio' needs a value"));
}

TEST_F(Speech, OtherIntentsAreRefused) {
  const ProgramResult more = run({"eval", "--run", "1", "--dataset", "tones", "--quiet"});
  EXPECT_EQ(more.status, 2);
  EXPECT_THAT(more.err,
              ContainsRegex("^denseshift: dataset tones does not have the intents that the network was trained "
                            "on: it has no 'start / lamp / attic'\n  hint: [^\n]*\n$"));
  // As many intents, of which one has another name: the numbers would not mean the same.
  fs::copy(folder_->file("set"), folder_->file("other"), fs::copy_options::recursive);
  for (const char* table : {"train", "valid", "test"}) {
    const std::string name = std::string("other/data/") + table + "_data.csv";
    std::string text = read_text(folder_->file(name));
    for (std::size_t at = 0; (at = text.find(",stop,", at)) != std::string::npos;) text.replace(at, 6, ",halt,");
    folder_->write(name, text);
  }
  const ProgramResult other = run({"eval", "--run", "1", "--data", "other", "--quiet"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, ContainsRegex("^denseshift: [^\n]*it has no 'stop / fan / attic'\n  hint: [^\n]*\n$"));
}

TEST_F(Speech, FeaturesAreKeptWhereTheUserWants) {
  const auto entries = [&](const std::string& name) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_->file(name))) {
      count += entry.path().extension() == ".mel" ? 1 : 0;
    }
    return count;
  };
  const std::vector<std::string> evaluation = {"eval", "--run", "1", "--quiet", "--no-record", "--feature-cache"};
  ASSERT_EQ(run(with(evaluation, {"kept"})).status, 0);
  EXPECT_EQ(entries("kept"), 32U);
  ASSERT_EQ(
      run(with(evaluation, {"auto"}), {{"XDG_CACHE_HOME", folder_->file("xdg")}, {"DENSESHIFT_FEATURE_CACHE", ""}})
          .status,
      0);
  EXPECT_EQ(entries("xdg/denseshift/features"), 32U);
}

TEST_F(Speech, ABrokenRecordingEndsTheTrainingWithItsRow) {
  fs::copy(folder_->file("set"), folder_->file("bad"), fs::copy_options::recursive);
  set_wav_rate(folder_->file("bad/wavs/speakers/tones8_train/00005.wav"), 44100);
  const ProgramResult result = run(training("bad"));
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, ContainsRegex("denseshift: bad/data/train_data.csv, row 6 \\(line 7\\): bad/wavs/speakers/"
                                        "tones8_train/00005.wav: sample rate 44100 Hz, expected 16000 Hz\n"));
}

}  // namespace
}  // namespace denseshift::testing
