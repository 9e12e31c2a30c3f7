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
#pragma GCC unroll 16
  for (__m512& one : sum) __asm__ volatile("" : "+v"(one));
  __m512 x = _mm512_set1_ps(0.5F);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+v"(x));
#pragma GCC unroll 16
    for (__m512& one : sum) one = _mm512_fmadd_ps(one, x, x);
  }
  for (__m512& one : sum) __asm__ volatile("" : : "v"(one));
}

// Written out, see limits_avx2.cpp.
void peak_maddubs__avx512(std::size_t steps) {
#define DENSESHIFT_STEP(sum, product)         \
  "vpmaddubsw %%zmm0, %%zmm1, %%zmm" #product \
  "\n\t"                                      \
  "vpaddw %%zmm" #product ", %%zmm" #sum ", %%zmm" #sum "\n\t"
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile(
        DENSESHIFT_STEP(2, 18) DENSESHIFT_STEP(3, 19) DENSESHIFT_STEP(4, 20) DENSESHIFT_STEP(5, 21)
            DENSESHIFT_STEP(6, 22) DENSESHIFT_STEP(7, 23) DENSESHIFT_STEP(8, 24) DENSESHIFT_STEP(9, 25)
                DENSESHIFT_STEP(10, 18) DENSESHIFT_STEP(11, 19) DENSESHIFT_STEP(12, 20) DENSESHIFT_STEP(13, 21)
                    DENSESHIFT_STEP(14, 22) DENSESHIFT_STEP(15, 23) DENSESHIFT_STEP(16, 24) DENSESHIFT_STEP(17, 25)
        :
        :
        : "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
          "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25");
  }
#undef DENSESHIFT_STEP
}

}  // namespace denseshift::bench
