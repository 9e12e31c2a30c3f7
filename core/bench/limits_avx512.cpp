#include <immintrin.h>

#include "core/bench/limits_kernels.h"

namespace denseshift::bench {

void read__avx512(const void* data, std::size_t bytes) {
  const auto* words = static_cast<const __m512i*>(data);
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < bytes / 64; i += 8) {
    for (std::size_t j = 0; j < 8; j += 4) {
      a = _mm512_or_si512(a, _mm512_load_si512(words + i + j));
      b = _mm512_or_si512(b, _mm512_load_si512(words + i + j + 1));
      c = _mm512_or_si512(c, _mm512_load_si512(words + i + j + 2));
      d = _mm512_or_si512(d, _mm512_load_si512(words + i + j + 3));
    }
  }
  __asm__ volatile("" : : "v"(a), "v"(b), "v"(c), "v"(d));
}

void peak_f32__avx512(std::size_t steps) {
  __m512 sum[16] = {};
  __m512 x = _mm512_set1_ps(0.5F);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+v"(x));
#pragma GCC unroll 16
    for (__m512& one : sum) one = _mm512_fmadd_ps(one, x, x);
  }
  for (__m512& one : sum) __asm__ volatile("" : : "v"(one));
}

void peak_maddubs__avx512(std::size_t steps) {
  __m512i sum[16] = {};
  __m512i x = _mm512_set1_epi8(1);
  __m512i w = _mm512_set1_epi8(2);
  for (std::size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 16
    for (__m512i& one : sum) {
      __asm__ volatile("" : "+v"(x), "+v"(w));
      one = _mm512_add_epi16(one, _mm512_maddubs_epi16(x, w));
    }
  }
  for (__m512i& one : sum) __asm__ volatile("" : : "v"(one));
}

}  // namespace denseshift::bench
