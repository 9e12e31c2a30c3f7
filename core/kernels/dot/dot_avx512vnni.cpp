// INT8 dot products with AVX-512 VNNI: VPDPBUSD adds four products of an unsigned and a signed byte to 32 bits. x is
// made unsigned by adding 128; 128 * sum(w) is taken off at the end. 32-bit sums may wrap on the way, the difference
// does not.

#include <immintrin.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE __m512i load64(const void* from) { return _mm512_loadu_si512(from); }

DENSESHIFT_INLINE __m512i from_zero(__m512i x) {
  return _mm512_xor_si512(x, _mm512_set1_epi8(static_cast<char>(0x80)));
}

DENSESHIFT_INLINE void multiply_step(__m512i& sum, __m512i& weight_sum, __m512i x, __m512i w) {
  sum = _mm512_dpbusd_epi32(sum, from_zero(x), w);
  weight_sum = _mm512_dpbusd_epi32(weight_sum, _mm512_set1_epi8(1), w);
}

DENSESHIFT_INLINE __m512i packed_add(__m512i sum, __m512i x, __m512i nibbles, __m512i table) {
  return _mm512_dpbusd_epi32(sum, from_zero(x), _mm512_shuffle_epi8(table, nibbles));
}

DENSESHIFT_INLINE void packed_block(__m512i (&sum)[4], const std::uint8_t* x, __m512i codes) {
  const __m512i lower = _mm512_set1_epi32(0x0201fffe);
  const __m512i upper = _mm512_set4_epi32(0x02020202, 0x01010101, -1, static_cast<int>(0xfefefefeU));
  const __m512i nibble = _mm512_set1_epi8(0x0f);
  const __m512i first = _mm512_and_si512(codes, nibble);
  const __m512i second = _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble);
  sum[0] = packed_add(sum[0], load64(x), first, lower);
  sum[1] = packed_add(sum[1], load64(x + 64), first, upper);
  sum[2] = packed_add(sum[2], load64(x + 128), second, lower);
  sum[3] = packed_add(sum[3], load64(x + 192), second, upper);
}

}  // namespace

#define DENSESHIFT_KERNEL(name) std::int32_t name(const std::int8_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(i8_multiply_dot__avx512vnni_u128) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512i a = _mm512_setzero_si512();
  __m512i b = a;
  __m512i weights_a = a;
  __m512i weights_b = a;
  std::size_t i = 0;
  for (; i + 128 <= n; i += 128) {
    multiply_step(a, weights_a, load64(x + i), load64(w + i));
    multiply_step(b, weights_b, load64(x + i + 64), load64(w + i + 64));
  }
  for (; i + 64 <= n; i += 64) multiply_step(a, weights_a, load64(x + i), load64(w + i));
  if (i < n) {
    multiply_step(a, weights_a, load64(Tail<64>(x + i, n - i).bytes), load64(Tail<64>(w + i, n - i).bytes));
  }
  const __m512i surplus = _mm512_slli_epi32(_mm512_add_epi32(weights_a, weights_b), 7);
  return _mm512_reduce_add_epi32(_mm512_sub_epi32(_mm512_add_epi32(a, b), surplus));
}

DENSESHIFT_KERNEL(i8_packed2_dot__avx512vnni_u256) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(x);
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512i sum[4];
  for (__m512i& s : sum) s = _mm512_setzero_si512();
  for (std::size_t block = 0; block < n / 256; ++block, bytes += 256, w += 64) packed_block(sum, bytes, load64(w));
  if (n % 256 != 0) {
    packed_block(sum, Tail<256>(bytes, n % 256).bytes, load64(w));
    w += 64;
  }
  const __m512i all = _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3]));
  return without_surplus(_mm512_reduce_add_epi32(all), w);
}

}  // namespace denseshift::kernels
