// INT8 dot products with AVX2. There is no shift of 16-bit lanes by a variable count, so 2^p comes from a table of
// bytes and the shift is a multiplication with it.

#include <immintrin.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE __m128i load16(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
DENSESHIFT_INLINE __m256i load32(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

DENSESHIFT_INLINE __m256i powers_of_two() {
  const auto top = static_cast<char>(128);
  return _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, top, 0, 0, 0, 0, 0, 0, 0, 0,  //
                          1, 2, 4, 8, 16, 32, 64, top, 0, 0, 0, 0, 0, 0, 0, 0);
}

DENSESHIFT_INLINE std::int32_t total(__m256i sum) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, _MM_SHUFFLE(2, 3, 0, 1))));
}

DENSESHIFT_INLINE __m256i add_pairs(__m256i sum, __m256i lanes) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(lanes, _mm256_set1_epi16(1)));
}

enum class Zero { none, after, x };

// 16 elements. |x| * 2^p <= 128 * 128 fits a lane with either sign; two of them do not, hence add_pairs().
template <Zero kZero>
DENSESHIFT_INLINE __m256i shift_step(__m256i sum, __m128i x, __m128i codes) {
  if (kZero == Zero::x) x = _mm_andnot_si128(_mm_cmpeq_epi8(codes, _mm_set1_epi8(kZeroCode)), x);
  const __m256i code = _mm256_cvtepi8_epi16(codes);
  // The upper byte of a lane looks up nothing (its highest bit is set), the lower one 2^p.
  const __m256i index =
      _mm256_or_si256(_mm256_and_si256(code, _mm256_set1_epi16(0x000f)), _mm256_set1_epi16(static_cast<short>(0x8000)));
  const __m256i power = _mm256_shuffle_epi8(powers_of_two(), index);
  __m256i shifted = _mm256_mullo_epi16(_mm256_cvtepi8_epi16(x), power);
  if (kZero == Zero::after) {
    shifted = _mm256_andnot_si256(_mm256_cmpeq_epi16(code, _mm256_set1_epi16(kZeroCode)), shifted);
  }
  return add_pairs(sum, _mm256_sign_epi16(shifted, _mm256_or_si256(code, _mm256_set1_epi16(1))));
}

template <Zero kZero>
DENSESHIFT_INLINE std::int32_t shift_dot(const std::int8_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m256i a = _mm256_setzero_si256();
  __m256i b = a;
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    a = shift_step<kZero>(a, load16(x + i), load16(w + i));
    b = shift_step<kZero>(b, load16(x + i + 16), load16(w + i + 16));
  }
  for (; i + 16 <= n; i += 16) a = shift_step<kZero>(a, load16(x + i), load16(w + i));
  if (i < n) a = shift_step<kZero>(a, load16(Tail<16>(x + i, n - i).bytes), load16(Tail<16>(w + i, n - i).bytes));
  return total(_mm256_add_epi32(a, b));
}

// -x is ~x + 1, and ~x stays in 8 bits for x = -128 as well: the ones that are missing make 2^p for each negative
// weight. A pair of |~x * 2^p| <= 128 * 128 reaches -32768 but not 32768, since ~x and x are at most 127.
static_assert(2 * 128 * -128 >= -32768 && 2 * 128 * 127 <= 32767);
DENSESHIFT_INLINE void sign8_step(__m256i& sum, __m256i& missing, __m256i x, __m256i codes) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i negative = _mm256_cmpgt_epi8(zero, codes);
  const __m256i power = _mm256_shuffle_epi8(powers_of_two(), _mm256_and_si256(codes, _mm256_set1_epi8(0x0f)));
  sum = add_pairs(sum, _mm256_maddubs_epi16(power, _mm256_xor_si256(x, negative)));
  missing = _mm256_add_epi64(missing, _mm256_sad_epu8(_mm256_and_si256(power, negative), zero));
}

// |w| <= 127: a pair of products stays within 2 * 128 * 127.
DENSESHIFT_INLINE __m256i multiply_step(__m256i sum, __m256i x, __m256i w) {
  return add_pairs(sum, _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(w, x)));
}

// x + 128 as unsigned byte times weight; the surplus 128 * sum(w) is taken off with the sum stored behind the codes.
constexpr std::size_t kPackedBlocks = steps_in_16_bits(255, 2, 2);
static_assert(kPackedBlocks == 32 && kPackedBlocks * 2 * 255 * 2 <= 32767);

