// Kernels for float activations, written once over a `Simd` type. To be included inside the anonymous namespace of the
// unit of an instruction set, nowhere else.
//
// A Simd type has
//   Floats, Words, Table            kRows floats; the words of kRows rows; the weights of all codes
//   kRows, kVectors, kColumns       rows in Floats; vectors of rows and largest number of columns of a register tile
//   load, store, zero, broadcast, fma    floats
//   words(tile)                     reads words, byte by byte shifted where the instruction set gains from it
//   weights<kBits, kInput>(table, tile)  weights of input kInput, exact

#include "core/kernels/packed/unroll_impl.h"

template <class Simd, int kBits, std::size_t... kInput>
inline __attribute__((always_inline)) void decode_tile_f32(const typename Simd::Table& table, const std::uint8_t* tile,
                                                           float* to, std::size_t stride,
                                                           std::index_sequence<kInput...>) {
  (Simd::store(to + kInput * stride, Simd::template weights<kBits, kInput>(table, tile)), ...);
}

/// Tile blocks ahead that decoding asks for.
constexpr std::size_t kDecodeAheadF32 = 8;

template <class Simd, int kBits>
void decode_f32(const F32DecodeCall& call) {
  constexpr std::size_t kMr = Simd::kRows * Simd::kVectors;
  constexpr std::size_t kInputs = f32_tile_cols(kBits);
  const typename Simd::Table table = Simd::template table<kBits>();
  for (std::size_t v = 0; v < Simd::kVectors; ++v) {
    const std::size_t row = call.row + v * Simd::kRows;
    float* to = call.panel + v * Simd::kRows;
    if (row >= call.row_tiles * kTileRows) {
      for (std::size_t i = 0; i < call.blocks * kInputs; ++i) Simd::store(to + i * kMr, Simd::zero());
      continue;
    }
    const auto offset = [&](std::size_t block) {
      return tile_offset(row / kTileRows, call.row_tiles, block, call.all_blocks, kF32GroupTiles, kCacheLine);
    };
    const std::uint8_t* tile = call.tiles + offset(call.block) + row % kTileRows * 4;
    const std::size_t stride = offset(1) - offset(0);
    for (std::size_t left = call.blocks; left > 0; --left, tile += stride, to += kInputs * kMr) {
      // Tiles of one row lie a group apart, which the hardware does not foresee.
      __builtin_prefetch(tile + kDecodeAheadF32 * stride, 0, 3);
      decode_tile_f32<Simd, kBits>(table, tile, to, kMr, std::make_index_sequence<kInputs>{});
    }
  }
}

template <class Simd, std::size_t kN>
void tile_f32(const F32TileCall& call) {
  constexpr std::size_t kV = Simd::kVectors;
  typename Simd::Floats sums[kN * kV];
  unrolled<kN * kV>([&](auto i) { sums[i] = Simd::load(call.sums + i * Simd::kRows); });
  const float* panel = call.panel;
  const float* x = call.x;
  for (std::size_t left = call.inputs; left > 0; --left, panel += kV * Simd::kRows, x += kN) {
    typename Simd::Floats w[kV];
    unrolled<kV>([&](auto v) { w[v] = Simd::load(panel + v * Simd::kRows); });
    unrolled<kN>([&](auto c) {
      const auto one = Simd::broadcast(x + c);
      unrolled<kV>([&](auto v) { sums[c * kV + v] = Simd::fma(w[v], one, sums[c * kV + v]); });
    });
  }
  unrolled<kN * kV>([&](auto i) { Simd::store(call.sums + i * Simd::kRows, sums[i]); });
}

template <class Simd, std::size_t... kN>
constexpr auto make_tiles_f32(std::index_sequence<kN...>) {
  return TileTable<F32TileCall, sizeof...(kN)>{{&tile_f32<Simd, kN + 1>...}};
}
/// Entry n - 1 computes n columns.
template <class Simd>
constexpr auto kTilesF32 = make_tiles_f32<Simd>(std::make_index_sequence<Simd::kColumns>{});

template <class Simd, int kBits, std::size_t... kInput>
inline __attribute__((always_inline)) void add_products(const typename Simd::Table& table, const std::uint8_t* tile,
                                                        const typename Simd::Floats (&x)[sizeof...(kInput)],
                                                        float* sums, std::index_sequence<kInput...>) {
  // Two chains: the additions of one tile do not wait for each other.
  typename Simd::Floats chain[2] = {Simd::load(sums), Simd::zero()};
  ((chain[kInput % 2] = Simd::fma(Simd::template weights<kBits, kInput>(table, tile), x[kInput], chain[kInput % 2])),
   ...);
  Simd::store(sums, Simd::add(chain[0], chain[1]));
}

/// Decode and multiply: every weight is looked up once and multiplied with its activation.
template <class Simd, int kBits>
void gemv_f32_decode(const GemvF32Call& call) {
  constexpr std::size_t kInputs = f32_tile_cols(kBits);
  const typename Simd::Table table = Simd::template table<kBits>();
  for (std::size_t i = 0; i < call.group * kTileRows; ++i) call.sums[i] = 0;
  const std::uint8_t* tile = call.tiles;
  const float* x = call.x;
  for (std::size_t block = 0; block < call.blocks; ++block, x += kInputs) {
    typename Simd::Floats all[kInputs];
    for (std::size_t i = 0; i < kInputs; ++i) all[i] = Simd::broadcast(x + i);
    for (std::size_t t = 0; t < call.group; ++t, tile += kCacheLine) {
      __builtin_prefetch(tile + 8192, 0, 3);
      for (std::size_t v = 0; v < kTileRows / Simd::kRows; ++v) {
        add_products<Simd, kBits>(table, tile + v * 4 * Simd::kRows, all, call.sums + t * kTileRows + v * Simd::kRows,
                                  std::make_index_sequence<kInputs>{});
      }
    }
  }
}

template <class Simd, int kBits>
constexpr GemmF32Kernel gemm_f32_kernel(std::string_view name, Isa isa) {
  return {{name, "gemm_f32", isa, kBits},
          Simd::kRows * Simd::kVectors,
          Simd::kColumns,
          &decode_f32<Simd, kBits>,
          kTilesF32<Simd>.functions};
}

/// The six kernels of a level, for 2, 3 and 4 bits; `gemv` is the template of its matrix-vector product.
#define DENSESHIFT_F32_KERNELS(simd, suffix, isa, gemv)                                                          \
  extern const GemvF32Kernel f32_pot2_gemv__##suffix = {{"f32_pot2_gemv__" #suffix, "gemv_f32", isa, 2},         \
                                                        &gemv<simd, 2>};                                         \
  extern const GemvF32Kernel f32_pot3_gemv__##suffix = {{"f32_pot3_gemv__" #suffix, "gemv_f32", isa, 3},         \
                                                        &gemv<simd, 3>};                                         \
  extern const GemvF32Kernel f32_pot4_gemv__##suffix = {{"f32_pot4_gemv__" #suffix, "gemv_f32", isa, 4},         \
                                                        &gemv<simd, 4>};                                         \
  extern const GemmF32Kernel f32_pot2_gemm__##suffix = gemm_f32_kernel<simd, 2>("f32_pot2_gemm__" #suffix, isa); \
  extern const GemmF32Kernel f32_pot3_gemm__##suffix = gemm_f32_kernel<simd, 3>("f32_pot3_gemm__" #suffix, isa); \
  extern const GemmF32Kernel f32_pot4_gemm__##suffix = gemm_f32_kernel<simd, 4>("f32_pot4_gemm__" #suffix, isa);
