#include <immintrin.h>

#include "core/bench/limits_kernels.h"

namespace denseshift::bench {

void peak_vpdpbusd__avx512vnni(std::size_t steps) {
  __m512i sum[16] = {};
  __m512i x = _mm512_set1_epi8(1);
  __m512i w = _mm512_set1_epi8(2);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+v"(x), "+v"(w));
#pragma GCC unroll 16
    for (__m512i& one : sum) one = _mm512_dpbusd_epi32(one, x, w);
  }
  for (__m512i& one : sum) __asm__ volatile("" : : "v"(one));
}

}  // namespace denseshift::bench
