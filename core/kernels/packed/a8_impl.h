// Kernels for 8-bit activations, written once over a `Simd` type and compiled in the unit of every instruction set.
// To be included inside namespace denseshift::kernels { namespace { of such a unit, nowhere else.
//
// A Simd type has
//   Bytes, Narrow                  4 weights of kRows rows; what products are summed in before 32 bits
//   kRows, kVectors, kColumns      rows in Bytes; vectors of rows and largest number of columns of a register tile
//   kXOffset                       what it subtracts from every byte of x
//   steps(factor)                  how many dot() a Narrow takes; 0: any number
//   gemv_tiles(bits)               row tiles whose sums stay in registers in a matrix-vector product
//   load, store, low, high, shuffle, table, bits37   bytes (low and high: nibbles)
//   x4, zero, dot                  4 broadcast activations; Narrow += x . w
//   add_to(Narrow, sums)           32-bit sums of kRows rows += Narrow, multiplied by kScale (1 or 16)

#include "core/kernels/packed/store_impl.h"
#include "core/kernels/packed/unroll_impl.h"

/// Weights of one vector of rows for all steps of one tile, as factors of sweep kPass.
template <class Simd, int kBits, std::size_t kPass>
inline __attribute__((always_inline)) void decode_tile(const std::uint8_t* tile,
                                                       typename Simd::Bytes (&steps)[a8_tile_steps(kBits)]) {
  static constexpr ByteTable kFirst = nibble_table(kBits, 0, kPass);
  const auto first = Simd::table(kFirst);
  if constexpr (kBits == 2) {
    static constexpr ByteTable kSecond = nibble_table(2, 2, kPass);
    const auto second = Simd::table(kSecond);
    const auto word = Simd::load(tile);
    const auto low = Simd::low(word);
    const auto high = Simd::high(word);
    steps[0] = Simd::shuffle(first, low);
    steps[1] = Simd::shuffle(second, low);
    steps[2] = Simd::shuffle(first, high);
    steps[3] = Simd::shuffle(second, high);
  } else if constexpr (kBits == 4) {
    const auto word = Simd::load(tile);
    steps[0] = Simd::shuffle(first, Simd::low(word));
    steps[1] = Simd::shuffle(first, Simd::high(word));
  } else {
    const auto w0 = Simd::load(tile);
    const auto w1 = Simd::load(tile + kCacheLine);
    const auto w2 = Simd::load(tile + 2 * kCacheLine);
    // The table does not see bit 3 of a nibble.
    steps[0] = Simd::shuffle(first, Simd::low(w0));
    steps[1] = Simd::shuffle(first, Simd::high(w0));
    steps[2] = Simd::shuffle(first, Simd::low(w1));
    steps[3] = Simd::shuffle(first, Simd::high(w1));
    steps[4] = Simd::shuffle(first, Simd::low(w2));
    steps[5] = Simd::shuffle(first, Simd::high(w2));
    const auto rest = Simd::bits37(w0, w1, w2);
    steps[6] = Simd::shuffle(first, Simd::low(rest));
    steps[7] = Simd::shuffle(first, Simd::high(rest));
  }
}

/// `narrow` plus the products of one tile; the caller widens it in time.
template <class Simd, int kBits, std::size_t kPass>
inline __attribute__((always_inline)) typename Simd::Narrow add_tile(
    typename Simd::Narrow narrow, const std::uint8_t* tile, const typename Simd::X (&x)[a8_tile_steps(kBits)]) {
  typename Simd::Bytes steps[a8_tile_steps(kBits)];
  decode_tile<Simd, kBits, kPass>(tile, steps);
  unrolled<a8_tile_steps(kBits)>([&](auto s) { narrow = Simd::dot(narrow, x[s], steps[s]); });
  return narrow;
}

