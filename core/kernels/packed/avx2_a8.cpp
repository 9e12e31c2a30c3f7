// 8-bit activations with AVX2: products of bytes summed in 16 bits, see maddubs_steps().

#include <immintrin.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

struct Avx2 {
  using Bytes = __m256i;
  using X = __m256i;
  using Table = __m256i;
  using Narrow = __m256i;  // 16 sums of 16 bits, two for each row
  static constexpr std::size_t kRows = 8, kVectors = 2, kColumns = 4;
  static constexpr int kXOffset = 0;
  static constexpr std::size_t gemv_tiles(int bits) { return bits == 2 ? 4 : 2; }
  static constexpr int steps(int factor) { return maddubs_steps(factor); }

  static Bytes load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static void store(void* to, Bytes bytes) { _mm256_storeu_si256(static_cast<__m256i*>(to), bytes); }
  static Bytes no_bytes() { return _mm256_setzero_si256(); }
  static Table table(const ByteTable& table) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table.entry)));
  }
  static Bytes low(Bytes b) { return _mm256_and_si256(b, _mm256_set1_epi8(15)); }
  static Bytes high(Bytes b) { return _mm256_and_si256(_mm256_srli_epi16(b, 4), _mm256_set1_epi8(15)); }
  static Bytes shuffle(Table table, Bytes index) { return _mm256_shuffle_epi8(table, index); }
  // Bit 3 of the three becomes bits 0, 1, 2 and bit 7 becomes bits 4, 5, 6.
  static Bytes bits37(Bytes w0, Bytes w1, Bytes w2) {
    const Bytes b0 = _mm256_and_si256(_mm256_srli_epi16(w0, 3), _mm256_set1_epi8(0x11));
    const Bytes b1 = _mm256_and_si256(_mm256_srli_epi16(w1, 2), _mm256_set1_epi8(0x22));
    const Bytes b2 = _mm256_and_si256(_mm256_srli_epi16(w2, 1), _mm256_set1_epi8(0x44));
    return _mm256_or_si256(_mm256_or_si256(b0, b1), b2);
  }
  static X x4(const std::uint8_t* x) {
    int word = 0;
    __builtin_memcpy(&word, x, sizeof word);
    return _mm256_set1_epi32(word);
  }

  static Narrow zero() { return _mm256_setzero_si256(); }
  static Narrow dot(Narrow sum, X x, Bytes w) { return _mm256_add_epi16(sum, _mm256_maddubs_epi16(x, w)); }
  template <short kScale>
  static void add_to(Narrow sum, std::int32_t* to) {
    const __m256i wide = _mm256_madd_epi16(sum, _mm256_set1_epi16(kScale));
    auto* at = reinterpret_cast<__m256i*>(to);
    _mm256_storeu_si256(at, _mm256_add_epi32(wide, _mm256_loadu_si256(at)));
  }
};

#include "core/kernels/packed/a8_impl.h"

}  // namespace

DENSESHIFT_A8_KERNELS(Avx2, avx2, Isa::avx2)

}  // namespace denseshift::kernels
