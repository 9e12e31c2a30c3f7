#include <immintrin.h>

#include "core/bench/limits_kernels.h"

// The registers of a loop are named in an array of constant size that the compiler unrolls; the empty statements keep
// it from taking work out of the loop.

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
  __m256 x = _mm256_set1_ps(0.5F);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+x"(x));
#pragma GCC unroll 12
    for (__m256& one : sum) one = _mm256_fmadd_ps(one, x, x);
  }
  for (__m256& one : sum) __asm__ volatile("" : : "x"(one));
}

void peak_maddubs__avx2(std::size_t steps) {
  __m256i sum[12] = {};
  __m256i x = _mm256_set1_epi8(1);
  __m256i w = _mm256_set1_epi8(2);
  for (std::size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (__m256i& one : sum) {
      __asm__ volatile("" : "+x"(x), "+x"(w));
      one = _mm256_add_epi16(one, _mm256_maddubs_epi16(x, w));
    }
  }
  for (__m256i& one : sum) __asm__ volatile("" : : "x"(one));
}

}  // namespace denseshift::bench
