#include <arm_neon.h>

#include "core/bench/limits_kernels.h"

namespace denseshift::bench {

void peak_sdot__neon_dotprod(std::size_t steps) {
  int32x4_t sum[16] = {};
#pragma GCC unroll 16
  for (int32x4_t& one : sum) __asm__ volatile("" : "+w"(one));
  int8x16_t x = vdupq_n_s8(1);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+w"(x));
#pragma GCC unroll 16
    for (int32x4_t& one : sum) one = vdotq_s32(one, x, x);
  }
  for (int32x4_t& one : sum) __asm__ volatile("" : : "w"(one));
}

}  // namespace denseshift::bench
