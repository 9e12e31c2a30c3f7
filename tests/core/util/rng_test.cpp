#include "core/util/rng.h"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <vector>

namespace denseshift {
namespace {

// Independent restatement of the published algorithm, used as the oracle for the stream's numbers.
std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

TEST(RandomStream, TheOracleMatchesThePublishedSequence) {
  std::uint64_t state = 1234567;  // first outputs listed with the public reference implementation
  EXPECT_EQ(splitmix64(state), 6457827717110365317ULL);
  EXPECT_EQ(splitmix64(state), 3203168211198807973ULL);
  EXPECT_EQ(splitmix64(state), 9817491932198370423ULL);
}

TEST(RandomStream, DrawsSplitMixNumbersFromItsState) {
  // One round of the generator hashes a key, so the state after the constructor is four chained rounds.
  const auto hash = [](std::uint64_t x) { return splitmix64(x); };
  std::uint64_t state = hash(hash(hash(hash(7) ^ 1) ^ 2) ^ 3);
  RandomStream stream(7, 1, 2, 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(stream.next(), splitmix64(state));
}

TEST(RandomStream, EveryKeyMatters) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    for (std::uint64_t a = 0; a < 3; ++a) {
      for (std::uint64_t b = 0; b < 3; ++b) {
        for (std::uint64_t c = 0; c < 3; ++c) first.insert(RandomStream(seed, a, b, c).next());
      }
    }
  }
  EXPECT_EQ(first.size(), 81U);
}

TEST(RandomStream, UniformStaysInRangeAndHasTheRightMoments) {
  RandomStream stream(5);
  constexpr int kCount = 200000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = stream.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 0.005);  // standard error 0.00065
  EXPECT_NEAR(squares / kCount, 1.0 / 3, 0.005);
}

TEST(RandomStream, NormalHasTheRightMoments) {
  RandomStream stream(6);
  constexpr int kCount = 200000;
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (int i = 0; i < kCount; ++i) {
    const double x = stream.normal();
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.02);
  EXPECT_NEAR(squares / kCount, 1, 0.02);
  EXPECT_NEAR(fourth / kCount, 3, 0.15);
}

TEST(RandomStream, BelowIsUniformOverEveryResidue) {
  RandomStream stream(8);
  std::vector<int> counts(7);
  constexpr int kCount = 70000;
  for (int i = 0; i < kCount; ++i) ++counts.at(stream.below(7));
  for (const int count : counts) EXPECT_NEAR(count, kCount / 7, 500);  // five standard deviations are 463
  EXPECT_EQ(stream.below(1), 0U);
}

TEST(Permutation, HoldsEveryIndexOnceAndDependsOnTheStream) {
  for (const std::int64_t n : {0, 1, 2, 3, 17, 1000}) {
    RandomStream stream(9);
    auto order = permutation(n, stream);
    std::set<std::int64_t> seen(order.begin(), order.end());
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(n));
    if (n > 0) {
      EXPECT_EQ(*seen.begin(), 0);
      EXPECT_EQ(*seen.rbegin(), n - 1);
    }
  }
  RandomStream a(1);
  RandomStream b(2);
  EXPECT_NE(permutation(100, a), permutation(100, b));
}

TEST(Permutation, EveryOrderOfThreeIsEquallyLikely) {
  std::map<std::vector<std::int64_t>, int> counts;
  RandomStream stream(10);
  constexpr int kCount = 60000;
  for (int i = 0; i < kCount; ++i) ++counts[permutation(3, stream)];
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, kCount / 6, 500);
}

}  // namespace
}  // namespace denseshift
