// INT8 dot products for ARMv8.0. SSHL shifts each lane by the signed lower byte of its count.

#include <arm_neon.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE int8x16_t load_s8(const void* from) { return vld1q_s8(static_cast<const std::int8_t*>(from)); }

enum class Zero { none, after, x };

// Eight elements. |x| * 2^p <= 128 * 128 fits a lane with either sign; two of them do not, so each pair is added into
// 32 bits.
template <Zero kZero>
DENSESHIFT_INLINE int32x4_t shift_lanes(int32x4_t sum, int16x8_t x, int16x8_t code) {
  int16x8_t shifted = vshlq_s16(x, vandq_s16(code, vdupq_n_s16(0x7f)));
  if (kZero == Zero::after) {
    const uint16x8_t zero = vceqq_s16(code, vdupq_n_s16(kZeroCode));
    shifted = vbicq_s16(shifted, vreinterpretq_s16_u16(zero));
  }
  const int16x8_t negative = vshrq_n_s16(code, 15);
  return vpadalq_s16(sum, vsubq_s16(veorq_s16(shifted, negative), negative));
}

// 16 elements.
template <Zero kZero>
struct Shift {
  static DENSESHIFT_INLINE void step(int32x4_t& a, int32x4_t& b, int8x16_t x, int8x16_t codes) {
    if (kZero == Zero::x) x = vbicq_s8(x, vreinterpretq_s8_u8(vceqq_s8(codes, vdupq_n_s8(kZeroCode))));
    a = shift_lanes<kZero>(a, vmovl_s8(vget_low_s8(x)), vmovl_s8(vget_low_s8(codes)));
    b = shift_lanes<kZero>(b, vmovl_high_s8(x), vmovl_high_s8(codes));
  }
};

// -x is ~x + 1. The subtraction of -1 while widening completes it in 16 bits, so x = -128 is exact.
struct Sign8 {
  static DENSESHIFT_INLINE void step(int32x4_t& a, int32x4_t& b, int8x16_t x, int8x16_t codes) {
    const int8x16_t negative = vshrq_n_s8(codes, 7);
    const int8x16_t flipped = veorq_s8(x, negative);
    const int8x16_t count = vandq_s8(codes, vdupq_n_s8(0x7f));
    const int16x8_t first = vsubl_s8(vget_low_s8(flipped), vget_low_s8(negative));
    const int16x8_t second = vsubl_high_s8(flipped, negative);
    a = vpadalq_s16(a, vshlq_s16(first, vmovl_s8(vget_low_s8(count))));
    b = vpadalq_s16(b, vshlq_s16(second, vmovl_high_s8(count)));
  }
};

// Two products in a 16-bit lane: |w| <= 127.
static_assert(2 * 128 * 127 <= 32767);
struct Multiply {
  static DENSESHIFT_INLINE void step(int32x4_t& a, int32x4_t&, int8x16_t x, int8x16_t w) {
    a = vpadalq_s16(a, vmlal_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(w)), x, w));
  }
};

template <class Step>
DENSESHIFT_INLINE std::int32_t dot(const std::int8_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::int8_t*>(weights);
  int32x4_t a = vdupq_n_s32(0);
  int32x4_t b = a;
  int32x4_t c = a;
  int32x4_t d = a;
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    Step::step(a, b, vld1q_s8(x + i), vld1q_s8(w + i));
    Step::step(c, d, vld1q_s8(x + i + 16), vld1q_s8(w + i + 16));
  }
  for (; i + 16 <= n; i += 16) Step::step(a, b, vld1q_s8(x + i), vld1q_s8(w + i));
  if (i < n) Step::step(c, d, load_s8(Tail<16>(x + i, n - i).bytes), load_s8(Tail<16>(w + i, n - i).bytes));
  return vaddvq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)));
}

