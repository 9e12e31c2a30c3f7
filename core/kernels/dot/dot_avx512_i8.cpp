// INT8 dot products with AVX-512, which shifts 16-bit lanes by variable counts. See dot_avx2_i8.cpp for the bounds.

#include <immintrin.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE __m256i load32(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
DENSESHIFT_INLINE __m512i load64(const void* from) { return _mm512_loadu_si512(from); }

DENSESHIFT_INLINE __m512i add_pairs(__m512i sum, __m512i lanes) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(lanes, _mm512_set1_epi16(1)));
}

enum class Zero { none, after, x };

// 32 elements. |x| * 2^p <= 128 * 128 fits a lane with either sign; two of them do not, hence add_pairs().
template <Zero kZero>
DENSESHIFT_INLINE __m512i shift_step(__m512i sum, __m256i x, __m256i codes) {
  if (kZero == Zero::x) x = _mm256_maskz_mov_epi8(_mm256_cmpneq_epi8_mask(codes, _mm256_set1_epi8(kZeroCode)), x);
  const __m512i code = _mm512_cvtepi8_epi16(codes);
  __m512i shifted = _mm512_sllv_epi16(_mm512_cvtepi8_epi16(x), _mm512_and_si512(code, _mm512_set1_epi16(0x7f)));
  if (kZero == Zero::after) {
    shifted = _mm512_maskz_mov_epi16(_mm512_cmpneq_epi16_mask(code, _mm512_set1_epi16(kZeroCode)), shifted);
  }
  return add_pairs(sum, _mm512_mask_sub_epi16(shifted, _mm512_movepi16_mask(code), _mm512_setzero_si512(), shifted));
}

template <Zero kZero>
DENSESHIFT_INLINE std::int32_t shift_dot(const std::int8_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512i a = _mm512_setzero_si512();
  __m512i b = a;
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    a = shift_step<kZero>(a, load32(x + i), load32(w + i));
    b = shift_step<kZero>(b, load32(x + i + 32), load32(w + i + 32));
  }
  for (; i + 32 <= n; i += 32) a = shift_step<kZero>(a, load32(x + i), load32(w + i));
  if (i < n) a = shift_step<kZero>(a, load32(Tail<32>(x + i, n - i).bytes), load32(Tail<32>(w + i, n - i).bytes));
  return _mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
}

static_assert(2 * 128 * -128 >= -32768 && 2 * 128 * 127 <= 32767);
DENSESHIFT_INLINE void sign8_step(__m512i& sum, __m512i& missing, __m512i x, __m512i codes) {
  const __m512i table = _mm512_set4_epi32(0, 0, static_cast<int>(0x80402010U), 0x08040201);
  const __mmask64 negative = _mm512_movepi8_mask(codes);
  const __m512i power = _mm512_shuffle_epi8(table, _mm512_and_si512(codes, _mm512_set1_epi8(0x0f)));
  const __m512i flipped = _mm512_mask_sub_epi8(x, negative, _mm512_set1_epi8(-1), x);
  sum = add_pairs(sum, _mm512_maddubs_epi16(power, flipped));
  missing = _mm512_add_epi64(missing, _mm512_sad_epu8(_mm512_maskz_mov_epi8(negative, power), _mm512_setzero_si512()));
}

// |w| <= 127: a pair of products stays within 2 * 128 * 127.
DENSESHIFT_INLINE __m512i multiply_step(__m512i sum, __m512i x, __m512i w) {
  const __m512i signed_w = _mm512_mask_sub_epi8(w, _mm512_movepi8_mask(x), _mm512_setzero_si512(), w);
  return add_pairs(sum, _mm512_maddubs_epi16(_mm512_abs_epi8(x), signed_w));
}

constexpr std::size_t kPackedBlocks = steps_in_16_bits(255, 2, 2);
static_assert(kPackedBlocks == 32 && kPackedBlocks * 2 * 255 * 2 <= 32767);