/// Tile blocks that a Narrow takes, at least one.
template <class Simd, int kBits>
constexpr std::size_t blocks_before_widening() {
  constexpr int steps = Simd::steps(largest_factor(kBits));
  constexpr int per_tile = static_cast<int>(a8_tile_steps(kBits));
  static_assert(steps == 0 || steps >= per_tile, "one tile must fit between two widenings");
  return steps == 0 ? static_cast<std::size_t>(-1) : static_cast<std::size_t>(steps / per_tile);
}

/// 8 KiB ahead into the first-level cache: far enough for the third, and little enough to stay there until used.
template <int kBits>
inline __attribute__((always_inline)) void prefetch_tile(const std::uint8_t* tile) {
  for (std::size_t line = 0; line < a8_tile_bytes(kBits); line += kCacheLine) {
    __builtin_prefetch(tile + 8192 + line, 0, 3);
  }
}

/// `blocks` tiles of kTiles neighbouring row tiles, sums in registers until they are added to `to`. The group's next
/// block lies `stride` bytes behind.
template <class Simd, int kBits, std::size_t kTiles>
inline __attribute__((always_inline)) void gemv_tiles(const std::uint8_t* tile, std::size_t stride, std::size_t blocks,
                                                      const std::uint8_t* x, std::int32_t* to) {
  constexpr std::size_t kVectorsOfTile = kTileRows / Simd::kRows;
  constexpr std::size_t kPasses = a8_passes(kBits);
  constexpr std::size_t kSteps = a8_tile_steps(kBits);
  typename Simd::Narrow high[kTiles * kVectorsOfTile];
  typename Simd::Narrow low[kTiles * kVectorsOfTile];
  unrolled<kTiles * kVectorsOfTile>([&](auto v) { high[v] = low[v] = Simd::zero(); });
  for (; blocks > 0; --blocks, tile += stride, x += 4 * kSteps) {
    typename Simd::X x4[kSteps];
    unrolled<kSteps>([&](auto s) { x4[s] = Simd::x4(x + 4 * s); });
    unrolled<kTiles>([&](auto t) {
      prefetch_tile<kBits>(tile + t * a8_tile_bytes(kBits));
      unrolled<kVectorsOfTile>([&](auto v) {
        constexpr std::size_t kSum = t * kVectorsOfTile + v;
        const std::uint8_t* part = tile + t * a8_tile_bytes(kBits) + v * 4 * Simd::kRows;
        if constexpr (kPasses == 2) high[kSum] = add_tile<Simd, kBits, 0>(high[kSum], part, x4);
        low[kSum] = add_tile<Simd, kBits, kPasses - 1>(low[kSum], part, x4);
      });
    });
  }
  unrolled<kTiles * kVectorsOfTile>([&](auto v) {
    if constexpr (kPasses == 2) Simd::template add_to<16>(high[v], to + v * Simd::kRows);
    Simd::template add_to<1>(low[v], to + v * Simd::kRows);
  });
}

/// Blocks between two additions to the sums in memory. A group's tiles of so many blocks, which are read a few row
/// tiles at a time, stay in the first-level cache.
template <class Simd, int kBits>
constexpr std::size_t blocks_of_chunk() {
  constexpr std::size_t kSafe = blocks_before_widening<Simd, kBits>();
  constexpr std::size_t kInCache = 8192 / (kA8GroupTiles * a8_tile_bytes(kBits));
  return kSafe < kInCache || Simd::gemv_tiles(kBits) == kA8GroupTiles ? kSafe : kInCache;
}

/// A group of `group` row tiles, a multiple of kTiles.
template <class Simd, int kBits, std::size_t kTiles>
inline __attribute__((always_inline)) void gemv_group(const GemvA8Call& call, std::size_t group) {
  constexpr std::size_t kBytes = a8_tile_bytes(kBits);
  constexpr std::size_t kMost = blocks_of_chunk<Simd, kBits>();
  for (std::size_t i = 0; i < group * kTileRows; ++i) call.sums[i] = 0;
  const std::uint8_t* tile = call.tiles;
  const std::uint8_t* x = call.x;
  for (std::size_t left = call.blocks; left > 0;) {
    const std::size_t n = left < kMost ? left : kMost;
    for (std::size_t t = 0; t < group; t += kTiles) {
      gemv_tiles<Simd, kBits, kTiles>(tile + t * kBytes, group * kBytes, n, x, call.sums + t * kTileRows);
    }
    tile += n * group * kBytes;
    x += n * a8_tile_cols(kBits);
    left -= n;
  }
}

