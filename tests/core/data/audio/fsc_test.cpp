// The layout of Fluent Speech Commands: what is read, and what is said when it is wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/data/check.h"
#include "core/data/datasets/speech.h"
#include "core/data/export.h"
#include "core/data/loader.h"
#include "core/util/atomic_file.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHeader = ",path,speakerId,transcription,action,object,location\n";

/// Half a second of noise; other keys, other noise.
std::string noise_wav(std::uint64_t key, std::int64_t rate = 16000, std::int64_t samples = 8000) {
  RandomStream random(key);
  std::vector<float> values(static_cast<std::size_t>(samples));
  for (float& value : values) value = static_cast<float>(random.uniform(-0.5, 0.5));
  return encode_wav(values, rate);
}

class Fsc : public ::testing::Test {
 protected:
  Fsc() {
    fs::create_directories(folder_ / "data");
    for (int i = 0; i < 6; ++i) add(std::to_string(i), noise_wav(static_cast<std::uint64_t>(i)));
    table("train", std::string(kHeader) +
                       "0,wavs/s/0.wav,s,\"Lamp, on\",start,lamp,none\n1,wavs/s/1.wav,s,off,stop,lamp,none\n" +
                       "2,wavs/s/2.wav,s,x,start,fan,hall\n");
    table("valid", std::string(kHeader) + "0,wavs/s/3.wav,s,x,stop,lamp,none\n");
    table("test", std::string(kHeader) + "0,wavs/s/4.wav,s,x,start,fan,hall\n1,wavs/s/5.wav,s,x,start,lamp,none\n");
  }
  void add(const std::string& name, const std::string& content) {
    fs::create_directories(folder_ / "wavs/s");
    write_file(folder_ / ("wavs/s/" + name + ".wav"), content);
  }
  void table(const std::string& split, const std::string& content) {
    write_file(folder_ / ("data/" + split + "_data.csv"), content);
  }
  std::unique_ptr<Dataset> open(DatasetOptions options = {}) {
    options.directory = folder_.path();
    return open_dataset("fsc", options);
  }
  std::string opening_error() {
    return error_of([&] { (void)open(); });
  }
  /// Message for a validation table of one such row.
  std::string error_with_row(const std::string& row) {
    table("valid", kHeader + row);
    return opening_error();
  }
  TemporaryFolder folder_{"fsc"};
};

TEST_F(Fsc, IntentsAreTheSortedTriplesOfTheTrainingTable) {
  const auto dataset = open();
  EXPECT_EQ(dataset->info().task, "speech");
  EXPECT_EQ(dataset->info().channels, 1);
  EXPECT_EQ(dataset->info().classes, 3);
  EXPECT_FALSE(dataset->info().fixed_size);
  EXPECT_THAT(dataset->info().class_names,
              ElementsAre("start / fan / hall", "start / lamp / none", "stop / lamp / none"));
  ASSERT_NE(dataset->intents(), nullptr);
  EXPECT_THAT(dataset->intents()->slots, ElementsAre("action", "object", "location"));
  std::vector<std::int64_t> labels;
  for (const Split split : {Split::train, Split::val, Split::test}) {
    for (std::int64_t i = 0; i < dataset->size(split); ++i) {
      RandomStream random(1);
      Sample sample;
      dataset->load_sample(split, i, false, random, sample);
      labels.push_back(sample.info.label);
      EXPECT_EQ(sample.info.height, 64);
      EXPECT_EQ(sample.info.width, 400);
      EXPECT_EQ(sample.info.original_width, 48) << "frames of half a second";
    }
  }
  EXPECT_THAT(labels, ElementsAre(1, 2, 0, 2, 0, 1));
}

TEST_F(Fsc, ColumnsAreFoundByName) {
  table("train",
        "location,spare,action,path,object\r\nnone,\"two\r\nlines\",start,wavs/s/0.wav,lamp\r\n"
        "hall,,start,./wavs/../wavs/s/2.wav,fan\r\nnone,,stop,wavs/s/1.wav,lamp\r\n");
  const auto dataset = open();
  EXPECT_EQ(dataset->size(Split::train), 3);
  EXPECT_EQ(dataset->info().classes, 3);
}

TEST_F(Fsc, AFolderAboveIsFoundAsTheArchiveUnpacksIt) {
  const TemporaryFolder above("fsc");
  fs::create_directory_symlink(folder_.path(), above / "fluent_speech_commands_dataset");
  EXPECT_EQ(open_dataset("fsc", {.directory = above.path()})->size(Split::train), 3);
}

