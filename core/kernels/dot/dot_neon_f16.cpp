// FP16 dot products for ARMv8.0: conversions between half and float exist, arithmetic on halves does not. A Step
// consumes eight activations and adds to two vectors of four sums.

#include <arm_neon.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE uint16x8_t load8(const std::uint8_t* from) { return vreinterpretq_u16_u8(vld1q_u8(from)); }

DENSESHIFT_INLINE float32x4_t low(uint16x8_t halves) {
  return vcvt_f32_f16(vget_low_f16(vreinterpretq_f16_u16(halves)));
}
DENSESHIFT_INLINE float32x4_t high(uint16x8_t halves) { return vcvt_high_f32_f16(vreinterpretq_f16_u16(halves)); }

DENSESHIFT_INLINE void add(float32x4_t& a, float32x4_t& b, uint16x8_t halves) {
  a = vaddq_f32(a, low(halves));
  b = vaddq_f32(b, high(halves));
}

// `value` where the exponent field of x is not 0, elsewhere 0.
DENSESHIFT_INLINE uint16x8_t unless_zero(uint16x8_t x, uint16x8_t value) {
  return vandq_u16(vtstq_u16(x, vdupq_n_u16(kExponentBits)), value);
}

struct Fma {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE void step(float32x4_t& a, float32x4_t& b, uint16x8_t x, const std::uint8_t* w) {
    const uint16x8_t weights = load8(w);
    a = vfmaq_f32(a, low(x), low(weights));
    b = vfmaq_f32(b, high(x), high(weights));
  }
};

struct FmaSplit {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE void step(float32x4_t& a, float32x4_t& b, uint16x8_t x, const std::uint8_t* w) {
    const uint16x8_t weights = load8(w);
    a = vaddq_f32(a, vmulq_f32(low(x), low(weights)));
    b = vaddq_f32(b, vmulq_f32(high(x), high(weights)));
  }
};

struct Codes16 {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE uint16x8_t increments(const std::uint8_t* w) { return load8(w); }
};

struct Codes8 {
  static constexpr std::size_t kWeightBytes = 1;
  static DENSESHIFT_INLINE uint16x8_t increments(const std::uint8_t* w) { return vshll_n_u8(vld1_u8(w), 8); }
};

template <class Codes>
struct Add : Codes {
  static DENSESHIFT_INLINE void step(float32x4_t& a, float32x4_t& b, uint16x8_t x, const std::uint8_t* w) {
    add(a, b, vaddq_u16(x, Codes::increments(w)));
  }
};

template <class Codes>
struct AddSafe : Codes {
  static DENSESHIFT_INLINE void step(float32x4_t& a, float32x4_t& b, uint16x8_t x, const std::uint8_t* w) {
    add(a, b, unless_zero(x, vaddq_u16(x, Codes::increments(w))));
  }
};

// The sign-extending widening shift takes the bits of a half to the places of a float's exponent and mantissa; the mask
// clears the copies of the sign. The result is the value times 2^-112, subnormals included.
template <bool kSafe>
struct ShiftConvert {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE float32x4_t masked(int32x4_t moved) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_s32(moved), vdupq_n_u32(0x8fffe000U)));
  }
  static DENSESHIFT_INLINE void step(float32x4_t& a, float32x4_t& b, uint16x8_t x, const std::uint8_t* w) {
    uint16x8_t halves = vaddq_u16(x, load8(w));
    if (kSafe) halves = unless_zero(x, halves);
    const int16x8_t bits = vreinterpretq_s16_u16(halves);
    a = vaddq_f32(a, masked(vshll_n_s16(vget_low_s16(bits), 13)));
    b = vaddq_f32(b, masked(vshll_high_n_s16(bits, 13)));
  }
};

// The same move takes an add16 code to a sign and a difference of exponents.
struct Robust {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE float32x4_t weight(int32x4_t moved) {
    const uint32x4_t fields = vandq_u32(vreinterpretq_u32_s32(moved), vdupq_n_u32(0x83800000U));
    return vreinterpretq_f32_u32(vaddq_u32(fields, vdupq_n_u32(0x3f800000U)));
  }
  static DENSESHIFT_INLINE void step(float32x4_t& a, float32x4_t& b, uint16x8_t x, const std::uint8_t* w) {
    const int16x8_t codes = vreinterpretq_s16_u16(load8(w));
    a = vfmaq_f32(a, low(x), weight(vshll_n_s16(vget_low_s16(codes), 13)));
    b = vfmaq_f32(b, high(x), weight(vshll_high_n_s16(codes, 13)));
  }
};