template <class Simd, int kBits>
void gemv_a8(const GemvA8Call& call) {
  // In a whole group all distances are constants, which saves a tenth of the time.
  if (call.group == kA8GroupTiles) {
    gemv_group<Simd, kBits, Simd::gemv_tiles(kBits)>(call, kA8GroupTiles);
  } else {
    gemv_group<Simd, kBits, 1>(call, call.group);
  }
}

/// Tile blocks ahead that decoding asks for.
constexpr std::size_t kDecodeAhead = 8;

template <class Simd, int kBits, std::size_t kPass>
void decode_pass(const A8DecodeCall& call, std::int8_t* panel) {
  constexpr std::size_t kBytes = 4 * Simd::kRows;
  constexpr std::size_t kStepBytes = kBytes * Simd::kVectors;
  const std::uint8_t* tiles[Simd::kVectors];
  std::size_t strides[Simd::kVectors];
  for (std::size_t v = 0; v < Simd::kVectors; ++v) {
    const std::size_t row = call.row + v * Simd::kRows;
    const std::size_t tile = row / kTileRows;
    const bool inside = tile < call.row_tiles;
    const auto offset = [&](std::size_t block) {
      return tile_offset(tile, call.row_tiles, block, call.all_blocks, kA8GroupTiles, a8_tile_bytes(kBits));
    };
    tiles[v] = inside ? call.tiles + offset(call.block) + row % kTileRows * 4 : nullptr;
    strides[v] = inside ? offset(1) - offset(0) : 0;
  }
  for (std::size_t block = 0; block < call.blocks; ++block) {
    unrolled<Simd::kVectors>([&](auto v) {
      typename Simd::Bytes steps[a8_tile_steps(kBits)];
      if (tiles[v] != nullptr) {
        // Tiles of one row lie a group apart, which the hardware does not foresee.
        for (std::size_t line = 0; line < a8_tile_bytes(kBits); line += kCacheLine) {
          __builtin_prefetch(tiles[v] + kDecodeAhead * strides[v] + line, 0, 3);
        }
        decode_tile<Simd, kBits, kPass>(tiles[v], steps);
        tiles[v] += strides[v];
      } else {
        unrolled<a8_tile_steps(kBits)>([&](auto s) { steps[s] = Simd::no_bytes(); });
      }
      unrolled<a8_tile_steps(kBits)>([&](auto s) { Simd::store(panel + s * kStepBytes + v * kBytes, steps[s]); });
    });
    panel += a8_tile_steps(kBits) * kStepBytes;
  }
}

template <class Simd, int kBits>
void decode_a8(const A8DecodeCall& call) {
  decode_pass<Simd, kBits, 0>(call, call.panel);
  if constexpr (a8_passes(kBits) == 2) {
    const std::size_t steps = call.blocks * a8_tile_steps(kBits);
    decode_pass<Simd, kBits, 1>(call, call.panel + steps * 4 * Simd::kRows * Simd::kVectors);
  }
}

