#pragma once
// Where a weight lies in memory. Constants only: units of every instruction set include this.
//
// A row tile has 16 output rows. In every tile a row owns one little-endian 32-bit word (3-bit a8 tiles: three), so
// that a vector of 64, 32 or 16 bytes holds the same inputs of 16, 8 or 4 rows. Tiles of several row tiles are
// interleaved in groups: [group][block of inputs][row tile of the group], one forward stream for a matrix-vector
// product.

#include <cstddef>
#include <cstdint>

namespace denseshift::kernels {

constexpr std::size_t kTileRows = 16;
constexpr std::size_t kF32GroupTiles = 16;
constexpr std::size_t kA8GroupTiles = 8;
constexpr std::size_t kCacheLine = 64;

/// Inputs of one float tile (64 bytes): code j at bits [bits * j, ...) of the row's word; at 3 bits the upper two stay
/// 0.
constexpr std::size_t f32_tile_cols(int bits) { return bits == 3 ? 10 : 32U / static_cast<unsigned>(bits); }

/// Steps of 4 inputs in one a8 tile. Byte b of step s is input 4 s + b.
/// 2 bits: step s at bits [2s, 2s + 2) of each byte. 4 bits: step 0 in the low, step 1 in the high nibble.
/// 3 bits: three words v = 0..2; bits 0..2 of a byte are step 2v, bits 4..6 step 2v + 1; bit 3 of the three words makes
/// bits 0, 1, 2 of step 6, and bit 7 those of step 7.
constexpr std::size_t a8_tile_steps(int bits) { return bits == 2 ? 4 : bits == 3 ? 8 : 2; }
constexpr std::size_t a8_tile_bytes(int bits) { return bits == 3 ? 3 * kCacheLine : kCacheLine; }
constexpr std::size_t a8_tile_cols(int bits) { return 4 * a8_tile_steps(bits); }

/// Largest weight of a bit width, and of what multiplies in 16 bits: at 4 bits the weights are split into
/// 16 * high + low with both at most 8.
constexpr int largest_weight(int bits) { return bits == 2 ? 2 : bits == 3 ? 8 : 128; }
constexpr int largest_factor(int bits) { return bits == 2 ? 2 : 8; }
/// Sweeps over the inputs that one result needs.
constexpr std::size_t a8_passes(int bits) { return bits == 4 ? 2 : 1; }

/// A 16-bit lane takes two products of an unsigned byte and a factor in each step.
constexpr int maddubs_steps(int factor) { return 32767 / (2 * 255 * factor); }
static_assert(maddubs_steps(largest_factor(2)) == 32 && maddubs_steps(largest_factor(3)) == 8);
static_assert(32 * 2 * 255 * 2 <= 32767 && 8 * 2 * 255 * 8 <= 32767);
/// A 16-bit lane takes one product of a signed byte (-128..127) and a factor in each step.
constexpr int smlal_steps(int factor) { return 32767 / (128 * factor); }
static_assert(smlal_steps(2) == 127 && smlal_steps(8) == 31 && smlal_steps(128) == 1);

/// Weight of a packed code.
constexpr int weight_of_code(unsigned code, int bits) {
  if (bits == 2) return static_cast<int>(code) < 2 ? static_cast<int>(code) - 2 : static_cast<int>(code) - 1;
  const unsigned sign = 1U << (bits - 1);
  const int magnitude = 1 << (code & (sign - 1));
  return (code & sign) != 0 ? -magnitude : magnitude;
}
/// The factor of a code in sweep `pass` of a8_passes(bits): sum over passes of factor * 16^(passes - 1 - pass) is the
/// weight.
constexpr int factor_of_code(unsigned code, int bits, std::size_t pass) {
  const int weight = weight_of_code(code, bits);
  if (bits != 4) return weight;
  const bool high = weight >= 16 || weight <= -16;
  if (pass == 0) return high ? weight / 16 : 0;
  return high ? 0 : weight;
}

/// 16 bytes for a byte shuffle.
struct ByteTable {
  alignas(16) std::int8_t entry[16];
};
/// entry[nibble]: factor of the code in the nibble's bits [shift, shift + bits).
constexpr ByteTable nibble_table(int bits, int shift, std::size_t pass) {
  ByteTable table{};
  for (unsigned nibble = 0; nibble < 16; ++nibble) {
    const unsigned code = (nibble >> shift) & ((1U << bits) - 1);
    table.entry[nibble] = static_cast<std::int8_t>(factor_of_code(code, bits, pass));
  }
  return table;
}

/// Byte offset of a tile: `tile` of `tiles` row tiles, block `block` of `blocks`.
constexpr std::size_t tile_offset(std::size_t tile, std::size_t tiles, std::size_t block, std::size_t blocks,
                                  std::size_t group_tiles, std::size_t tile_bytes) {
  const std::size_t first = tile - tile % group_tiles;
  const std::size_t group = tiles - first < group_tiles ? tiles - first : group_tiles;
  return (first * blocks + block * group + (tile - first)) * tile_bytes;
}

}  // namespace denseshift::kernels
