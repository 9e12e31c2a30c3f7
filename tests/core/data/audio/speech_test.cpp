// The rendered commands, the spoken digits, and what all speech datasets share.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/data/check.h"
#include "core/data/datasets/speech.h"
#include "core/data/export.h"
#include "core/data/loader.h"
#include "core/util/atomic_file.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const SpeechDataset& speech(const Dataset& dataset) { return dynamic_cast<const SpeechDataset&>(dataset); }

TEST(Tones, SlotsHaveAsManyValuesAsTheRealSet) {
  const auto dataset = open_dataset("tones", {});
  const Intents& intents = *dataset->intents();
  EXPECT_EQ(dataset->info().classes, 31);
  EXPECT_EQ(intents.size(), 31);
  EXPECT_THAT(intents.slots, ElementsAre("action", "object", "location"));
  EXPECT_EQ(intents.values[0].size(), 6U);
  EXPECT_EQ(intents.values[1].size(), 14U);
  EXPECT_EQ(intents.values[2].size(), 4U);
  EXPECT_EQ(open_dataset("tones8", {})->info().classes, 8);
}

TEST(Tones, RecordingsAreKeyedBySeedSplitAndIndex) {
  const auto one = open_dataset("tones", {.seed = 1});
  const auto same = open_dataset("tones", {.seed = 1, .train_size = 62});
  const auto other = open_dataset("tones", {.seed = 2});
  EXPECT_EQ(same->size(Split::train), 62);
  const std::vector<float> recording = speech(*one).recording(Split::train, 5);
  EXPECT_EQ(recording.size(), 12800U);
  EXPECT_EQ(speech(*same).recording(Split::train, 5), recording);
  EXPECT_NE(speech(*other).recording(Split::train, 5), recording);
  EXPECT_NE(speech(*one).recording(Split::train, 36), recording) << "the same intent";
  EXPECT_NE(speech(*one).recording(Split::val, 5), recording);
  EXPECT_NE(speech(*one).recording(Split::test, 5), speech(*one).recording(Split::val, 5));
  EXPECT_NE(one->fingerprint(), other->fingerprint());
  EXPECT_EQ(one->fingerprint(), open_dataset("tones", {.seed = 1})->fingerprint());
}

/// Mean features of each intent over a split.
std::vector<std::vector<double>> templates(const Dataset& dataset, Split split) {
  std::vector<std::vector<double>> sums(static_cast<std::size_t>(dataset.info().classes));
  RandomStream unused(0);
  Sample sample;
  for (std::int64_t i = 0; i < dataset.size(split); ++i) {
    dataset.load_sample(split, i, false, unused, sample);
    auto& sum = sums[static_cast<std::size_t>(sample.info.label)];
    sum.resize(sample.values.size());
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += sample.values[k];
  }
  return sums;
}

TEST(Tones, EasyIntentsAreToldApartByTheirMeanFeatures) {
  const auto dataset = open_dataset("tones8", {});
  const auto means = templates(*dataset, Split::train);
  RandomStream unused(0);
  Sample sample;
  int right = 0;
  for (std::int64_t i = 0; i < dataset->size(Split::test); ++i) {
    dataset->load_sample(Split::test, i, false, unused, sample);
    std::vector<double> scores;
    for (const auto& mean : means) {
      double score = 0;
      for (std::size_t k = 0; k < mean.size(); ++k) score += mean[k] * static_cast<double>(sample.values[k]);
      scores.push_back(score);
    }
    right += std::max_element(scores.begin(), scores.end()) - scores.begin() == sample.info.label ? 1 : 0;
  }
  EXPECT_GT(right, 60) << "of 80";
}

TEST(Speech, SamplesHaveOneSizeAndOnlyAugmentationDraws) {
  const auto dataset = open_dataset("tones", {});
  EXPECT_EQ(dataset->info().image_size, 78);
  Sample sample;
  for (const Split split : {Split::train, Split::val, Split::test}) {
    RandomStream random(3);
    RandomStream untouched(3);
    dataset->load_sample(split, 4, false, random, sample);
    EXPECT_EQ(random.next(), untouched.next());
    EXPECT_EQ(sample.info.height, 64);
    EXPECT_EQ(sample.info.width, 78);
    EXPECT_EQ(sample.info.label, 4);
    EXPECT_EQ(sample.info.index, 4);
    EXPECT_EQ(sample.values.size(), 64U * 78U);
  }
  std::set<std::vector<float>> different;
  for (std::uint64_t i = 0; i < 5; ++i) {
    RandomStream random(3, i);
    dataset->load_sample(Split::train, 4, true, random, sample);
    different.insert(sample.values);
  }
  EXPECT_EQ(different.size(), 5U);
}

TEST(Speech, LongerInputIsPaddedWithZerosBehind) {
  const auto dataset = open_dataset("tones", {.image_size = 100});
  Sample sample;
  RandomStream random(1);
  dataset->load_sample(Split::train, 0, false, random, sample);
  EXPECT_EQ(sample.info.width, 100);
  EXPECT_EQ(sample.info.original_width, 78);
  for (std::size_t bin = 0; bin < 64; ++bin) {
    for (std::size_t t = 78; t < 100; ++t) ASSERT_EQ(sample.values[bin * 100 + t], 0.0F);
    ASSERT_NE(sample.values[bin * 100 + 77], 0.0F);
  }
}