DENSESHIFT_INLINE __m512i packed_add(__m512i lanes, __m512i x, __m512i nibbles, __m512i table) {
  const __m512i from_zero = _mm512_xor_si512(x, _mm512_set1_epi8(static_cast<char>(0x80)));
  return _mm512_add_epi16(lanes, _mm512_maddubs_epi16(from_zero, _mm512_shuffle_epi8(table, nibbles)));
}

// 256 elements: a nibble is two codes, and each table reads one of them.
DENSESHIFT_INLINE void packed_block(__m512i (&lanes)[4], const std::uint8_t* x, __m512i codes) {
  const __m512i lower = _mm512_set1_epi32(0x0201fffe);
  const __m512i upper = _mm512_set4_epi32(0x02020202, 0x01010101, -1, static_cast<int>(0xfefefefeU));
  const __m512i nibble = _mm512_set1_epi8(0x0f);
  const __m512i first = _mm512_and_si512(codes, nibble);
  const __m512i second = _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble);
  lanes[0] = packed_add(lanes[0], load64(x), first, lower);
  lanes[1] = packed_add(lanes[1], load64(x + 64), first, upper);
  lanes[2] = packed_add(lanes[2], load64(x + 128), second, lower);
  lanes[3] = packed_add(lanes[3], load64(x + 192), second, upper);
}

DENSESHIFT_INLINE __m512i flush(__m512i sum, __m512i (&lanes)[4]) {
  for (__m512i& lane : lanes) {
    sum = add_pairs(sum, lane);
    lane = _mm512_setzero_si512();
  }
  return sum;
}

}  // namespace

#define DENSESHIFT_KERNEL(name) std::int32_t name(const std::int8_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(i8_shift_zero_after_dot__avx512_u64) { return shift_dot<Zero::after>(x, weights, n); }
DENSESHIFT_KERNEL(i8_shift_zero_x_dot__avx512_u64) { return shift_dot<Zero::x>(x, weights, n); }
DENSESHIFT_KERNEL(i8_denseshift_dot__avx512_u64) { return shift_dot<Zero::none>(x, weights, n); }

DENSESHIFT_KERNEL(i8_denseshift_sign8_dot__avx512_u64) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512i sum = _mm512_setzero_si512();
  __m512i missing = sum;
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) sign8_step(sum, missing, load64(x + i), load64(w + i));
  if (i < n) sign8_step(sum, missing, load64(Tail<64>(x + i, n - i).bytes), load64(Tail<64>(w + i, n - i).bytes));
  return _mm512_reduce_add_epi32(_mm512_add_epi32(sum, missing));
}

DENSESHIFT_KERNEL(i8_multiply_dot__avx512_u128) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512i a = _mm512_setzero_si512();
  __m512i b = a;
  std::size_t i = 0;
  for (; i + 128 <= n; i += 128) {
    a = multiply_step(a, load64(x + i), load64(w + i));
    b = multiply_step(b, load64(x + i + 64), load64(w + i + 64));
  }
  for (; i + 64 <= n; i += 64) a = multiply_step(a, load64(x + i), load64(w + i));
  if (i < n) a = multiply_step(a, load64(Tail<64>(x + i, n - i).bytes), load64(Tail<64>(w + i, n - i).bytes));
  return _mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
}

DENSESHIFT_KERNEL(i8_packed2_dot__avx512_u256) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(x);
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512i sum = _mm512_setzero_si512();
  __m512i lanes[4] = {sum, sum, sum, sum};
  std::size_t left = n / 256;
  while (left > 0) {
    const std::size_t blocks = left < kPackedBlocks ? left : kPackedBlocks;
    for (std::size_t block = 0; block < blocks; ++block, bytes += 256, w += 64) packed_block(lanes, bytes, load64(w));
    sum = flush(sum, lanes);
    left -= blocks;
  }
  if (n % 256 != 0) {
    packed_block(lanes, Tail<256>(bytes, n % 256).bytes, load64(w));
    sum = flush(sum, lanes);
    w += 64;
  }
  return without_surplus(_mm512_reduce_add_epi32(sum), w);
}

}  // namespace denseshift::kernels
