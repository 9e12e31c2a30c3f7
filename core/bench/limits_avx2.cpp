#include <immintrin.h>

#include "core/bench/limits_kernels.h"

// The registers of a loop are named in an array of constant size that the compiler unrolls. The empty statements keep
// it from taking work out of the loop, and from merging sums: it must not know that they begin with the same value.

namespace denseshift::bench {

void read__avx2(const void* data, std::size_t bytes) {
  const auto* words = static_cast<const __m256i*>(data);
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < bytes / 32; i += 16) {
    for (std::size_t j = 0; j < 16; j += 4) {
      a = _mm256_or_si256(a, _mm256_load_si256(words + i + j));
      b = _mm256_or_si256(b, _mm256_load_si256(words + i + j + 1));
      c = _mm256_or_si256(c, _mm256_load_si256(words + i + j + 2));
      d = _mm256_or_si256(d, _mm256_load_si256(words + i + j + 3));
    }
  }
  __asm__ volatile("" : : "x"(a), "x"(b), "x"(c), "x"(d));
}

void peak_f32__avx2(std::size_t steps) {
  __m256 sum[12] = {};
#pragma GCC unroll 12
  for (__m256& one : sum) __asm__ volatile("" : "+x"(one));
  __m256 x = _mm256_set1_ps(0.5F);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+x"(x));
#pragma GCC unroll 12
    for (__m256& one : sum) one = _mm256_fmadd_ps(one, x, x);
  }
  for (__m256& one : sum) __asm__ volatile("" : : "x"(one));
}

// Written out: the compiler keeps some of these sums in memory. What the registers hold does not matter to integers.
void peak_maddubs__avx2(std::size_t steps) {
#define DENSESHIFT_STEP(sum, product)           \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #product \
  "\n\t"                                        \
  "vpaddw %%ymm" #product ", %%ymm" #sum ", %%ymm" #sum "\n\t"
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile(DENSESHIFT_STEP(0, 12) DENSESHIFT_STEP(1, 13) DENSESHIFT_STEP(2, 12) DENSESHIFT_STEP(3, 13)
                         DENSESHIFT_STEP(4, 12) DENSESHIFT_STEP(5, 13) DENSESHIFT_STEP(6, 12) DENSESHIFT_STEP(7, 13)
                             DENSESHIFT_STEP(8, 12) DENSESHIFT_STEP(9, 13) DENSESHIFT_STEP(10, 12)
                                 DENSESHIFT_STEP(11, 13)
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13");
  }
#undef DENSESHIFT_STEP
}

}  // namespace denseshift::bench
