// FP16 dot products with AVX-512, 16 activations a step. See dot_avx2_f16.cpp for the tricks.

#include <immintrin.h>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DENSESHIFT_INLINE __m256i load16(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
DENSESHIFT_INLINE __m512i load32(const void* from) { return _mm512_loadu_si512(from); }

// Sum over ever narrower halves; _mm512_reduce_add_ps would do, but its order is the compiler's.
DENSESHIFT_INLINE float total(__m512 sum) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

struct Fma {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m512 step(__m512 sum, __m256i x, const std::uint8_t* w) {
    return _mm512_fmadd_ps(_mm512_cvtph_ps(x), _mm512_cvtph_ps(load16(w)), sum);
  }
};

struct FmaSplit {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m512 step(__m512 sum, __m256i x, const std::uint8_t* w) {
    return _mm512_add_ps(sum, _mm512_mul_ps(_mm512_cvtph_ps(x), _mm512_cvtph_ps(load16(w))));
  }
};

struct Codes16 {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m256i increments(const std::uint8_t* w) { return load16(w); }
};

struct Codes8 {
  static constexpr std::size_t kWeightBytes = 1;
  static DENSESHIFT_INLINE __m256i increments(const std::uint8_t* w) {
    return _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w))), 8);
  }
};

template <class Codes>
struct Add : Codes {
  static DENSESHIFT_INLINE __m512 step(__m512 sum, __m256i x, const std::uint8_t* w) {
    return _mm512_add_ps(sum, _mm512_cvtph_ps(_mm256_add_epi16(x, Codes::increments(w))));
  }
};

template <class Codes>
struct AddSafe : Codes {
  static DENSESHIFT_INLINE __m512 step(__m512 sum, __m256i x, const std::uint8_t* w) {
    const __mmask16 normal = _mm256_test_epi16_mask(x, _mm256_set1_epi16(kExponentBits));
    return _mm512_add_ps(sum, _mm512_cvtph_ps(_mm256_maskz_add_epi16(normal, x, Codes::increments(w))));
  }
};

struct Robust {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m512 step(__m512 sum, __m256i x, const std::uint8_t* w) {
    const __m512i moved = _mm512_slli_epi32(_mm512_cvtepi16_epi32(load16(w)), 13);
    const __m512i fields = _mm512_and_si512(moved, _mm512_set1_epi32(static_cast<int>(0x83800000U)));
    const __m512 weight = _mm512_castsi512_ps(_mm512_add_epi32(fields, _mm512_set1_epi32(0x3f800000)));
    return _mm512_fmadd_ps(_mm512_cvtph_ps(x), weight, sum);
  }
};

struct Bf16 {
  static constexpr std::size_t kWeightBytes = 2;
  static DENSESHIFT_INLINE __m512 step(__m512 sum, __m256i x, const std::uint8_t* w) {
    const __m512i weight = _mm512_slli_epi32(_mm512_cvtepu16_epi32(load16(w)), 16);
    return _mm512_fmadd_ps(_mm512_cvtph_ps(x), _mm512_castsi512_ps(weight), sum);
  }
};

template <int kSums, class Step>
DENSESHIFT_INLINE float dot(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  constexpr std::size_t kBytes = Step::kWeightBytes;
  __m512 sum[kSums];
  for (__m512& s : sum) s = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + 16 * kSums <= n; i += 16 * kSums) {
    for (std::size_t k = 0; k < kSums; ++k) {
      sum[k] = Step::step(sum[k], load16(x + i + 16 * k), w + (i + 16 * k) * kBytes);
    }
  }
  for (; i + 16 <= n; i += 16) sum[0] = Step::step(sum[0], load16(x + i), w + i * kBytes);
  if (i < n) {
    const Tail<32> last_x(x + i, (n - i) * 2);
    const Tail<32> last_w(w + i * kBytes, (n - i) * kBytes);
    sum[0] = Step::step(sum[0], load16(last_x.bytes), last_w.bytes);
  }
  for (int k = 1; k < kSums; ++k) sum[0] = _mm512_add_ps(sum[0], sum[k]);
  return total(sum[0]);
}

