// Bad recordings and tables through the real program: one line that names file and row. Needs no LibTorch.

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/support/recordings.h"
#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using nlohmann::json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class SpeechData : public ::testing::Test {
 protected:
  SpeechData() {
    const ProgramResult synth =
        run_program({"data", "synth", "tones8", "--out", "set", "--train", "16", "--val", "8"}, here());
    EXPECT_EQ(synth.status, 0) << synth.err;
    said_ = synth.out;
  }
  [[nodiscard]] ProgramOptions here() const { return {{}, folder_.path(), 60}; }
  [[nodiscard]] ProgramResult check() const { return run_program({"data", "check", "fsc", "--data", "set"}, here()); }
  [[nodiscard]] std::string recording() const { return folder_.file(kRecording); }
  [[nodiscard]] std::string table(const std::string& name) const {
    return folder_.file("set/data/" + name + "_data.csv");
  }

  static constexpr const char* kRecording = "set/wavs/speakers/tones8_train/00002.wav";
  TemporaryFolder folder_;
  std::string said_;
};

TEST_F(SpeechData, SynthChoosesTheFormatOfTheTask) {
  EXPECT_EQ(said_, "wrote 16 + 8 + 8 recordings to set\nuse them with --dataset fsc --data set\n");
  const ProgramResult whole = check();
  EXPECT_EQ(whole.status, 0) << whole.out << whole.err;
  EXPECT_EQ(whole.out, "fsc: 32 samples read, 0 broken\n");
  const ProgramResult info = run_program({"data", "info", "fsc", "--data", "set", "--json"}, here());
  const json facts = json::parse(info.out);
  EXPECT_EQ(facts.at("task"), "speech");
  EXPECT_EQ(facts.at("test"), 8);
  EXPECT_EQ(facts.at("classes"), 8);
  EXPECT_THAT(run_program({"data", "info", "tones8"}, here()).out, HasSubstr("length       78 frames of 10 ms\n"));
  EXPECT_EQ(run_program({"data", "synth", "tones8", "--out", "png", "--format", "png"}, here()).status, 2);
}

TEST_F(SpeechData, ABrokenRecordingIsNamedWithItsRow) {
  const std::vector<std::pair<std::function<void(const std::string&)>, std::string>> cases = {
      {[](const std::string& file) { set_wav_rate(file, 8000); }, "sample rate 8000 Hz, expected 16000 Hz"},
      {set_wav_stereo, "2 channels, expected a mono recording"},
      {[](const std::string& file) { std::filesystem::resize_file(file, 9000); }, "truncated: the header announces"},
      {[](const std::string& file) { std::filesystem::resize_file(file, 30); }, "truncated: no audio"},
      {[](const std::string& file) { std::filesystem::resize_file(file, 0); }, "the file is empty"},
  };
  std::filesystem::copy_file(recording(), folder_.file("whole.wav"));
  for (const auto& [breaks, message] : cases) {
    std::filesystem::copy_file(folder_.file("whole.wav"), recording(),
                               std::filesystem::copy_options::overwrite_existing);
    breaks(recording());
    const ProgramResult result = check();
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.out, ContainsRegex("^set/data/train_data.csv, row 3 \\(line 4\\): set/wavs/speakers/"
                                          "tones8_train/00002.wav: [^\n]*" +
                                          message +
                                          "[^\n]*\n"
                                          "fsc: 32 samples read, 1 broken\n$"));
  }
}

TEST_F(SpeechData, AMissingRecordingIsNamedWithItsRow) {
  std::filesystem::remove(recording());
  const ProgramResult result = check();
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err,
            std::string("denseshift: set/data/train_data.csv, row 3 (line 4): ") + kRecording + ": no such file\n");
}

TEST_F(SpeechData, ABadTableIsNamedWithItsRow) {
  const auto with = [&](const std::string& name, const std::string& from, const std::string& to) {
    const std::string before = read_text(table(name));
    std::string text = before;
    text.replace(text.find(from), from.size(), to);
    folder_.write("set/data/" + name + "_data.csv", text);
    const ProgramResult result = check();
    folder_.write("set/data/" + name + "_data.csv", before);
    EXPECT_EQ(result.status, 2) << result.out;
    EXPECT_THAT(result.err, ContainsRegex("^denseshift: [^\n]*\n(  hint: [^\n]*\n)?$"));
    return result.err;
  };
  EXPECT_THAT(with("train", ",path,", ",file,"), ContainsRegex("train_data.csv: [^\n]*'path'"));
  EXPECT_THAT(with("valid", "action", "Action"), ContainsRegex("valid_data.csv: [^\n]*'action'"));
  EXPECT_THAT(with("test", "wavs/speakers/tones8_test/00001", "wavs/../../../00001"),
              ContainsRegex("test_data.csv, row 2 \\(line 3\\): path '[^\n]*' leaves the folder of the dataset"));
  EXPECT_THAT(with("valid", ",start,", ",begin,"),
              ContainsRegex("valid_data.csv, row [0-9]+ \\(line [0-9]+\\): no row of "
                            "data/train_data.csv has the intent 'begin / "));
  EXPECT_THAT(with("train", "\n0,", "\n0,0,"), ContainsRegex("train_data.csv[^\n]*fields"));
}

}  // namespace
}  // namespace denseshift::testing
