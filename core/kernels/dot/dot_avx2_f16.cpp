// FP16 dot products with AVX2, FMA and F16C. A Step consumes eight activations: two conversions of a half cost as much
// as the rest of a step, so what a variant saves is a conversion.

#include <immintrin.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE __m128i load8(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
DENSESHIFT_INLINE __m256i load16(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

DENSESHIFT_INLINE float total(__m256 sum) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// `value` where the exponent field of x is not 0, elsewhere 0. The field is never negative, so "take the sign of it"
// does either of the two and nothing else, in one instruction instead of a comparison and a mask.
DENSESHIFT_INLINE __m128i unless_zero(__m128i x, __m128i value) {
  return _mm_sign_epi16(value, _mm_and_si128(x, _mm_set1_epi16(kExponentBits)));
}
DENSESHIFT_INLINE __m256i unless_zero(__m256i x, __m256i value) {
  return _mm256_sign_epi16(value, _mm256_and_si256(x, _mm256_set1_epi16(kExponentBits)));
}

struct Fma {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    return _mm256_fmadd_ps(_mm256_cvtph_ps(x), _mm256_cvtph_ps(load8(w)), sum);
  }
};

struct FmaSplit {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    return _mm256_add_ps(sum, _mm256_mul_ps(_mm256_cvtph_ps(x), _mm256_cvtph_ps(load8(w))));
  }
};

struct Add16 {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    return _mm256_add_ps(sum, _mm256_cvtph_ps(_mm_add_epi16(x, load8(w))));
  }
};

// Sixteen at once share what zero-safety costs.
struct Add16Safe {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE void pair(__m256& first, __m256& second, const std::uint16_t* x, const std::uint8_t* w) {
    const __m256i bits = load16(x);
    const __m256i products = unless_zero(bits, _mm256_add_epi16(bits, load16(w)));
    first = _mm256_add_ps(first, _mm256_cvtph_ps(_mm256_castsi256_si128(products)));
    second = _mm256_add_ps(second, _mm256_cvtph_ps(_mm256_extracti128_si256(products, 1)));
  }
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    return _mm256_add_ps(sum, _mm256_cvtph_ps(unless_zero(x, _mm_add_epi16(x, load8(w)))));
  }
};

// Eight bytes become the high bytes of eight 16-bit increments.
DENSESHIFT_INLINE __m128i increments(const std::uint8_t* w) {
  return _mm_unpacklo_epi8(_mm_setzero_si128(), _mm_loadl_epi64(reinterpret_cast<const __m128i*>(w)));
}

struct Add8 {
  static constexpr std::size_t kWeightBytes = 1;
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    return _mm256_add_ps(sum, _mm256_cvtph_ps(_mm_add_epi16(x, increments(w))));
  }
};

struct Add8Safe {
  static constexpr std::size_t kWeightBytes = 1;
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    return _mm256_add_ps(sum, _mm256_cvtph_ps(unless_zero(x, _mm_add_epi16(x, increments(w)))));
  }
};

// A sign-extended add16 code has s in bits 15..31 and p in bits 10..12; 13 places up they are those of a float.
struct Robust {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    const __m256i moved = _mm256_slli_epi32(_mm256_cvtepi16_epi32(load8(w)), 13);
    const __m256i fields = _mm256_and_si256(moved, _mm256_set1_epi32(static_cast<int>(0x83800000U)));
    const __m256 weight = _mm256_castsi256_ps(_mm256_add_epi32(fields, _mm256_set1_epi32(0x3f800000)));
    return _mm256_fmadd_ps(_mm256_cvtph_ps(x), weight, sum);
  }
};

struct Bf16 {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m256 step(__m256 sum, __m128i x, const std::uint8_t* w) {
    const __m256i weight = _mm256_slli_epi32(_mm256_cvtepu16_epi32(load8(w)), 16);
    return _mm256_fmadd_ps(_mm256_cvtph_ps(x), _mm256_castsi256_ps(weight), sum);
  }
};

template <int kSums, class Step>
DENSESHIFT_INLINE float dot(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  constexpr std::size_t kBytes = Step::kWeightBytes;
  __m256 sum[kSums];
  for (__m256& s : sum) s = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 8 * kSums <= n; i += 8 * kSums) {
    if constexpr (requires { &Step::pair; }) {
      for (std::size_t k = 0; k < kSums; k += 2)
        Step::pair(sum[k], sum[k + 1], x + i + 8 * k, w + (i + 8 * k) * kBytes);
    } else {
      for (std::size_t k = 0; k < kSums; ++k) {
        sum[k] = Step::step(sum[k], load8(x + i + 8 * k), w + (i + 8 * k) * kBytes);
      }
    }
  }
  for (; i + 8 <= n; i += 8) sum[0] = Step::step(sum[0], load8(x + i), w + i * kBytes);
  if (i < n) {
    const Tail<16> last_x(x + i, (n - i) * 2);
    const Tail<16> last_w(w + i * kBytes, (n - i) * kBytes);
    sum[0] = Step::step(sum[0], load8(last_x.bytes), last_w.bytes);
  }
  for (int k = 1; k < kSums; ++k) sum[0] = _mm256_add_ps(sum[0], sum[k]);
  return total(sum[0]);
}