template <bool kSafe>
DENSESHIFT_INLINE void shift_convert(__m512& odd, __m512& even, const void* x, const void* w) {
  const __m512i mask = _mm512_set1_epi32(static_cast<int>(0x8fffe000U));
  const __m512i bits = load32(x);
  const __mmask32 kept = kSafe ? _mm512_test_epi16_mask(bits, _mm512_set1_epi16(kExponentBits)) : ~__mmask32{0};
  const __m512i halves = _mm512_maskz_add_epi16(kept, bits, load32(w));
  const __m512i high = _mm512_srai_epi32(halves, 3);
  const __m512i low = _mm512_srai_epi32(_mm512_slli_epi32(halves, 16), 3);
  odd = _mm512_add_ps(odd, _mm512_castsi512_ps(_mm512_and_si512(high, mask)));
  even = _mm512_add_ps(even, _mm512_castsi512_ps(_mm512_and_si512(low, mask)));
}

template <bool kSafe>
DENSESHIFT_INLINE float shift_convert_dot(const std::uint16_t* x, const void* weights, std::size_t n) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512 a = _mm512_setzero_ps();
  __m512 b = a;
  __m512 c = a;
  __m512 d = a;
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    shift_convert<kSafe>(a, b, x + i, w + 2 * i);
    shift_convert<kSafe>(c, d, x + i + 32, w + 2 * i + 64);
  }
  for (; i + 32 <= n; i += 32) shift_convert<kSafe>(a, b, x + i, w + 2 * i);
  if (i < n) {
    const Tail<64> last_x(x + i, (n - i) * 2);
    const Tail<64> last_w(w + 2 * i, (n - i) * 2);
    shift_convert<kSafe>(a, b, last_x.bytes, last_w.bytes);
  }
  return kShiftConvertScale * total(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)));
}

// 16 words of 16 codes; the lowest two bits of each word select its weight.
DENSESHIFT_INLINE __m512 packed_step(__m512 sum, __m256i x, __m512i codes) {
  const __m512 weights = _mm512_broadcast_f32x4(_mm_setr_ps(-2, -1, 1, 2));
  return _mm512_fmadd_ps(_mm512_cvtph_ps(x), _mm512_permutevar_ps(weights, codes), sum);
}

}  // namespace

#define DENSESHIFT_KERNEL(name) float name(const std::uint16_t* x, const void* weights, std::size_t n)

DENSESHIFT_KERNEL(f16_fma_dot__avx512_u64) { return dot<4, Fma>(x, weights, n); }
DENSESHIFT_KERNEL(f16_fma_split_dot__avx512_u16) { return dot<1, FmaSplit>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_1acc_dot__avx512_u16) { return dot<1, Add<Codes16>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_dot__avx512_u64) { return dot<4, Add<Codes16>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add16_safe_dot__avx512_u64) { return dot<4, AddSafe<Codes16>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add8_dot__avx512_u64) { return dot<4, Add<Codes8>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_add8_safe_dot__avx512_u64) { return dot<4, AddSafe<Codes8>>(x, weights, n); }
DENSESHIFT_KERNEL(f16_shift_convert_dot__avx512_u64) { return shift_convert_dot<false>(x, weights, n); }
DENSESHIFT_KERNEL(f16_shift_convert_safe_dot__avx512_u64) { return shift_convert_dot<true>(x, weights, n); }
DENSESHIFT_KERNEL(f16_robust_dot__avx512_u64) { return dot<4, Robust>(x, weights, n); }
DENSESHIFT_KERNEL(f16_bf16_dot__avx512_u64) { return dot<4, Bf16>(x, weights, n); }

DENSESHIFT_KERNEL(f16_packed2_dot__avx512_u256) {
  const auto* w = static_cast<const std::uint8_t*>(weights);
  __m512 sum[4];
  for (__m512& s : sum) s = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + 256 <= n; i += 256) {
    __m512i codes = load32(w + i / 4);
    for (std::size_t k = 0; k < 16; ++k) {
      sum[k % 4] = packed_step(sum[k % 4], load16(x + i + 16 * k), codes);
      codes = _mm512_srli_epi32(codes, 2);
    }
  }
  if (i < n) {
    __m512i codes = load32(w + i / 4);
    for (; i + 16 <= n; i += 16) {
      sum[0] = packed_step(sum[0], load16(x + i), codes);
      codes = _mm512_srli_epi32(codes, 2);
    }
    if (i < n) sum[0] = packed_step(sum[0], load16(Tail<32>(x + i, (n - i) * 2).bytes), codes);
  }
  return total(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

}  // namespace denseshift::kernels