TEST_F(Fsc, WrongTablesAreNamedWithTheirRow) {
  EXPECT_THAT(error_with_row("0,wavs/s/3.wav,s,x,stop,fan,hall\n"),
              AllOf(HasSubstr("data/valid_data.csv, row 1 (line 2): "),
                    HasSubstr("no row of data/train_data.csv has the intent 'stop / fan / hall'")));
  EXPECT_THAT(error_with_row("0,../outside.wav,s,x,stop,lamp,none\n"),
              HasSubstr("valid_data.csv, row 1 (line 2): path '../outside.wav' leaves the folder"));
  EXPECT_THAT(error_with_row("0,wavs/../../x.wav,s,x,stop,lamp,none\n"), HasSubstr("leaves the folder"));
  EXPECT_THAT(error_with_row("0,/etc/passwd,s,x,stop,lamp,none\n"), HasSubstr("'/etc/passwd' leaves the folder"));
  EXPECT_THAT(error_with_row("0,,s,x,stop,lamp,none\n"), HasSubstr("row 1 (line 2): the path is empty"));
  EXPECT_THAT(error_with_row("0,\"a\nb\",s,x,stop,lamp,none\n"), AllOf(HasSubstr("line end"), Not(HasSubstr("\n"))));
  EXPECT_THAT(error_with_row("0,wavs/s/9.wav,s,x,stop,lamp,none\n"),
              AllOf(HasSubstr("valid_data.csv, row 1 (line 2): "), HasSubstr("wavs/s/9.wav: no such file")));
  EXPECT_THAT(error_with_row("0,wavs/s,s,x,stop,lamp,none\n"), HasSubstr("not a file"));
  EXPECT_THAT(error_with_row("0,wavs/s/3.wav,s,x,stop,lamp\n"),
              HasSubstr("row 1 (line 2): 6 fields, the header has 7"));
  EXPECT_THAT(error_with_row(""), HasSubstr("valid_data.csv: no rows below the header"));
}

TEST_F(Fsc, WrongHeadersAndFoldersAreNamed) {
  table("test", "path,action,object\n");
  EXPECT_THAT(opening_error(), HasSubstr("data/test_data.csv: the header has no column 'location'"));
  table("test", "path,action,object,location,action\n");
  EXPECT_THAT(opening_error(), HasSubstr("test_data.csv, line 1: the header has two columns 'action'"));
  fs::remove(folder_ / "data/test_data.csv");
  EXPECT_THAT(opening_error(), HasSubstr("test_data.csv"));
  fs::remove(folder_ / "data/train_data.csv");
  EXPECT_THAT(opening_error(), HasSubstr("dataset fsc: no data/train_data.csv in"));
}

TEST_F(Fsc, BrokenRecordingsAreNamedWithFileAndRow) {
  add("0", noise_wav(1, 8000));
  add("1", noise_wav(2).substr(0, 5000));
  add("5", "");
  const auto dataset = open();
  const auto error = [&](Split split, std::int64_t index) {
    return error_of([&] {
      RandomStream random(1);
      Sample sample;
      dataset->load_sample(split, index, true, random, sample);
    });
  };
  EXPECT_THAT(error(Split::train, 0), AllOf(HasSubstr("data/train_data.csv, row 1 (line 2): "),
                                            HasSubstr("wavs/s/0.wav: sample rate 8000 Hz, expected 16000 Hz")));
  EXPECT_THAT(error(Split::train, 1), AllOf(HasSubstr("row 2 (line 3): "), HasSubstr("1.wav: truncated")));
  EXPECT_THAT(error(Split::test, 1), HasSubstr("wavs/s/5.wav: the file is empty"));
  EXPECT_EQ(error(Split::train, 2), "");
  EXPECT_EQ(check_dataset(*dataset, 2, {}).size(), 3U) << "all splits";

  Loader loader(*dataset, {.batch_size = 3, .broken = BrokenSample::skip, .workers = 2});
  loader.start(0);
  const Batch* batch = loader.next();
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->count, 1);
  EXPECT_EQ(batch->labels, std::vector<std::int64_t>{0});
  EXPECT_EQ(loader.next(), nullptr);
  EXPECT_EQ(loader.skipped().size(), 2U);
}

TEST_F(Fsc, OtherRatesAreConvertedWhenThatIsAskedFor) {
  add("0", noise_wav(1, 8000, 4000));
  const auto dataset = open({.resample = true});
  RandomStream random(1);
  Sample sample;
  dataset->load_sample(Split::train, 0, false, random, sample);
  EXPECT_NEAR(static_cast<double>(sample.info.original_width), 48, 1);
}