TEST(Speech, PicturesAreRefusedWithAHint) {
  const TemporaryFolder folder("export");
  const auto dataset = open_dataset("tones8", {});
  Image image;
  EXPECT_THAT(error_of([&] { (void)dataset->pixels(Split::train, 0, image); }), HasSubstr("not pictures"));
  EXPECT_THAT(error_of([&] { export_dataset(*dataset, ExportFormat::png, folder / "out"); }),
              HasSubstr("dataset tones8 holds recordings, not pictures"));
  EXPECT_THAT(error_of([&] { export_dataset(*open_dataset("shapes", {}), ExportFormat::wav, folder / "out"); }),
              HasSubstr("dataset shapes holds pictures, not recordings"));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(Export, TonesReadBackAsFluentSpeechCommands) {
  const TemporaryFolder folder("export");
  const auto tones = open_dataset("tones", {.train_size = 62, .val_size = 31});
  export_dataset(*tones, export_format("wav"), folder / "out");
  const auto read = open_dataset("fsc", {.directory = (folder / "out").string(), .image_size = 78});
  EXPECT_EQ(*read->intents(), *tones->intents());
  RandomStream random(1);
  for (const Split split : {Split::train, Split::val, Split::test}) {
    ASSERT_EQ(read->size(split), tones->size(split));
    for (const std::int64_t i : {0, 17, 30}) {
      Sample expected;
      Sample actual;
      tones->load_sample(split, i, false, random, expected);
      read->load_sample(split, i, false, random, actual);
      EXPECT_EQ(actual.info.label, expected.info.label);
      ASSERT_EQ(actual.values.size(), expected.values.size());
      double difference = 0;
      for (std::size_t k = 0; k < actual.values.size(); ++k) {
        difference += std::abs(actual.values[k] - expected.values[k]) / static_cast<double>(actual.values.size());
      }
      EXPECT_LT(difference, 0.05) << "16 bits change little";
    }
  }
}

class Fsdd : public ::testing::Test {
 protected:
  void add(const std::string& name) {
    fs::create_directories(folder_ / "recordings");
    write_file(folder_ / ("recordings/" + name), encode_wav(std::vector<float>(4000, 0.1F), 8000));
  }
  std::string opening_error() {
    return error_of([&] { (void)open_dataset("fsdd", {.directory = folder_.path()}); });
  }
  TemporaryFolder folder_{"fsdd"};
};

TEST_F(Fsdd, TakesDecideTheSplitAndDigitsTheClass) {
  for (const char* name : {"7_ann_0.wav", "7_ann_4.wav", "3_ann_lee_5.wav", "3_ann_6.wav", "0_bob_49.wav"}) add(name);
  write_file(folder_ / "recordings/notes.txt", "x");
  const auto dataset = open_dataset("fsdd", {.directory = folder_.path()});
  EXPECT_EQ(dataset->info().classes, 10);
  EXPECT_THAT(dataset->intents()->slots, ElementsAre("digit"));
  const auto labels = [&](Split split) {
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < dataset->size(split); ++i) all.push_back(speech(*dataset).label(split, i));
    return all;
  };
  EXPECT_THAT(labels(Split::test), ElementsAre(7, 7));
  EXPECT_THAT(labels(Split::val), ElementsAre(3));
  EXPECT_THAT(labels(Split::train), ElementsAre(0, 3));
  const auto fingerprint = dataset->fingerprint();
  EXPECT_EQ(fingerprint.at("test"), 2);
  add("0_bob_50.wav");
  EXPECT_NE(open_dataset("fsdd", {.directory = folder_.path()})->fingerprint(), fingerprint);
}

TEST_F(Fsdd, WrongNamesAndMissingPartsAreNamed) {
  EXPECT_THAT(opening_error(), HasSubstr("dataset fsdd: no recordings in"));
  add("1_ann_0.wav");
  EXPECT_THAT(opening_error(), HasSubstr("dataset fsdd: no train recordings in"));
  for (const char* name : {"x_ann_0.wav", "11_ann_0.wav", "1_0.wav", "1__0.wav", "1_ann_.wav", "1_ann_-1.wav",
                           "_ann_1.wav", "1_ann_2x.wav", "hello.wav"}) {
    add(name);
    EXPECT_THAT(opening_error(), HasSubstr(std::string(name) + ": the name is not <digit>_<speaker>_<take>.wav"));
    fs::remove(folder_ / "recordings" / name);
  }
}

TEST(FsddReal, TheGenuineRecordingsAreRead) {
  const auto path = test_data("fsdd");
  if (path.empty()) GTEST_SKIP() << "no fsdd in DENSESHIFT_TEST_DATA";
  const auto dataset = open_dataset("fsdd", {.directory = path.string()});
  EXPECT_EQ(dataset->size(Split::test), 300);
  EXPECT_EQ(dataset->size(Split::val), 60);
  EXPECT_EQ(dataset->size(Split::train), 240);
  EXPECT_TRUE(check_dataset(*dataset, 2, {}).empty());
  Loader loader(*dataset, {.split = Split::test, .batch_size = 100, .shuffle = false, .augment = false});
  loader.start(0);
  double squares = 0;
  std::int64_t filled = 0;
  while (const Batch* batch = loader.next()) {
    EXPECT_EQ(batch->height, 64);
    EXPECT_GE(batch->width, 100);
    EXPECT_LE(batch->width, 150);
    for (const SampleInfo& info : batch->samples) filled += 64 * std::min(info.original_width, batch->width);
    for (const float value : batch->images) squares += static_cast<double>(value) * static_cast<double>(value);
  }
  EXPECT_NEAR(squares / static_cast<double>(filled), 1, 0.02) << "normalised where the recordings are";
}

}  // namespace
}  // namespace denseshift::data
