// FP16 dot products with the FP16 arithmetic of ARMv8.2: no conversions, so the integer add saves nothing. Sums are
// FP16 as well: each addition rounds to 11 bits and the sum overflows beyond 65504.

#include <arm_neon.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

struct Fma {
  static DENSESHIFT_INLINE float16x8_t step(float16x8_t sum, uint16x8_t x, uint16x8_t w) {
    return vfmaq_f16(sum, vreinterpretq_f16_u16(x), vreinterpretq_f16_u16(w));
  }
};

struct Add {
  static DENSESHIFT_INLINE float16x8_t step(float16x8_t sum, uint16x8_t x, uint16x8_t w) {
    return vaddq_f16(sum, vreinterpretq_f16_u16(vaddq_u16(x, w)));
  }
};

DENSESHIFT_INLINE uint16x8_t load8(const std::uint8_t* from) { return vreinterpretq_u16_u8(vld1q_u8(from)); }

template <class Step>
DENSESHIFT_INLINE float dot(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  float16x8_t sum[4];
  for (float16x8_t& s : sum) s = vdupq_n_f16(0);
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    for (std::size_t k = 0; k < 4; ++k) {
      sum[k] = Step::step(sum[k], vld1q_u16(x + i + 8 * k), load8(w + 2 * (i + 8 * k)));
    }
  }
  for (; i + 8 <= n; i += 8) sum[0] = Step::step(sum[0], vld1q_u16(x + i), load8(w + 2 * i));
  if (i < n) {
    const Tail<16> last_x(x + i, (n - i) * 2);
    const Tail<16> last_w(w + 2 * i, (n - i) * 2);
    sum[1] = Step::step(sum[1], load8(last_x.bytes), load8(last_w.bytes));
  }
  float32x4_t wide = vdupq_n_f32(0);
  for (const float16x8_t& s : sum) {
    wide = vaddq_f32(vaddq_f32(wide, vcvt_f32_f16(vget_low_f16(s))), vcvt_high_f32_f16(s));
  }
  return vaddvq_f32(wide);
}

}  // namespace

float f16_fp16_fma_dot__neon_fp16_u32(const std::uint16_t* x, const void* weights, std::size_t n) {
  return dot<Fma>(x, weights, n);
}
float f16_fp16_add_dot__neon_fp16_u32(const std::uint16_t* x, const void* weights, std::size_t n) {
  return dot<Add>(x, weights, n);
}

}  // namespace denseshift::kernels