/// All inputs of one sweep for kN columns; `panel` moves on to the next sweep. Sums grow by kScale times the products.
template <class Simd, int kBits, std::size_t kN, int kScale>
inline __attribute__((always_inline)) void sweep_a8(const A8TileCall& call, const std::int8_t*& panel) {
  constexpr std::size_t kV = Simd::kVectors;
  constexpr std::size_t kBytes = 4 * Simd::kRows;
  constexpr int kSafe = Simd::steps(largest_factor(kBits));
  typename Simd::Narrow sums[kN * kV];
  const auto clear = [&] { unrolled<kN * kV>([&](auto i) { sums[i] = Simd::zero(); }); };
  const auto widen = [&] {
    unrolled<kN * kV>([&](auto i) { Simd::template add_to<kScale>(sums[i], call.sums + i * Simd::kRows); });
  };
  clear();
  std::size_t left = kSafe;
  for (std::size_t tap = 0; tap < call.taps; ++tap) {
    const std::uint8_t* x[kN];
    unrolled<kN>([&](auto c) { x[c] = call.x[tap * kN + c] + call.begin; });
    for (std::size_t step = 0; step < call.tap_steps;) {
      const std::size_t rest = call.tap_steps - step;
      const std::size_t n = kSafe == 0 || rest < left ? rest : left;
      for (const std::size_t end = step + n; step < end; ++step, panel += kV * kBytes) {
        typename Simd::Bytes w[kV];
        unrolled<kV>([&](auto v) { w[v] = Simd::load(panel + v * kBytes); });
        unrolled<kN>([&](auto c) {
          const auto x4 = Simd::x4(x[c] + 4 * step);
          unrolled<kV>([&](auto v) { sums[c * kV + v] = Simd::dot(sums[c * kV + v], x4, w[v]); });
        });
      }
      if constexpr (kSafe != 0) {
        left -= n;
        if (left > 0) continue;
        left = kSafe;
        widen();
        clear();
      }
    }
  }
  widen();
}

template <class Simd, int kBits, std::size_t kN>
void tile_a8(const A8TileCall& call) {
  const std::int8_t* panel = call.panel;
  if constexpr (a8_passes(kBits) == 2) sweep_a8<Simd, kBits, kN, 16>(call, panel);
  sweep_a8<Simd, kBits, kN, 1>(call, panel);
}

template <class Simd, int kBits, std::size_t... kN>
constexpr auto make_tiles(std::index_sequence<kN...>) {
  return TileTable<A8TileCall, sizeof...(kN)>{{&tile_a8<Simd, kBits, kN + 1>...}};
}
/// Entry n - 1 computes n columns.
template <class Simd, int kBits>
constexpr auto kTilesA8 = make_tiles<Simd, kBits>(std::make_index_sequence<Simd::kColumns>{});

template <class Simd, int kBits>
constexpr GemmA8Kernel gemm_a8_kernel(std::string_view name, Isa isa) {
  return {{name, "gemm_a8", isa, kBits},
          Simd::kXOffset,
          Simd::kRows * Simd::kVectors,
          Simd::kColumns,
          &decode_a8<Simd, kBits>,
          kTilesA8<Simd, kBits>.functions,
          &store_a8};
}
template <class Simd, int kBits>
constexpr GemvA8Kernel gemv_a8_kernel(std::string_view name, Isa isa) {
  return {{name, "gemv_a8", isa, kBits}, Simd::kXOffset, &gemv_a8<Simd, kBits>};
}

/// The six kernels of a level, for 2, 3 and 4 bits.
#define DENSESHIFT_A8_KERNELS(simd, suffix, isa)                                                             \
  extern const GemvA8Kernel u8_pot2_gemv__##suffix = gemv_a8_kernel<simd, 2>("u8_pot2_gemv__" #suffix, isa); \
  extern const GemvA8Kernel u8_pot3_gemv__##suffix = gemv_a8_kernel<simd, 3>("u8_pot3_gemv__" #suffix, isa); \
  extern const GemvA8Kernel u8_pot4_gemv__##suffix = gemv_a8_kernel<simd, 4>("u8_pot4_gemv__" #suffix, isa); \
  extern const GemmA8Kernel u8_pot2_gemm__##suffix = gemm_a8_kernel<simd, 2>("u8_pot2_gemm__" #suffix, isa); \
  extern const GemmA8Kernel u8_pot3_gemm__##suffix = gemm_a8_kernel<simd, 3>("u8_pot3_gemm__" #suffix, isa); \
  extern const GemmA8Kernel u8_pot4_gemm__##suffix = gemm_a8_kernel<simd, 4>("u8_pot4_gemm__" #suffix, isa);
