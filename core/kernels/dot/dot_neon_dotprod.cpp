// INT8 dot products with SDOT, which adds four products of bytes to 32 bits: no bounds to keep, no correction.

#include <arm_neon.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE int8x16_t load_s8(const void* from) { return vld1q_s8(static_cast<const std::int8_t*>(from)); }

// 64 elements, in the order of dot_neon_i8.cpp.
DENSESHIFT_INLINE void packed_block(int32x4_t (&sum)[4], const std::int8_t* x, uint8x16_t codes) {
  static constexpr std::int8_t kLower[16] = {-2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2};
  static constexpr std::int8_t kUpper[16] = {-2, -2, -2, -2, -1, -1, -1, -1, 1, 1, 1, 1, 2, 2, 2, 2};
  const int8x16_t lower = vld1q_s8(kLower);
  const int8x16_t upper = vld1q_s8(kUpper);
  const uint8x16_t first = vandq_u8(codes, vdupq_n_u8(0x0f));
  const uint8x16_t second = vshrq_n_u8(codes, 4);
  sum[0] = vdotq_s32(sum[0], vld1q_s8(x), vqtbl1q_s8(lower, first));
  sum[1] = vdotq_s32(sum[1], vld1q_s8(x + 16), vqtbl1q_s8(upper, first));
  sum[2] = vdotq_s32(sum[2], vld1q_s8(x + 32), vqtbl1q_s8(lower, second));
  sum[3] = vdotq_s32(sum[3], vld1q_s8(x + 48), vqtbl1q_s8(upper, second));
}

DENSESHIFT_INLINE std::int32_t total(const int32x4_t (&sum)[4]) {
  return vaddvq_s32(vaddq_s32(vaddq_s32(sum[0], sum[1]), vaddq_s32(sum[2], sum[3])));
}

}  // namespace

#define DENSESHIFT_KERNEL(name) std::int32_t name(const std::int8_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(i8_multiply_dot__neon_dotprod_u64) {
  const auto* w = static_cast<const std::int8_t*>(weights);
  int32x4_t sum[4];
  for (int32x4_t& s : sum) s = vdupq_n_s32(0);
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    for (std::size_t k = 0; k < 4; ++k) {
      sum[k] = vdotq_s32(sum[k], vld1q_s8(x + i + 16 * k), vld1q_s8(w + i + 16 * k));
    }
  }
  for (; i + 16 <= n; i += 16) sum[0] = vdotq_s32(sum[0], vld1q_s8(x + i), vld1q_s8(w + i));
  if (i < n) {
    sum[1] = vdotq_s32(sum[1], load_s8(Tail<16>(x + i, n - i).bytes), load_s8(Tail<16>(w + i, n - i).bytes));
  }
  return total(sum);
}

DENSESHIFT_KERNEL(i8_packed2_dot__neon_dotprod_u64) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  int32x4_t sum[4];
  for (int32x4_t& s : sum) s = vdupq_n_s32(0);
  for (std::size_t block = 0; block < n / 64; ++block, x += 64, w += 16) packed_block(sum, x, vld1q_u8(w));
  if (n % 64 != 0) {
    const Tail<64> last(x, n % 64);
    packed_block(sum, reinterpret_cast<const std::int8_t*>(last.bytes), vld1q_u8(w));
  }
  return total(sum);
}

}  // namespace denseshift::kernels
