#include "core/data/audio/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace denseshift::data {
namespace {

/// Value of a bin and frame; never 0.
float value(std::int64_t bin, std::int64_t frame) { return static_cast<float>(1000 * (bin + 1) + frame); }

Features numbered(std::int64_t bins, std::int64_t frames) {
  Features features{bins, frames, {}};
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    for (std::int64_t t = 0; t < frames; ++t) features.values.push_back(value(bin, t));
  }
  return features;
}

TEST(Place, ColumnsAreFramesFromTheFirstAndZerosOutside) {
  const Features features = numbered(2, 5);
  for (const std::int64_t first : {-20, -9, -8, -3, -1, 0, 1, 3, 4, 5, 9}) {
    std::vector<float> out(2 * 8, -1.0F);
    place(features, first, 8, out.data());
    for (std::int64_t bin = 0; bin < 2; ++bin) {
      for (std::int64_t t = 0; t < 8; ++t) {
        const std::int64_t frame = first + t;
        EXPECT_EQ(out[static_cast<std::size_t>(bin * 8 + t)], frame >= 0 && frame < 5 ? value(bin, frame) : 0.0F)
            << "first " << first << " at " << bin << "," << t;
      }
    }
  }
}

/// What one draw did, read from its values.
struct Seen {
  std::set<std::int64_t> hidden_bins;    ///< rows without any value
  std::set<std::int64_t> hidden_frames;  ///< frames of the recording inside the window that are zero in all rows
  std::int64_t first = 0;                ///< frame that column 0 shows
  bool found = false;
};

Seen look(const Features& features, const std::vector<float>& out, std::int64_t frames) {
  Seen seen;
  std::set<std::int64_t> shown;
  for (std::int64_t bin = 0; bin < features.bins; ++bin) {
    bool any = false;
    for (std::int64_t t = 0; t < frames; ++t) {
      const float x = out[static_cast<std::size_t>(bin * frames + t)];
      if (x == 0.0F) continue;
      const std::int64_t frame = static_cast<std::int64_t>(x) - 1000 * (bin + 1);
      EXPECT_TRUE(!seen.found || seen.first == frame - t) << "one offset for all that is shown";
      seen.first = frame - t;
      seen.found = any = true;
      shown.insert(frame);
    }
    if (!any) seen.hidden_bins.insert(bin);
  }
  for (std::int64_t frame = 0; frame < features.frames; ++frame) {
    const std::int64_t t = frame - seen.first;
    if (t >= 0 && t < frames && shown.count(frame) == 0) seen.hidden_frames.insert(frame);
  }
  return seen;
}

TEST(Augment, ShiftsAndMasksStayInTheirLimitsAndReachThem) {
  const Features features = numbered(64, 300);
  const SpeechAugmentation how = SpeechAugmentation::for_frames(400);
  EXPECT_EQ(how.time_width, 40);
  EXPECT_EQ(how.frequency_width, 8);
  std::set<std::int64_t> shifts;
  std::size_t most_frames = 0;
  std::size_t most_bins = 0;
  std::vector<float> out(64 * 400);
  for (std::uint64_t i = 0; i < 3000; ++i) {
    RandomStream random(3, i);
    augment(features, how, 400, random, out.data());
    const Seen seen = look(features, out, 400);
    ASSERT_TRUE(seen.found);
    shifts.insert(-seen.first);
    most_frames = std::max(most_frames, seen.hidden_frames.size());
    most_bins = std::max(most_bins, seen.hidden_bins.size());
  }
  EXPECT_EQ(*shifts.begin(), -10);
  EXPECT_EQ(*shifts.rbegin(), 10);
  EXPECT_EQ(shifts.size(), 21U);
  EXPECT_LE(most_frames, 80U) << "two masks of at most 40 frames";
  EXPECT_GE(most_frames, 70U);
  EXPECT_LE(most_bins, 16U);
  EXPECT_GE(most_bins, 14U);
}

TEST(Augment, LongRecordingsAreCutAtRandomPlaces) {
  const Features features = numbered(4, 500);
  std::set<std::int64_t> starts;
  std::vector<float> out(4 * 400);
  for (std::uint64_t i = 0; i < 400; ++i) {
    RandomStream random(4, i);
    augment(features, {.shift = 0, .time_masks = 0, .frequency_masks = 0}, 400, random, out.data());
    const Seen seen = look(features, out, 400);
    starts.insert(seen.first);
    EXPECT_TRUE(seen.hidden_frames.empty());
  }
  EXPECT_GE(*starts.begin(), 0);
  EXPECT_LE(*starts.rbegin(), 100);
  EXPECT_GT(starts.size(), 80U);
}

TEST(Augment, IsKeyedByItsStreamAndTakesTinyRecordings) {
  const Features features = numbered(64, 3);
  std::vector<float> one(64 * 400);
  std::vector<float> two(64 * 400);
  for (std::uint64_t i = 0; i < 50; ++i) {
    RandomStream first(1, i);
    RandomStream second(1, i);
    augment(features, {}, 400, first, one.data());
    augment(features, {}, 400, second, two.data());
    ASSERT_EQ(one, two);
    ASSERT_EQ(first.next(), second.next());
  }
}

}  // namespace
}  // namespace denseshift::data
