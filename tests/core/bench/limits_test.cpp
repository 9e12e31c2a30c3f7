// Limits and sizes: that they are there and sane. Nothing here depends on how fast the machine is.

#include "core/bench/limits.h"

#include <gtest/gtest.h>

#include "core/bench/environment.h"
#include "core/bench/memory.h"

namespace denseshift::bench {
namespace {

TEST(Limits, EveryAllowedLevelHasItsPeaks) {
  const std::vector<Peak> peaks = measure_peaks(kernels::allowed_isa());
  std::size_t expected = 0;
  for (const PeakKernel& kernel : peak_kernels()) expected += kernels::isa_supported(kernel.isa) ? 1 : 0;
  EXPECT_EQ(peaks.size(), expected);
  for (const Peak& peak : peaks) EXPECT_GT(peak.macs_per_second, 0) << peak.name;
  EXPECT_GT(best_peak(peaks, false), 0);
}

TEST(Limits, ARestrictionLeavesHigherPeaksOut) {
  const std::vector<Peak> peaks = measure_peaks(kernels::isa_with_included(kernels::Isa::scalar));
  ASSERT_EQ(peaks.size(), 1U);
  EXPECT_EQ(peaks.front().isa, kernels::Isa::scalar);
  EXPECT_EQ(best_peak(peaks, true), 0);
}

TEST(Limits, ReadsBuffersOfAnySizeAtEveryLevel) {
  for (const kernels::IsaStatus& level : kernels::isa_levels()) {
    if (!level.supported) continue;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{513}, std::size_t{1} << 20}) {
      EXPECT_GT(measure_read_bandwidth(bytes, kernels::isa_with_included(level.isa)), 0) << bytes;
    }
  }
}

TEST(Memory, ARotationExceedsTwiceTheLastCache) {
  const CacheSizes caches{32 << 10, 1 << 20, 32 << 20};
  EXPECT_EQ(caches.last(), std::size_t{32} << 20);
  for (const std::size_t bytes : {std::size_t{1} << 10, std::size_t{1} << 20, std::size_t{1} << 26}) {
    EXPECT_GT(copies_beyond_cache(bytes, caches) * bytes, 2 * caches.last());
  }
  EXPECT_EQ(copies_beyond_cache(std::size_t{1} << 30, caches), 2U);
  EXPECT_GT(CacheSizes{}.last(), 0U);
  EXPECT_GT(cache_sizes().last(), 0U);
}

TEST(Environment, NamesTheLevelAndAClock) {
  const Environment found = environment();
  EXPECT_EQ(found.isa, kernels::isa_name(kernels::best_isa()));
  EXPECT_GT(found.clock, 0);
}

}  // namespace
}  // namespace denseshift::bench
