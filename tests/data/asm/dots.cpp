#include <arm_neon.h>
#include <cstddef>
#include <cstdint>
namespace some::space {
// Two conversions and a fused multiply-add, four sums, 16 elements a step.
float f16_fma(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint16_t*>(weights);
  float32x4_t s[4] = {};
  for (std::size_t i = 0; i + 16 <= n; i += 16) {
    for (int k = 0; k < 2; ++k) {
      const float16x8_t a = vreinterpretq_f16_u16(vld1q_u16(x + i + 8 * k));
      const float16x8_t b = vreinterpretq_f16_u16(vld1q_u16(w + i + 8 * k));
      s[2 * k] = vfmaq_f32(s[2 * k], vcvt_f32_f16(vget_low_f16(a)), vcvt_f32_f16(vget_low_f16(b)));
      s[2 * k + 1] = vfmaq_f32(s[2 * k + 1], vcvt_high_f32_f16(a), vcvt_high_f32_f16(b));
    }
  }
  return vaddvq_f32(vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3])));
}
// The integer add with weights of one byte, and a remainder of single elements.
float f16_add8(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  float32x4_t a = vdupq_n_f32(0), b = a;
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const uint16x8_t sum = vaddq_u16(vld1q_u16(x + i), vshll_n_u8(vld1_u8(w + i), 8));
    const float16x8_t h = vreinterpretq_f16_u16(sum);
    a = vaddq_f32(a, vcvt_f32_f16(vget_low_f16(h)));
    b = vaddq_f32(b, vcvt_high_f32_f16(h));
  }
  float total = vaddvq_f32(vaddq_f32(a, b));
  for (; i < n; ++i) {
    const std::uint16_t bits = static_cast<std::uint16_t>(x[i] + (w[i] << 8));
    __fp16 half;
    __builtin_memcpy(&half, &bits, 2);
    total += static_cast<float>(half);
  }
  return total;
}
// Packed codes: 64 elements of x, 16 bytes of weights, and a table at a fixed place.
std::int32_t i8_packed2(const std::int8_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  int32x4_t total = vdupq_n_s32(0);
  const uint8x16_t three = vdupq_n_u8(3);
  static const std::int8_t kTable[16] = {-2, -1, 1, 2};
  const int8x16_t table = vld1q_s8(kTable);
  for (std::size_t i = 0; i + 64 <= n; i += 64, x += 64, w += 16) {
    const uint8x16_t codes = vld1q_u8(w);
    const int8x16_t w0 = vqtbl1q_s8(table, vandq_u8(codes, three));
    const int8x16_t w1 = vqtbl1q_s8(table, vandq_u8(vshrq_n_u8(codes, 2), three));
    const int8x16_t w2 = vqtbl1q_s8(table, vandq_u8(vshrq_n_u8(codes, 4), three));
    const int8x16_t w3 = vqtbl1q_s8(table, vshrq_n_u8(codes, 6));
    int16x8_t s = vmull_s8(vget_low_s8(vld1q_s8(x)), vget_low_s8(w0));
    s = vmlal_high_s8(s, vld1q_s8(x), w0);
    s = vmlal_s8(s, vget_low_s8(vld1q_s8(x + 16)), vget_low_s8(w1));
    s = vmlal_high_s8(s, vld1q_s8(x + 16), w1);
    s = vmlal_s8(s, vget_low_s8(vld1q_s8(x + 32)), vget_low_s8(w2));
    s = vmlal_high_s8(s, vld1q_s8(x + 32), w2);
    s = vmlal_s8(s, vget_low_s8(vld1q_s8(x + 48)), vget_low_s8(w3));
    s = vmlal_high_s8(s, vld1q_s8(x + 48), w3);
    total = vpadalq_s16(total, s);
  }
  return vaddvq_s32(total);
}
}  // namespace some::space
