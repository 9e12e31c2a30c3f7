// Float activations on ARMv8.0. A weight is made from its code with integer operations: a power of two is an exponent.

#include <arm_neon.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

struct Neon {
  using Floats = float32x4_t;
  struct Table {};
  static constexpr std::size_t kRows = 4, kVectors = 2, kColumns = 12;

  static Floats load(const float* from) { return vld1q_f32(from); }
  static void store(float* to, Floats x) { vst1q_f32(to, x); }
  static Floats zero() { return vdupq_n_f32(0); }
  static Floats broadcast(const float* x) { return vld1q_dup_f32(x); }
  static Floats fma(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
  static Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
  template <int kBits>
  static Table table() {
    return {};
  }
  template <int kBits, std::size_t kInput>
  static Floats weights(Table, const std::uint8_t* tile) {
    constexpr int kBegin = static_cast<int>(kInput) * kBits;
    const uint32x4_t words = vreinterpretq_u32_u8(vld1q_u8(tile));
    if constexpr (kBits == 2) {
      // 0, 1, 2, 3 to -2, -1, 1, 2: c + (c >> 1) - 2.
      const uint32x4_t code = vandq_u32(shifted_right<kBegin>(words), vdupq_n_u32(3));
      const int32x4_t weight = vreinterpretq_s32_u32(vsraq_n_u32(code, code, 1));
      return vcvtq_f32_s32(vsubq_s32(weight, vdupq_n_s32(2)));
    } else {
      constexpr std::uint32_t kExponent = (1U << (kBits - 1)) - 1;
      constexpr int kSign = kBegin + kBits - 1;
      const uint32x4_t exponent = vandq_u32(shifted_right<kBegin>(words), vdupq_n_u32(kExponent));
      const uint32x4_t sign = vandq_u32(shifted_left<31 - kSign>(words), vdupq_n_u32(0x80000000U));
      const uint32x4_t one = vdupq_n_u32(0x3f800000U);
      return vreinterpretq_f32_u32(vorrq_u32(sign, vaddq_u32(one, vshlq_n_u32(exponent, 23))));
    }
  }

 private:
  template <int kBits>
  static uint32x4_t shifted_right(uint32x4_t words) {
    if constexpr (kBits == 0) {
      return words;
    } else {
      return vshrq_n_u32(words, kBits);
    }
  }
  template <int kBits>
  static uint32x4_t shifted_left(uint32x4_t words) {
    return vshlq_n_u32(words, kBits);
  }
};

#include "core/kernels/packed/f32_impl.h"

}  // namespace

DENSESHIFT_F32_KERNELS(Neon, neon, Isa::neon, gemv_f32_decode)

}  // namespace denseshift::kernels