DENSESHIFT_INLINE __m256i packed_add(__m256i lanes, __m256i x, __m256i nibbles, __m256i table) {
  const __m256i from_zero = _mm256_xor_si256(x, _mm256_set1_epi8(static_cast<char>(0x80)));
  return _mm256_add_epi16(lanes, _mm256_maddubs_epi16(from_zero, _mm256_shuffle_epi8(table, nibbles)));
}

// 128 elements: a nibble is two codes, and each table reads one of them.
DENSESHIFT_INLINE void packed_block(__m256i (&lanes)[4], const std::uint8_t* x, __m256i codes) {
  const __m256i lower = _mm256_setr_epi8(-2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2,  //
                                         -2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2);
  const __m256i upper = _mm256_setr_epi8(-2, -2, -2, -2, -1, -1, -1, -1, 1, 1, 1, 1, 2, 2, 2, 2,  //
                                         -2, -2, -2, -2, -1, -1, -1, -1, 1, 1, 1, 1, 2, 2, 2, 2);
  const __m256i nibble = _mm256_set1_epi8(0x0f);
  const __m256i first = _mm256_and_si256(codes, nibble);
  const __m256i second = _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble);
  lanes[0] = packed_add(lanes[0], load32(x), first, lower);
  lanes[1] = packed_add(lanes[1], load32(x + 32), first, upper);
  lanes[2] = packed_add(lanes[2], load32(x + 64), second, lower);
  lanes[3] = packed_add(lanes[3], load32(x + 96), second, upper);
}

DENSESHIFT_INLINE __m256i flush(__m256i sum, __m256i (&lanes)[4]) {
  for (__m256i& lane : lanes) {
    sum = add_pairs(sum, lane);
    lane = _mm256_setzero_si256();
  }
  return sum;
}

}  // namespace

#define DENSESHIFT_KERNEL(name) std::int32_t name(const std::int8_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(i8_shift_zero_after_dot__avx2_u32) { return shift_dot<Zero::after>(x, weights, n); }
DENSESHIFT_KERNEL(i8_shift_zero_x_dot__avx2_u32) { return shift_dot<Zero::x>(x, weights, n); }
DENSESHIFT_KERNEL(i8_denseshift_dot__avx2_u32) { return shift_dot<Zero::none>(x, weights, n); }

DENSESHIFT_KERNEL(i8_denseshift_sign8_dot__avx2_u32) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m256i sum = _mm256_setzero_si256();
  __m256i missing = sum;
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) sign8_step(sum, missing, load32(x + i), load32(w + i));
  if (i < n) sign8_step(sum, missing, load32(Tail<32>(x + i, n - i).bytes), load32(Tail<32>(w + i, n - i).bytes));
  return total(_mm256_add_epi32(sum, missing));
}

DENSESHIFT_KERNEL(i8_multiply_dot__avx2_u64) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m256i a = _mm256_setzero_si256();
  __m256i b = a;
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    a = multiply_step(a, load32(x + i), load32(w + i));
    b = multiply_step(b, load32(x + i + 32), load32(w + i + 32));
  }
  for (; i + 32 <= n; i += 32) a = multiply_step(a, load32(x + i), load32(w + i));
  if (i < n) a = multiply_step(a, load32(Tail<32>(x + i, n - i).bytes), load32(Tail<32>(w + i, n - i).bytes));
  return total(_mm256_add_epi32(a, b));
}

DENSESHIFT_KERNEL(i8_packed2_dot__avx2_u128) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(x);
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m256i sum = _mm256_setzero_si256();
  __m256i lanes[4] = {sum, sum, sum, sum};
  std::size_t left = n / 128;
  while (left > 0) {
    const std::size_t blocks = left < kPackedBlocks ? left : kPackedBlocks;
    for (std::size_t block = 0; block < blocks; ++block, bytes += 128, w += 32) packed_block(lanes, bytes, load32(w));
    sum = flush(sum, lanes);
    left -= blocks;
  }
  if (n % 128 != 0) {
    packed_block(lanes, Tail<128>(bytes, n % 128).bytes, load32(w));
    sum = flush(sum, lanes);
    w += 32;
  }
  return without_surplus(total(sum), w);
}

}  // namespace denseshift::kernels
