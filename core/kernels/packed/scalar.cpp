// The obvious way to do everything: the reference of every other level, and the path on unknown CPUs.

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

constexpr std::size_t kRows = kTileRows;  // of a register tile
constexpr std::size_t kColumns = 4;

std::uint32_t word_at(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

unsigned f32_code(const std::uint8_t* tile, int bits, std::size_t row, std::size_t input) {
  return (word_at(tile + 4 * row) >> (static_cast<unsigned>(bits) * input)) & ((1U << bits) - 1);
}

unsigned a8_code(const std::uint8_t* tile, int bits, std::size_t row, std::size_t input) {
  const std::size_t step = input / 4;
  const std::uint8_t* byte = tile + 4 * row + input % 4;
  if (bits == 2) return (byte[0] >> (2 * step)) & 3U;
  if (bits == 4) return (byte[0] >> (4 * step)) & 15U;
  if (step < 6) return (byte[step / 2 * kCacheLine] >> (step % 2 * 4)) & 7U;
  const unsigned bit = step == 6 ? 3 : 7;
  return ((byte[0] >> bit) & 1U) | ((byte[kCacheLine] >> bit) & 1U) << 1 | ((byte[2 * kCacheLine] >> bit) & 1U) << 2;
}

template <class, int kBits>
void gemv_f32_scalar(const GemvF32Call& call) {
  constexpr std::size_t kInputs = f32_tile_cols(kBits);
  for (std::size_t t = 0; t < call.group; ++t) {
    for (std::size_t row = 0; row < kTileRows; ++row) {
      float sum = 0;
      for (std::size_t block = 0; block < call.blocks; ++block) {
        const std::uint8_t* tile = call.tiles + (block * call.group + t) * kCacheLine;
        for (std::size_t i = 0; i < kInputs; ++i) {
          sum += static_cast<float>(weight_of_code(f32_code(tile, kBits, row, i), kBits)) * call.x[block * kInputs + i];
        }
      }
      call.sums[t * kTileRows + row] = sum;
    }
  }
}

template <int kBits>
void gemv_a8_scalar(const GemvA8Call& call) {
  constexpr std::size_t kInputs = a8_tile_cols(kBits);
  for (std::size_t t = 0; t < call.group; ++t) {
    for (std::size_t row = 0; row < kTileRows; ++row) {
      std::int32_t sum = 0;
      for (std::size_t block = 0; block < call.blocks; ++block) {
        const std::uint8_t* tile = call.tiles + (block * call.group + t) * a8_tile_bytes(kBits);
        for (std::size_t i = 0; i < kInputs; ++i) {
          sum += weight_of_code(a8_code(tile, kBits, row, i), kBits) * call.x[block * kInputs + i];
        }
      }
      call.sums[t * kTileRows + row] = sum;
    }
  }
}

template <int kBits>
void decode_a8_scalar(const A8DecodeCall& call) {
  constexpr std::size_t kInputs = a8_tile_cols(kBits);
  std::int8_t* to = call.panel;
  for (std::size_t pass = 0; pass < a8_passes(kBits); ++pass) {
    for (std::size_t input = 0; input < call.blocks * kInputs; input += 4) {
      const std::uint8_t* tile =
          call.tiles + tile_offset(call.row / kTileRows, call.row_tiles, call.block + input / kInputs, call.all_blocks,
                                   kA8GroupTiles, a8_tile_bytes(kBits));
      for (std::size_t row = 0; row < kRows; ++row) {
        for (std::size_t i = 0; i < 4; ++i) {
          const unsigned code = a8_code(tile, kBits, row, (input + i) % kInputs);
          *to++ = static_cast<std::int8_t>(factor_of_code(code, kBits, pass));
        }
      }
    }
  }
}

template <int kBits, std::size_t kN>
void tile_a8_scalar(const A8TileCall& call) {
  const std::size_t tap_inputs = call.tap_steps * 4;
  const std::size_t inputs = call.taps * tap_inputs;
  for (std::size_t c = 0; c < kN; ++c) {
    for (std::size_t row = 0; row < kRows; ++row) {
      std::int32_t sum = 0;
      for (std::size_t pass = 0; pass < a8_passes(kBits); ++pass) {
        sum *= 16;
        for (std::size_t i = 0; i < inputs; ++i) {
          const int factor = call.panel[((pass * inputs + i) / 4 * kRows + row) * 4 + i % 4];
          sum += factor * call.x[i / tap_inputs * kN + c][call.begin + i % tap_inputs];
        }
      }
      call.sums[c * kRows + row] += sum;
    }
  }
}

template <int kBits>
void decode_f32_scalar(const F32DecodeCall& call) {
  constexpr std::size_t kInputs = f32_tile_cols(kBits);
  for (std::size_t i = 0; i < call.blocks * kInputs; ++i) {
    const std::uint8_t* tile = call.tiles + tile_offset(call.row / kTileRows, call.row_tiles, call.block + i / kInputs,
                                                        call.all_blocks, kF32GroupTiles, kCacheLine);
    for (std::size_t row = 0; row < kRows; ++row) {
      call.panel[i * kRows + row] = static_cast<float>(weight_of_code(f32_code(tile, kBits, row, i % kInputs), kBits));
    }
  }
}

template <std::size_t kN>
void tile_f32_scalar(const F32TileCall& call) {
  for (std::size_t c = 0; c < kN; ++c) {
    for (std::size_t row = 0; row < kRows; ++row) {
      float sum = call.sums[c * kRows + row];
      for (std::size_t i = 0; i < call.inputs; ++i) sum += call.panel[i * kRows + row] * call.x[i * kN + c];
      call.sums[c * kRows + row] = sum;
    }
  }
}

#include "core/kernels/packed/store_impl.h"

constexpr TileTable<F32TileCall, kColumns> kTilesF32 = {
    {&tile_f32_scalar<1>, &tile_f32_scalar<2>, &tile_f32_scalar<3>, &tile_f32_scalar<4>}};
template <int kBits>
constexpr TileTable<A8TileCall, kColumns> kTilesA8 = {
    {&tile_a8_scalar<kBits, 1>, &tile_a8_scalar<kBits, 2>, &tile_a8_scalar<kBits, 3>, &tile_a8_scalar<kBits, 4>}};

}  // namespace