// A block adds two products to each lane.
constexpr std::size_t kPackedBlocks = steps_in_16_bits(128, 2, 2);
static_assert(kPackedBlocks == 63 && kPackedBlocks * 2 * 128 * 2 <= 32767);

DENSESHIFT_INLINE void add_products(int16x8_t& a, int16x8_t& b, int8x16_t x, int8x16_t w) {
  a = vmlal_s8(a, vget_low_s8(x), vget_low_s8(w));
  b = vmlal_high_s8(b, x, w);
}

// 64 elements: byte b holds the codes of elements b, 16 + b, 32 + b and 48 + b. A nibble is two codes, and each table
// reads one of them.
DENSESHIFT_INLINE void packed_block(int16x8_t (&lanes)[4], const std::int8_t* x, uint8x16_t codes) {
  static constexpr std::int8_t kLower[16] = {-2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2};
  static constexpr std::int8_t kUpper[16] = {-2, -2, -2, -2, -1, -1, -1, -1, 1, 1, 1, 1, 2, 2, 2, 2};
  const int8x16_t lower = vld1q_s8(kLower);
  const int8x16_t upper = vld1q_s8(kUpper);
  const uint8x16_t first = vandq_u8(codes, vdupq_n_u8(0x0f));
  const uint8x16_t second = vshrq_n_u8(codes, 4);
  add_products(lanes[0], lanes[1], vld1q_s8(x), vqtbl1q_s8(lower, first));
  add_products(lanes[2], lanes[3], vld1q_s8(x + 16), vqtbl1q_s8(upper, first));
  add_products(lanes[0], lanes[1], vld1q_s8(x + 32), vqtbl1q_s8(lower, second));
  add_products(lanes[2], lanes[3], vld1q_s8(x + 48), vqtbl1q_s8(upper, second));
}

DENSESHIFT_INLINE int32x4_t flush(int32x4_t sum, int16x8_t (&lanes)[4]) {
  sum = vpadalq_s16(vpadalq_s16(sum, lanes[0]), lanes[1]);
  sum = vpadalq_s16(vpadalq_s16(sum, lanes[2]), lanes[3]);
  lanes[0] = lanes[1] = lanes[2] = lanes[3] = vdupq_n_s16(0);
  return sum;
}

}  // namespace

#define DENSESHIFT_KERNEL(name) std::int32_t name(const std::int8_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(i8_shift_zero_after_dot__neon_u32) { return dot<Shift<Zero::after>>(x, weights, n); }
DENSESHIFT_KERNEL(i8_shift_zero_x_dot__neon_u32) { return dot<Shift<Zero::x>>(x, weights, n); }
DENSESHIFT_KERNEL(i8_denseshift_dot__neon_u32) { return dot<Shift<Zero::none>>(x, weights, n); }
DENSESHIFT_KERNEL(i8_denseshift_sign8_dot__neon_u32) { return dot<Sign8>(x, weights, n); }
DENSESHIFT_KERNEL(i8_multiply_dot__neon_u32) { return dot<Multiply>(x, weights, n); }

DENSESHIFT_KERNEL(i8_packed2_dot__neon_u64) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  int32x4_t sum = vdupq_n_s32(0);
  int16x8_t lanes[4];
  lanes[0] = lanes[1] = lanes[2] = lanes[3] = vdupq_n_s16(0);
  std::size_t left = n / 64;
  while (left > 0) {
    const std::size_t blocks = left < kPackedBlocks ? left : kPackedBlocks;
    for (std::size_t block = 0; block < blocks; ++block, x += 64, w += 16) packed_block(lanes, x, vld1q_u8(w));
    sum = flush(sum, lanes);
    left -= blocks;
  }
  if (n % 64 != 0) {
    const Tail<64> last(x, n % 64);
    packed_block(lanes, reinterpret_cast<const std::int8_t*>(last.bytes), vld1q_u8(w));
    sum = flush(sum, lanes);
  }
  return vaddvq_s32(sum);
}

}  // namespace denseshift::kernels