struct Bf16 {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE void step(float32x4_t& a, float32x4_t& b, uint16x8_t x, const std::uint8_t* w) {
    add_products(a, b, x, load8(w));
  }
  static DENSESHIFT_INLINE void add_products(float32x4_t& a, float32x4_t& b, uint16x8_t x, uint16x8_t codes) {
    a = vfmaq_f32(a, low(x), vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(codes), 16)));
    b = vfmaq_f32(b, high(x), vreinterpretq_f32_u32(vshll_high_n_u16(codes, 16)));
  }
};

template <class Step>
DENSESHIFT_INLINE void tail(float32x4_t& a, float32x4_t& b, const std::uint16_t* x, const std::uint8_t* w,
                            std::size_t used) {
  const Tail<16> last_x(x, used * 2);
  const Tail<16> last_w(w, used * Step::kWeightBytes);
  Step::step(a, b, load8(last_x.bytes), last_w.bytes);
}

template <class Step>
DENSESHIFT_INLINE float dot4(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  constexpr std::size_t kBytes = Step::kWeightBytes;
  float32x4_t a = vdupq_n_f32(0);
  float32x4_t b = a;
  float32x4_t c = a;
  float32x4_t d = a;
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    Step::step(a, b, vld1q_u16(x + i), w + i * kBytes);
    Step::step(c, d, vld1q_u16(x + i + 8), w + (i + 8) * kBytes);
  }
  for (; i + 8 <= n; i += 8) Step::step(a, b, vld1q_u16(x + i), w + i * kBytes);
  if (i < n) tail<Step>(a, b, x + i, w + i * kBytes, n - i);
  return vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d)));
}

// Eight sums: an addition takes five cycles on a Cortex-A57, and with four the shortest steps wait for it.
template <class Step>
DENSESHIFT_INLINE float dot8(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  constexpr std::size_t kBytes = Step::kWeightBytes;
  float32x4_t a[4];
  float32x4_t b[4];
  for (int k = 0; k < 4; ++k) a[k] = b[k] = vdupq_n_f32(0);
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    Step::step(a[0], b[0], vld1q_u16(x + i), w + i * kBytes);
    Step::step(a[1], b[1], vld1q_u16(x + i + 8), w + (i + 8) * kBytes);
    Step::step(a[2], b[2], vld1q_u16(x + i + 16), w + (i + 16) * kBytes);
    Step::step(a[3], b[3], vld1q_u16(x + i + 24), w + (i + 24) * kBytes);
  }
  for (; i + 8 <= n; i += 8) Step::step(a[0], b[0], vld1q_u16(x + i), w + i * kBytes);
  if (i < n) tail<Step>(a[0], b[0], x + i, w + i * kBytes, n - i);
  const float32x4_t first = vaddq_f32(vaddq_f32(a[0], b[0]), vaddq_f32(a[1], b[1]));
  const float32x4_t second = vaddq_f32(vaddq_f32(a[2], b[2]), vaddq_f32(a[3], b[3]));
  return vaddvq_f32(vaddq_f32(first, second));
}

template <class Step>
DENSESHIFT_INLINE float dot1(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  float32x4_t sum = vdupq_n_f32(0);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) Step::step(sum, sum, vld1q_u16(x + i), w + i * Step::kWeightBytes);
  if (i < n) tail<Step>(sum, sum, x + i, w + i * Step::kWeightBytes, n - i);
  return vaddvq_f32(sum);
}

// Sixteen weights, one for each index below 16: a table gives the upper and one the lower byte of their bf16 form.
struct PackedTables {
  uint8x16_t upper, lower;
};