TEST_F(Fsc, EvaluationIsAsLongAsTheLongestRecordingWithinLimits) {
  const auto width = [&](Split split, std::int64_t frames) {
    RandomStream random(1);
    Sample sample;
    open({.image_size = frames})->load_sample(split, 0, false, random, sample);
    EXPECT_EQ(std::ssize(sample.values), 64 * sample.info.width);
    return sample.info.width;
  };
  EXPECT_EQ(width(Split::train, 40), 40);
  EXPECT_EQ(width(Split::val, 40), 48);
  EXPECT_EQ(width(Split::test, 40), 48);
  EXPECT_EQ(width(Split::val, 32), 48);
  EXPECT_EQ(width(Split::val, 100), 100);
  add("4", noise_wav(4, 16000, 16000 * 7));
  EXPECT_EQ(width(Split::val, 0), 600) << "six seconds, also when one is longer";
  EXPECT_EQ(width(Split::train, 0), 400);
  EXPECT_THAT(error_of([&] { (void)open({.image_size = 31}); }), HasSubstr("31 frames is out of range"));
}

TEST_F(Fsc, TheCacheGivesTheSameSamplesAndFollowsContent) {
  const TemporaryFolder cache("cache");
  const auto load = [&](const std::string& folder) {
    RandomStream random(1);
    Sample sample;
    open({.feature_cache = folder})->load_sample(Split::train, 0, false, random, sample);
    return sample.values;
  };
  const std::vector<float> plain = load("");
  EXPECT_EQ(load(cache.path()), plain);
  EXPECT_EQ(std::count_if(fs::recursive_directory_iterator(cache.path()), {},
                          [](const auto& entry) { return entry.path().extension() == ".mel"; }),
            1);
  EXPECT_EQ(load(cache.path()), plain);
  add("0", noise_wav(77));
  const std::vector<float> other = load(cache.path());
  EXPECT_NE(other, plain);
  EXPECT_EQ(other, load(""));
}

TEST_F(Fsc, TheFingerprintFollowsTablesAndRecordings) {
  const auto first = open()->fingerprint();
  EXPECT_EQ(open()->fingerprint(), first);
  EXPECT_EQ(first["train"], 3);
  EXPECT_EQ(first["test"], 2);
  add("5", noise_wav(99));
  const auto second = open()->fingerprint();
  EXPECT_NE(second["samples_sha256"], first["samples_sha256"]);
  EXPECT_EQ(second["names_sha256"], first["names_sha256"]);
  table("test", std::string(kHeader) + "0,wavs/s/4.wav,s,x,start,lamp,none\n1,wavs/s/5.wav,s,x,start,lamp,none\n");
  EXPECT_NE(open()->fingerprint(), second);
}

TEST(FscSynth, TheSynthesisedSetIsRead) {
  const auto path = test_data("fsc-synth");
  if (path.empty()) GTEST_SKIP() << "no fsc-synth in DENSESHIFT_TEST_DATA";
  const auto dataset = open_dataset("fsc", {.directory = path.string(), .image_size = 240});
  EXPECT_EQ(dataset->info().classes, 31);
  EXPECT_EQ(dataset->size(Split::train), 248);
  EXPECT_EQ(dataset->size(Split::val), 62);
  EXPECT_EQ(dataset->size(Split::test), 62);
  EXPECT_EQ(dataset->intents()->values[0].size(), 6U);
  EXPECT_EQ(dataset->intents()->values[1].size(), 14U);
  EXPECT_EQ(dataset->intents()->values[2].size(), 4U);
  EXPECT_TRUE(check_dataset(*dataset, 2, {}).empty());
  Loader one(*dataset, {.batch_size = 64, .workers = 0});
  Loader two(*dataset, {.batch_size = 64, .workers = 2});
  std::vector<int> seen(31);
  for (const std::int64_t epoch : {0, 1}) {
    one.start(epoch);
    two.start(epoch);
    while (const Batch* expected = one.next()) {
      const Batch* actual = two.next();
      ASSERT_NE(actual, nullptr);
      EXPECT_EQ(actual->images, expected->images);
      EXPECT_EQ(actual->labels, expected->labels);
      EXPECT_EQ(actual->height, 64);
      EXPECT_EQ(actual->width, 240);
      for (const std::int64_t label : actual->labels) ++seen[static_cast<std::size_t>(label)];
    }
  }
  for (const int count : seen) EXPECT_EQ(count, 2 * 8);
}

}  // namespace
}  // namespace denseshift::data
