#include <immintrin.h>

#include "core/bench/limits_kernels.h"

namespace denseshift::bench {

// Written out, see limits_avx2.cpp.
void peak_vpdpbusd__avx512vnni(std::size_t steps) {
#define DENSESHIFT_STEP(sum) "vpdpbusd %%zmm0, %%zmm1, %%zmm" #sum "\n\t"
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile(DENSESHIFT_STEP(2) DENSESHIFT_STEP(3) DENSESHIFT_STEP(4) DENSESHIFT_STEP(5) DENSESHIFT_STEP(6)
                         DENSESHIFT_STEP(7) DENSESHIFT_STEP(8) DENSESHIFT_STEP(9) DENSESHIFT_STEP(10)
                             DENSESHIFT_STEP(11) DENSESHIFT_STEP(12) DENSESHIFT_STEP(13) DENSESHIFT_STEP(14)
                                 DENSESHIFT_STEP(15) DENSESHIFT_STEP(16) DENSESHIFT_STEP(17)
                     :
                     :
                     : "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
                       "xmm13", "xmm14", "xmm15", "xmm16", "xmm17");
  }
#undef DENSESHIFT_STEP
}

}  // namespace denseshift::bench
