// 8-bit activations on ARMv8.0: widening multiply and add, sums in 16 bits, see smlal_steps().

#include <arm_neon.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

#include "core/kernels/packed/neon_bytes.h"

struct Neon : NeonBytes {
  struct Narrow {
    int16x8_t rows01, rows23;  // one sum for each row and input
  };
  static constexpr std::size_t kVectors = 2, kColumns = 6;
  static constexpr int steps(int factor) { return smlal_steps(factor); }

  static Narrow zero() { return {vdupq_n_s16(0), vdupq_n_s16(0)}; }
  static Narrow dot(Narrow sum, X x, Bytes w) {
    return {vmlal_s8(sum.rows01, vget_low_s8(x), vget_low_s8(w)), vmlal_high_s8(sum.rows23, x, w)};
  }
  template <int kScale>
  static void add_to(Narrow sum, std::int32_t* to) {
    int32x4_t wide = vpaddq_s32(vpaddlq_s16(sum.rows01), vpaddlq_s16(sum.rows23));
    if constexpr (kScale == 16) wide = vshlq_n_s32(wide, 4);
    vst1q_s32(to, vaddq_s32(vld1q_s32(to), wide));
  }
};

#include "core/kernels/packed/a8_impl.h"

}  // namespace

DENSESHIFT_A8_KERNELS(Neon, neon, Isa::neon)

}  // namespace denseshift::kernels