// Two halves lie in each 32-bit lane. An arithmetic shift by 3 takes the upper one's exponent to that of a float, and
// the mask clears the copies of the sign and the lower half.
template <bool kSafe>
DENSESHIFT_INLINE void shift_convert(__m256& odd, __m256& even, const void* x, const void* w) {
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(0x8fffe000U));
  const __m256i bits = load16(x);
  __m256i halves = _mm256_add_epi16(bits, load16(w));
  if (kSafe) halves = unless_zero(bits, halves);
  const __m256i high = _mm256_srai_epi32(halves, 3);
  const __m256i low = _mm256_srai_epi32(_mm256_slli_epi32(halves, 16), 3);
  odd = _mm256_add_ps(odd, _mm256_castsi256_ps(_mm256_and_si256(high, mask)));
  even = _mm256_add_ps(even, _mm256_castsi256_ps(_mm256_and_si256(low, mask)));
}

template <bool kSafe>
DENSESHIFT_INLINE float shift_convert_dot(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m256 a = _mm256_setzero_ps();
  __m256 b = a;
  __m256 c = a;
  __m256 d = a;
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    shift_convert<kSafe>(a, b, x + i, w + 2 * i);
    shift_convert<kSafe>(c, d, x + i + 16, w + 2 * i + 32);
  }
  for (; i + 16 <= n; i += 16) shift_convert<kSafe>(a, b, x + i, w + 2 * i);
  if (i < n) {
    const Tail<32> last_x(x + i, (n - i) * 2);
    const Tail<32> last_w(w + 2 * i, (n - i) * 2);
    shift_convert<kSafe>(a, b, last_x.bytes, last_w.bytes);
  }
  return kShiftConvertScale * total(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
}

// Eight words of 16 codes; the lowest two bits of each word select its weight.
DENSESHIFT_INLINE __m256 packed_step(__m256 sum, __m128i x, __m256i codes) {
  const __m256 weights = _mm256_setr_ps(-2, -1, 1, 2, -2, -1, 1, 2);
  return _mm256_fmadd_ps(_mm256_cvtph_ps(x), _mm256_permutevar_ps(weights, codes), sum);
}

}  // namespace

#define DENSESHIFT_KERNEL(name) float name(const std::uint16_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(f16_fma_dot__avx2_u32) { return dot<4, Fma>(x, weights, n); }
DENSESHIFT_KERNEL(f16_fma_split_dot__avx2_u8) { return dot<1, FmaSplit>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_1acc_dot__avx2_u8) { return dot<1, Add16>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_dot__avx2_u32) { return dot<4, Add16>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_safe_dot__avx2_u32) { return dot<4, Add16Safe>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add8_dot__avx2_u32) { return dot<4, Add8>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add8_safe_dot__avx2_u32) { return dot<4, Add8Safe>(x, weights, n); }
DENSESHIFT_KERNEL(f16_shift_convert_dot__avx2_u32) { return shift_convert_dot<false>(x, weights, n); }
DENSESHIFT_KERNEL(f16_shift_convert_safe_dot__avx2_u32) { return shift_convert_dot<true>(x, weights, n); }
DENSESHIFT_KERNEL(f16_robust_dot__avx2_u32) { return dot<4, Robust>(x, weights, n); }
DENSESHIFT_KERNEL(f16_bf16_dot__avx2_u32) { return dot<4, Bf16>(x, weights, n); }

DENSESHIFT_KERNEL(f16_packed2_dot__avx2_u128) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m256 sum[4];
  for (__m256& s : sum) s = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 128 <= n; i += 128) {
    __m256i codes = load16(w + i / 4);
    for (std::size_t k = 0; k < 16; ++k) {
      sum[k % 4] = packed_step(sum[k % 4], load8(x + i + 8 * k), codes);
      codes = _mm256_srli_epi32(codes, 2);
    }
  }
  if (i < n) {
    __m256i codes = load16(w + i / 4);
    for (; i + 8 <= n; i += 8) {
      sum[0] = packed_step(sum[0], load8(x + i), codes);
      codes = _mm256_srli_epi32(codes, 2);
    }
    if (i < n) sum[0] = packed_step(sum[0], load8(Tail<16>(x + i, (n - i) * 2).bytes), codes);
  }
  return total(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

}  // namespace denseshift::kernels
