#include "core/data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "core/util/error.h"

namespace denseshift::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Samples that tell where they came from: the first float is the index, the rest is random when augmented. Some are
/// broken, some are slow.
class FakeDataset final : public Dataset {
 public:
  FakeDataset(std::int64_t size, bool in_memory, std::set<std::int64_t> broken = {}, bool slow = false)
      : size_(size), broken_(std::move(broken)), slow_(slow) {
    info_.name = "fake";
    info_.classes = 7;
    info_.image_size = 4;
    info_.in_memory = in_memory;
  }
  const DatasetInfo& info() const override { return info_; }
  std::int64_t size(Split) const override { return size_; }
  std::int64_t load(Split, std::int64_t index, bool augment, RandomStream& random, float* out) const override {
    if (broken_.contains(index)) throw input_error("sample" + std::to_string(index) + ".jpg: broken");
    if (slow_) std::this_thread::sleep_for(std::chrono::microseconds(100 * (index % 5)));
    for (int i = 0; i < 48; ++i) out[i] = augment ? static_cast<float>(random.uniform()) : 0.5F;
    out[0] = static_cast<float>(index);
    return index % 7;
  }
  std::int64_t pixels(Split, std::int64_t, Image&) const override { throw std::logic_error("not used"); }
  nlohmann::ordered_json fingerprint() const override { return {}; }

 private:
  DatasetInfo info_;
  std::int64_t size_;
  std::set<std::int64_t> broken_;
  bool slow_;
};

struct Copy {
  std::vector<float> images;
  std::vector<std::int64_t> labels;
  std::int64_t position;
  bool operator==(const Copy&) const = default;
};

std::vector<Copy> epoch(Loader& loader, std::int64_t number, std::int64_t first = 0) {
  std::vector<Copy> copies;
  loader.start(number, first);
  while (const Batch* batch = loader.next()) {
    EXPECT_EQ(std::ssize(batch->images), batch->count * 48);
    EXPECT_EQ(std::ssize(batch->labels), batch->count);
    copies.push_back({batch->images, batch->labels, batch->position});
  }
  EXPECT_EQ(loader.next(), nullptr);
  return copies;
}

std::vector<std::int64_t> indices(const std::vector<Copy>& copies) {
  std::vector<std::int64_t> result;
  for (const Copy& copy : copies) {
    for (std::size_t i = 0; i < copy.images.size(); i += 48)
      result.push_back(static_cast<std::int64_t>(copy.images[i]));
  }
  return result;
}

TEST(Loader, BatchesDoNotDependOnWorkersQueueOrGrain) {
  const FakeDataset reference_set(103, true);
  Loader reference(reference_set, {.batch_size = 20, .seed = 3, .workers = 0});
  const auto expected = epoch(reference, 5);
  ASSERT_EQ(expected.size(), 6U);
  EXPECT_EQ(expected.back().labels.size(), 3U);
  for (const bool in_memory : {true, false}) {
    const FakeDataset dataset(103, in_memory, {}, true);
    for (const std::int64_t workers : {1, 2, 5}) {
      for (const std::int64_t queue : {1, 3}) {
        Loader loader(dataset, {.batch_size = 20, .seed = 3, .workers = workers, .queue = queue});
        EXPECT_EQ(epoch(loader, 5), expected) << workers << " workers, queue " << queue;
      }
    }
  }
}

TEST(Loader, EveryEpochIsAnotherPermutationOfAllSamples) {
  const FakeDataset dataset(103, false);
  Loader loader(dataset, {.batch_size = 10, .workers = 2});
  const auto first = indices(epoch(loader, 0));
  const auto second = indices(epoch(loader, 1));
  EXPECT_NE(first, second);
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), 103U);
  EXPECT_EQ(std::set(second.begin(), second.end()).size(), 103U);
  EXPECT_EQ(indices(epoch(loader, 0)), first);
}

TEST(Loader, AugmentationBelongsToSeedEpochAndSample) {
  const FakeDataset dataset(40, false);
  const auto by_sample = [&](std::uint64_t seed, std::int64_t number, std::int64_t batch_size) {
    Loader loader(dataset, {.batch_size = batch_size, .seed = seed, .workers = 2});
    std::map<std::int64_t, float> values;
    for (const Copy& copy : epoch(loader, number)) {
      for (std::size_t i = 0; i < copy.images.size(); i += 48) {
        values[static_cast<std::int64_t>(copy.images[i])] = copy.images[i + 1];
      }
    }
    return values;
  };
  EXPECT_EQ(by_sample(1, 0, 7), by_sample(1, 0, 16));
  EXPECT_NE(by_sample(1, 0, 7), by_sample(1, 1, 7));
  EXPECT_NE(by_sample(1, 0, 7), by_sample(2, 0, 7));
}

TEST(Loader, EntersAnEpochAtAnyBatch) {
  const FakeDataset dataset(103, false, {}, true);
  Loader whole(dataset, {.batch_size = 20, .workers = 2});
  const auto expected = epoch(whole, 2);
  for (std::int64_t first = 0; first <= 6; ++first) {
    Loader resumed(dataset, {.batch_size = 20, .workers = 3});
    EXPECT_EQ(epoch(resumed, 2, first), std::vector<Copy>(expected.begin() + first, expected.end()));
  }
}

