// Float activations with AVX-512. A matrix-vector product looks up products instead of weights: see gemv_f32_table().

#include <immintrin.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

/// 16 floats, repeated codes for widths below 4 bits, so that the bits of the next code do not matter to vpermps.
struct FloatTable {
  alignas(64) float entry[16];
};
constexpr FloatTable weight_table(int bits) {
  FloatTable table{};
  for (unsigned i = 0; i < 16; ++i) table.entry[i] = static_cast<float>(weight_of_code(i & ((1U << bits) - 1), bits));
  return table;
}
/// Weight of the code in bits [2 * shift, 2 * shift + 2) of the index.
constexpr FloatTable pair_table(int shift) {
  FloatTable table{};
  for (unsigned i = 0; i < 16; ++i) table.entry[i] = static_cast<float>(weight_of_code((i >> (2 * shift)) & 3, 2));
  return table;
}

struct Avx512 {
  using Floats = __m512;
  using Table = __m512;
  static constexpr std::size_t kRows = 16, kVectors = 2, kColumns = 12;

  static Floats load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Floats x) { _mm512_storeu_ps(to, x); }
  static Floats zero() { return _mm512_setzero_ps(); }
  static Floats broadcast(const float* x) { return _mm512_set1_ps(*x); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  template <int kBits>
  static Table table() {
    static constexpr FloatTable kTable = weight_table(kBits);
    return _mm512_load_ps(kTable.entry);
  }
  /// The words of 16 rows shifted right by kShift bits, whole bytes of it by the address: loads are free here, the unit
  /// that shifts is not. The upper bits are those of the next rows, which vpermps does not look at.
  template <std::size_t kShift>
  static __m512i shifted(const std::uint8_t* tile) {
    return _mm512_srli_epi32(_mm512_loadu_si512(tile + kShift / 8), kShift % 8);
  }
  template <int kBits, std::size_t kInput>
  static Floats weights(Table table, const std::uint8_t* tile) {
    constexpr std::size_t kBegin = kInput * static_cast<std::size_t>(kBits);
    constexpr bool kWithinBytes = kBegin % 8 + static_cast<std::size_t>(kBits) <= 8;
    const __m512i index = kWithinBytes ? shifted<kBegin>(tile)
                                       : _mm512_srli_epi32(_mm512_loadu_si512(tile), static_cast<unsigned>(kBegin));
    return _mm512_permutexvar_ps(index, table);
  }
};

#include "core/kernels/packed/f32_impl.h"

/// Products of 16 rows for one nibble: of two 2-bit codes the sum of both products, of one longer code its product.
template <int kBits>
struct Products {
  static constexpr std::size_t kCount = kBits == 2 ? 8 : f32_tile_cols(kBits);
  __m512 table[kCount];

  explicit Products(const float* x) {
    if constexpr (kBits == 2) {
      static constexpr FloatTable kFirst = pair_table(0), kSecond = pair_table(1);
      for (std::size_t i = 0; i < kCount; ++i) {
        const __m512 first = _mm512_mul_ps(_mm512_load_ps(kFirst.entry), _mm512_set1_ps(x[2 * i]));
        table[i] = _mm512_fmadd_ps(_mm512_load_ps(kSecond.entry), _mm512_set1_ps(x[2 * i + 1]), first);
      }
    } else {
      const __m512 weights = Avx512::table<kBits>();
      for (std::size_t i = 0; i < kCount; ++i) table[i] = _mm512_mul_ps(weights, _mm512_set1_ps(x[i]));
    }
  }
};

template <int kBits, std::size_t... kEntry>
inline __attribute__((always_inline)) void add_looked_up(const Products<kBits>& products, const std::uint8_t* tile,
                                                         float* sums, std::index_sequence<kEntry...>) {
  constexpr int kWidth = kBits == 2 ? 4 : kBits;
  __m512 chain[2] = {_mm512_load_ps(sums), _mm512_setzero_ps()};
  ((chain[kEntry % 2] =
        _mm512_add_ps(chain[kEntry % 2], Avx512::weights<kWidth, kEntry>(products.table[kEntry], tile))),
   ...);
  _mm512_store_ps(sums, _mm512_add_ps(chain[0], chain[1]));
}

/// The products of an activation with all weights fit a register, at 2 bits even those of a pair of activations (16
/// sums). A code is then an index into products: one permutation and one addition, no multiplication, nothing rounded
/// but sums.
template <class Simd, int kBits>
void gemv_f32_table(const GemvF32Call& call) {
  for (std::size_t i = 0; i < call.group * kTileRows; i += 16) _mm512_store_ps(call.sums + i, _mm512_setzero_ps());
  const std::uint8_t* tile = call.tiles;
  const float* x = call.x;
  for (std::size_t block = 0; block < call.blocks; ++block, x += f32_tile_cols(kBits)) {
    const Products<kBits> products(x);
    for (std::size_t t = 0; t < call.group; ++t, tile += kCacheLine) {
      __builtin_prefetch(tile + 8192, 0, 3);
      add_looked_up(products, tile, call.sums + t * kTileRows, std::make_index_sequence<Products<kBits>::kCount>{});
    }
  }
}

}  // namespace

DENSESHIFT_F32_KERNELS(Avx512, avx512, Isa::avx512, gemv_f32_table)

}  // namespace denseshift::kernels