#define DENSESHIFT_SCALAR_KERNELS(bits)                                                                \
  extern const GemvF32Kernel f32_pot##bits##_gemv__scalar = {                                          \
      {"f32_pot" #bits "_gemv__scalar", "gemv_f32", Isa::scalar, bits}, &gemv_f32_scalar<void, bits>}; \
  extern const GemmF32Kernel f32_pot##bits##_gemm__scalar = {                                          \
      {"f32_pot" #bits "_gemm__scalar", "gemm_f32", Isa::scalar, bits},                                \
      kRows,                                                                                           \
      kColumns,                                                                                        \
      &decode_f32_scalar<bits>,                                                                        \
      kTilesF32.functions};                                                                            \
  extern const GemvA8Kernel u8_pot##bits##_gemv__scalar = {                                            \
      {"u8_pot" #bits "_gemv__scalar", "gemv_a8", Isa::scalar, bits}, 0, &gemv_a8_scalar<bits>};       \
  extern const GemmA8Kernel u8_pot##bits##_gemm__scalar = {                                            \
      {"u8_pot" #bits "_gemm__scalar", "gemm_a8", Isa::scalar, bits},                                  \
      0,                                                                                               \
      kRows,                                                                                           \
      kColumns,                                                                                        \
      &decode_a8_scalar<bits>,                                                                         \
      kTilesA8<bits>.functions,                                                                        \
      &store_a8};

DENSESHIFT_SCALAR_KERNELS(2)
DENSESHIFT_SCALAR_KERNELS(3)
DENSESHIFT_SCALAR_KERNELS(4)

}  // namespace denseshift::kernels
