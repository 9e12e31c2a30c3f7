#include "core/data/audio/feature_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/util/atomic_file.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

Features numbered(std::int64_t bins, std::int64_t frames, float start) {
  Features features{bins, frames, {}};
  for (std::int64_t i = 0; i < bins * frames; ++i) features.values.push_back(start + static_cast<float>(i));
  return features;
}

std::string key_of(int i) { return FeatureCache::key(std::to_string(i), {}, false); }

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".mel") files.push_back(entry.path());
  }
  return files;
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const fs::path& file : entries(folder)) bytes += fs::file_size(file);
  return bytes;
}

TEST(FeatureCache, WhatIsStoredIsFoundByAnotherObject) {
  const TemporaryFolder folder("features");
  const Features features = numbered(4, 7, 0.25F);
  FeatureCache(folder / "new/sub").store(key_of(1), features);
  const FeatureCache cache(folder / "new/sub");
  EXPECT_EQ(cache.find(key_of(1)), features);
  EXPECT_EQ(cache.find(key_of(2)), std::nullopt);
}

TEST(FeatureCache, KeysFollowContentParametersAndResampling) {
  const std::string key = FeatureCache::key("abc", {}, false);
  EXPECT_EQ(key, FeatureCache::key("abc", {}, false));
  EXPECT_NE(key, FeatureCache::key("abd", {}, false));
  EXPECT_NE(key, FeatureCache::key("abc", {}, true));
  EXPECT_NE(key, FeatureCache::key("abc", FrontEnd::at_rate(8000), false));
  EXPECT_NE(key, FeatureCache::key("abc", {.floor = 1e-5}, false));
}

TEST(FeatureCache, DamagedEntriesAreMissesAndAreReplaced) {
  const TemporaryFolder folder("features");
  FeatureCache cache(folder.path());
  const Features features = numbered(4, 7, 1);
  cache.store(key_of(1), features);
  const fs::path file = entries(folder.path()).at(0);
  const std::string whole = read_file(file);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string broken = whole;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    write_file(file, broken);
    ASSERT_EQ(cache.find(key_of(1)), std::nullopt) << "byte " << i;
    write_file(file, whole.substr(0, i));
    ASSERT_EQ(cache.find(key_of(1)), std::nullopt) << i << " bytes";
  }
  cache.store(key_of(1), features);
  EXPECT_EQ(cache.find(key_of(1)), features);
}

TEST(FeatureCache, TheEntriesReadLongestAgoGoFirst) {
  const TemporaryFolder folder("features");
  const Features features = numbered(64, 40, 0);  // about 10 kB
  const std::uint64_t limit = 110'000;
  {
    FeatureCache cache(folder.path(), std::uint64_t{1} << 30);
    for (int i = 0; i < 12; ++i) cache.store(key_of(i), features);
  }
  // Entry 0 was used a minute ago, 1 an hour ago, 2 two hours ago, ...
  for (int i = 0; i < 12; ++i) {
    const fs::path file = folder / key_of(i).substr(0, 2) / (key_of(i) + ".mel");
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(i) - std::chrono::minutes(1));
  }
  FeatureCache cache(folder.path(), limit);
  EXPECT_TRUE(cache.find(key_of(11))) << "reading makes it the newest";
  cache.shrink();
  EXPECT_LE(bytes_in(folder.path()), limit);
  EXPECT_TRUE(cache.find(key_of(11)));
  EXPECT_TRUE(cache.find(key_of(0)));
  EXPECT_FALSE(cache.find(key_of(10)));
  for (int i = 100; i < 150; ++i) {
    cache.store(key_of(i), features);
    ASSERT_LE(bytes_in(folder.path()), limit + limit / 10);
    ASSERT_TRUE(cache.find(key_of(i)));
  }
}

TEST(FeatureCache, LeftoversOfKilledProcessesAreRemoved) {
  const TemporaryFolder folder("features");
  FeatureCache cache(folder.path());
  const std::string old = "aa/" + key_of(1) + ".mel.tmp1-0";
  const std::string fresh = "aa/" + key_of(2) + ".mel.tmp2-0";
  fs::create_directories(folder / "aa");
  for (const std::string& name : {old, fresh}) write_file(folder / name, "x");
  fs::last_write_time(folder / old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  cache.shrink();
  EXPECT_FALSE(fs::exists(folder / old));
  EXPECT_TRUE(fs::exists(folder / fresh)) << "somebody may be writing it";
}

TEST(FeatureCache, ProcessesShareAFolder) {
  const TemporaryFolder folder("features");
  constexpr int kProcesses = 4;
  constexpr int kEntries = 40;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      // A small limit, so that all of them remove entries that others read and write.
      FeatureCache cache(folder.path(), 60'000);
      bool good = true;
      for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < kEntries; ++i) {
          const Features expected = numbered(8, 50, static_cast<float>(i));
          const std::optional<Features> found = cache.find(key_of(i));
          good = good && (!found || *found == expected);
          if (!found) cache.store(key_of(i), expected);
        }
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_FALSE(entries(folder.path()).empty());
}

TEST(FeatureCache, AFolderThatCannotBeWrittenIsNoError) {
  const TemporaryFolder folder("features");
  write_file(folder / "file", "x");
  FeatureCache cache(folder / "file/sub");
  cache.store(key_of(1), numbered(2, 2, 0));
  EXPECT_EQ(cache.find(key_of(1)), std::nullopt);
}

TEST(FeatureCacheFolder, FollowsTheSettingThenTheUsualPlaces) {
  EXPECT_EQ(feature_cache_folder("/data/x", "/xdg", "/home/a"), "/data/x");
  EXPECT_EQ(feature_cache_folder("off", "/xdg", "/home/a"), "");
  EXPECT_EQ(feature_cache_folder("", "/xdg", "/home/a"), "/xdg/denseshift/features");
  EXPECT_EQ(feature_cache_folder(nullptr, nullptr, "/home/a"), "/home/a/.cache/denseshift/features");
  EXPECT_EQ(feature_cache_folder(nullptr, "", nullptr), "");
}

TEST(FeatureStore, ComputesOnceAndStopsAtItsLimit) {
  FeatureStore store(3, 2 * 4 * 10 * static_cast<std::int64_t>(sizeof(float)));
  int computed = 0;
  const auto compute = [&](float start) {
    return [&computed, start] {
      ++computed;
      return numbered(4, 10, start);
    };
  };
  for (int round = 0; round < 3; ++round) {
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(*store.get(i, compute(static_cast<float>(i))), numbered(4, 10, static_cast<float>(i)));
    }
  }
  EXPECT_EQ(computed, 2 + 3) << "two fit, the third is made each time";
}

TEST(FeatureStore, ErrorsPassAndAreNotKept) {
  FeatureStore store(1);
  EXPECT_THROW((void)store.get(0, []() -> Features { throw std::runtime_error("broken"); }), std::runtime_error);
  EXPECT_EQ(store.get(0, [] { return numbered(1, 1, 5); })->values.at(0), 5.0F);
}

}  // namespace
}  // namespace denseshift::data
