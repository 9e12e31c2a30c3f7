// Float activations with AVX2 and FMA.

#include <immintrin.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

struct FloatTable {
  alignas(32) float entry[8];
};
/// Weights of 2- and 3-bit codes, periodic; at 4 bits the magnitudes.
constexpr FloatTable weight_table(int bits) {
  FloatTable table{};
  for (unsigned i = 0; i < 8; ++i) table.entry[i] = static_cast<float>(weight_of_code(bits == 2 ? i & 3 : i, bits));
  return table;
}

struct Avx2 {
  using Floats = __m256;
  using Table = __m256;
  static constexpr std::size_t kRows = 8, kVectors = 2, kColumns = 6;

  static Floats load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Floats x) { _mm256_storeu_ps(to, x); }
  static Floats zero() { return _mm256_setzero_ps(); }
  static Floats broadcast(const float* x) { return _mm256_broadcast_ss(x); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  template <int kBits>
  static Table table() {
    static constexpr FloatTable kTable = weight_table(kBits);
    return _mm256_load_ps(kTable.entry);
  }
  /// As for AVX-512: whole bytes of the shift by the address.
  template <std::size_t kShift>
  static __m256i shifted(const std::uint8_t* tile) {
    const auto* from = reinterpret_cast<const __m256i*>(tile + kShift / 8);
    return _mm256_srli_epi32(_mm256_loadu_si256(from), kShift % 8);
  }
  template <int kBits, std::size_t kInput>
  static Floats weights(Table table, const std::uint8_t* tile) {
    if constexpr (kBits == 2) {
      return _mm256_permutevar_ps(table, shifted<2 * kInput>(tile));
    } else if constexpr (kBits == 3) {
      const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tile));
      return _mm256_permutevar8x32_ps(table, _mm256_srli_epi32(words, 3 * static_cast<int>(kInput)));
    } else {
      const __m256i index = shifted<4 * kInput>(tile);
      const __m256i sign = _mm256_and_si256(_mm256_slli_epi32(index, 28), _mm256_set1_epi32(INT32_MIN));
      return _mm256_or_ps(_mm256_permutevar8x32_ps(table, index), _mm256_castsi256_ps(sign));
    }
  }
};

#include "core/kernels/packed/f32_impl.h"

}  // namespace

DENSESHIFT_F32_KERNELS(Avx2, avx2, Isa::avx2, gemv_f32_decode)

}  // namespace denseshift::kernels