DENSESHIFT_INLINE void packed_step(float32x4_t (&sum)[4], const std::uint16_t* x, uint8x16_t index,
                                   const PackedTables& tables) {
  const uint8x16_t upper = vqtbl1q_u8(tables.upper, index);
  const uint8x16_t lower = vqtbl1q_u8(tables.lower, index);
  const uint16x8_t first = vreinterpretq_u16_u8(vzip1q_u8(lower, upper));
  const uint16x8_t second = vreinterpretq_u16_u8(vzip2q_u8(lower, upper));
  Bf16::add_products(sum[0], sum[1], vld1q_u16(x), first);
  Bf16::add_products(sum[2], sum[3], vld1q_u16(x + 8), second);
}

// 64 elements: byte b holds the codes of elements b, 16 + b, 32 + b and 48 + b. A nibble is two codes.
DENSESHIFT_INLINE void packed_block(float32x4_t (&sum)[4], const std::uint16_t* x, uint8x16_t codes) {
  static constexpr std::uint8_t kUpper[2][16] = {
      {0xc0, 0xbf, 0x3f, 0x40, 0xc0, 0xbf, 0x3f, 0x40, 0xc0, 0xbf, 0x3f, 0x40, 0xc0, 0xbf, 0x3f, 0x40},
      {0xc0, 0xc0, 0xc0, 0xc0, 0xbf, 0xbf, 0xbf, 0xbf, 0x3f, 0x3f, 0x3f, 0x3f, 0x40, 0x40, 0x40, 0x40}};
  static constexpr std::uint8_t kLower[2][16] = {
      {0x00, 0x80, 0x80, 0x00, 0x00, 0x80, 0x80, 0x00, 0x00, 0x80, 0x80, 0x00, 0x00, 0x80, 0x80, 0x00},
      {0x00, 0x00, 0x00, 0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00, 0x00, 0x00}};
  const PackedTables even{vld1q_u8(kUpper[0]), vld1q_u8(kLower[0])};
  const PackedTables odd{vld1q_u8(kUpper[1]), vld1q_u8(kLower[1])};
  const uint8x16_t first = vandq_u8(codes, vdupq_n_u8(0x0f));
  const uint8x16_t second = vshrq_n_u8(codes, 4);
  packed_step(sum, x, first, even);
  packed_step(sum, x + 16, first, odd);
  packed_step(sum, x + 32, second, even);
  packed_step(sum, x + 48, second, odd);
}

}  // namespace

#define DENSESHIFT_KERNEL(name) float name(const std::uint16_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(f16_fma_dot__neon_u16) { return dot4<Fma>(x, weights, n); }
DENSESHIFT_KERNEL(f16_fma_split_dot__neon_u8) { return dot1<FmaSplit>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_1acc_dot__neon_u8) { return dot1<Add<Codes16>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_dot__neon_u16) { return dot4<Add<Codes16>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_safe_dot__neon_u16) { return dot4<AddSafe<Codes16>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add8_dot__neon_u16) { return dot4<Add<Codes8>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add8_safe_dot__neon_u16) { return dot4<AddSafe<Codes8>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_shift_convert_dot__neon_u32) {
  return kShiftConvertScale * dot8<ShiftConvert<false>>(x, weights, n);
}
DENSESHIFT_KERNEL(f16_shift_convert_safe_dot__neon_u32) {
  return kShiftConvertScale * dot8<ShiftConvert<true>>(x, weights, n);
}
DENSESHIFT_KERNEL(f16_robust_dot__neon_u16) { return dot4<Robust>(x, weights, n); }
DENSESHIFT_KERNEL(f16_bf16_dot__neon_u16) { return dot4<Bf16>(x, weights, n); }

DENSESHIFT_KERNEL(f16_packed2_dot__neon_u64) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  float32x4_t sum[4];
  for (float32x4_t& s : sum) s = vdupq_n_f32(0);
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) packed_block(sum, x + i, vld1q_u8(w + i / 4));
  if (i < n) {
    alignas(16) std::uint16_t last[64] = {};
    for (std::size_t k = 0; k < n - i; ++k) last[k] = x[i + k];
    packed_block(sum, last, vld1q_u8(w + i / 4));
  }
  return vaddvq_f32(vaddq_f32(vaddq_f32(sum[0], sum[1]), vaddq_f32(sum[2], sum[3])));
}

}  // namespace denseshift::kernels