TEST(Loader, LimitTakesTheSameSubsetInEveryEpoch) {
  const FakeDataset dataset(1000, true);
  Loader loader(dataset, {.batch_size = 8, .limit = 50, .workers = 1});
  EXPECT_EQ(loader.samples(), 50);
  EXPECT_EQ(loader.batches(), 7);
  const auto first = indices(epoch(loader, 0));
  const auto second = indices(epoch(loader, 1));
  const std::set<std::int64_t> subset(first.begin(), first.end());
  EXPECT_EQ(subset, std::set(second.begin(), second.end()));
  EXPECT_GT(*subset.rbegin(), 500) << "a sample of the whole set, not its head";
  Loader other(dataset, {.batch_size = 8, .limit = 50, .seed = 2, .workers = 1});
  const auto elsewhere = indices(epoch(other, 0));
  EXPECT_NE(subset, std::set(elsewhere.begin(), elsewhere.end()));
}

TEST(Loader, WithoutShufflingSamplesComeInOrder) {
  const FakeDataset dataset(30, false);
  Loader loader(dataset, {.split = Split::val, .batch_size = 7, .shuffle = false, .augment = false, .workers = 3});
  std::vector<std::int64_t> expected(30);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(indices(epoch(loader, 0)), expected);
  EXPECT_EQ(indices(epoch(loader, 9)), expected);
}

TEST(Loader, ABrokenSampleFailsInItsOwnBatch) {
  const FakeDataset dataset(40, false, {23, 21, 37}, true);
  for (const std::int64_t workers : {0, 1, 4}) {
    Loader loader(dataset, {.batch_size = 10, .shuffle = false, .workers = workers});
    loader.start(0);
    ASSERT_NE(loader.next(), nullptr);
    ASSERT_NE(loader.next(), nullptr);
    for (int attempt = 0; attempt < 2; ++attempt) {
      try {
        (void)loader.next();
        FAIL() << "no error with " << workers << " workers";
      } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "sample21.jpg: broken");
        EXPECT_EQ(error.exit_status(), 2);
      }
    }
    loader.start(0);
    EXPECT_NE(loader.next(), nullptr);
  }
}

TEST(Loader, BrokenSamplesCanBeSkipped) {
  std::set<std::int64_t> broken{0, 5, 21, 29};
  for (std::int64_t i = 30; i < 40; ++i) broken.insert(i);  // a whole batch
  const FakeDataset dataset(45, false, broken);
  for (const std::int64_t workers : {0, 1, 4}) {
    Loader loader(dataset, {.batch_size = 10, .shuffle = false, .broken = BrokenSample::skip, .workers = workers});
    const auto copies = epoch(loader, 0);
    std::vector<std::int64_t> expected;
    for (std::int64_t i = 0; i < 45; ++i) {
      if (!broken.contains(i)) expected.push_back(i);
    }
    EXPECT_EQ(indices(copies), expected);
    std::vector<std::int64_t> positions;
    for (const Copy& copy : copies) {
      positions.push_back(copy.position);
      for (std::size_t i = 0; i < copy.labels.size(); ++i) {
        EXPECT_EQ(copy.labels[i], static_cast<std::int64_t>(copy.images[i * 48]) % 7);
      }
    }
    EXPECT_THAT(positions, ElementsAre(0, 1, 2, 4)) << "a batch without samples is passed over";
    ASSERT_EQ(loader.skipped().size(), broken.size());
    EXPECT_THAT(loader.skipped().front(), HasSubstr("sample0.jpg"));
    EXPECT_THAT(loader.skipped()[2], HasSubstr("sample21.jpg"));
  }
}

TEST(Loader, StopsAndRestartsAtAnyMoment) {
  const FakeDataset dataset(500, false, {}, true);
  Loader reference(dataset, {.batch_size = 16, .workers = 0});
  const auto expected = epoch(reference, 1);
  for (int taken = 0; taken < 6; ++taken) {
    Loader loader(dataset, {.batch_size = 16, .workers = 3, .queue = 2});
    loader.start(0);
    for (int i = 0; i < taken; ++i) ASSERT_NE(loader.next(), nullptr);
    EXPECT_EQ(epoch(loader, 1), expected);
    loader.start(2);
    ASSERT_NE(loader.next(), nullptr);
    // The destructor runs with workers busy and the ring full.
  }
}

TEST(Loader, NothingComesBeforeStart) {
  const FakeDataset dataset(5, true);
  Loader loader(dataset, {.batch_size = 2, .workers = 1});
  EXPECT_EQ(loader.next(), nullptr);
}

TEST(Loader, ImpossibleOptionsAreRefused) {
  const FakeDataset dataset(5, true);
  EXPECT_THROW(Loader(dataset, {.batch_size = 0}), Error);
  EXPECT_THROW(Loader(dataset, {.workers = -1}), Error);
}

}  // namespace
}  // namespace denseshift::data
