// 8-bit activations with SDOT of ARMv8.2: four products added to 32 bits in one instruction, no bound to watch.

#include <arm_neon.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

#include "core/kernels/packed/neon_bytes.h"

struct NeonDotprod : NeonBytes {
  using Narrow = int32x4_t;
  static constexpr std::size_t kVectors = 4, kColumns = 6;
  static constexpr int steps(int) { return 0; }

  static Narrow zero() { return vdupq_n_s32(0); }
  static Narrow dot(Narrow sum, X x, Bytes w) { return vdotq_s32(sum, x, w); }
  template <int kScale>
  static void add_to(Narrow sum, std::int32_t* to) {
    if constexpr (kScale == 16) sum = vshlq_n_s32(sum, 4);
    vst1q_s32(to, vaddq_s32(vld1q_s32(to), sum));
  }
};

#include "core/kernels/packed/a8_impl.h"

}  // namespace

DENSESHIFT_A8_KERNELS(NeonDotprod, neon_dotprod, Isa::neon_dotprod)

}  // namespace denseshift::kernels
