#pragma once
// Inside of core/kernels/packed: what one kernel of each family gets and gives, and the lists of kernels. packed.h is
// what others use. Plain types only: the unit of every instruction set includes this.

#include <cstddef>
#include <cstdint>

#include "core/kernels/packed/kernel_info.h"
#include "core/kernels/packed/tiles.h"

namespace denseshift::kernels {

/// Raw sums of one group of row tiles for float activations.
struct GemvF32Call {
  const std::uint8_t* tiles = nullptr;  ///< of the group
  std::size_t blocks = 0;
  std::size_t group = 0;     ///< row tiles in the group, 1..kF32GroupTiles
  const float* x = nullptr;  ///< blocks * tile_cols values, zeros behind the last input
  float* sums = nullptr;     ///< group * kTileRows, cache-line aligned, overwritten
};
struct GemvF32Kernel {
  PackedKernelInfo info;
  void (*run)(const GemvF32Call&) = nullptr;
};

/// Raw sums of one group of row tiles for 8-bit activations: sum of w * (byte - x_offset).
struct GemvA8Call {
  const std::uint8_t* tiles = nullptr;
  std::size_t blocks = 0;
  std::size_t group = 0;            ///< 1..kA8GroupTiles
  const std::uint8_t* x = nullptr;  ///< blocks * tile_cols bytes
  std::int32_t* sums = nullptr;     ///< group * kTileRows, cache-line aligned, overwritten
};
struct GemvA8Kernel {
  PackedKernelInfo info;
  int x_offset = 0;  ///< what the kernel subtracts from every byte of x
  void (*run)(const GemvA8Call&) = nullptr;
};

/// Largest number of columns (samples or pixels) of one register tile.
constexpr std::size_t kMaxTileColumns = 12;
/// Most rows of one.
constexpr std::size_t kMaxPanelRows = 32;

/// Decodes the weights of `mr` output rows and the inputs from tile block `block` on, `blocks` of them.
struct A8DecodeCall {
  const std::uint8_t* tiles = nullptr;        ///< of the whole matrix
  std::size_t row_tiles = 0, all_blocks = 0;  ///< in the matrix
  std::size_t row = 0;                        ///< first output row, a multiple of the kernel's mr
  std::size_t block = 0, blocks = 0;
  std::int8_t* panel = nullptr;  ///< passes * steps * mr * 4; rows beyond the matrix become 0
};
/// One register tile: sums of `columns` columns times mr rows += products of a panel.
struct A8TileCall {
  const std::int8_t* panel = nullptr;
  const std::uint8_t* const* x = nullptr;  ///< taps * columns pointers
  std::size_t taps = 1;
  std::size_t begin = 0;         ///< the panel's first input of every tap
  std::size_t tap_steps = 0;     ///< groups of 4 inputs in one tap, from `begin` on
  std::int32_t* sums = nullptr;  ///< columns * mr, cache-line aligned
};
/// scale * (sum + correction) + bias, then max(., floor), to floats or bytes.
struct A8StoreCall {
  const std::int32_t* sums = nullptr;
  std::size_t mr = 0;
  std::size_t rows = 0;  ///< valid rows of this tile
  std::size_t columns = 0;
  const std::int32_t* correction = nullptr;  ///< for each row
  const float* scale = nullptr;
  const float* bias = nullptr;
  float floor = 0;
  float* y = nullptr;  ///< or nullptr: bytes
  std::uint8_t* bytes = nullptr;
  std::size_t stride = 0;   ///< elements from one column to the next
  float inverse_scale = 1;  ///< of the bytes
  float zero_point = 0;
};
struct GemmA8Kernel {
  PackedKernelInfo info;
  int x_offset = 0;
  std::size_t mr = 0;  ///< rows of a register tile
  std::size_t nr = 0;  ///< most columns of one, at most kMaxTileColumns
  void (*decode)(const A8DecodeCall&) = nullptr;
  void (*const* tile)(const A8TileCall&) = nullptr;  ///< nr functions: for 1, 2, ... nr columns
  void (*store)(const A8StoreCall&) = nullptr;
};

/// Decodes mr rows and the inputs from tile block `block` on, `blocks` of them, into floats [input][row].
struct F32DecodeCall {
  const std::uint8_t* tiles = nullptr;        ///< of the whole matrix
  std::size_t row_tiles = 0, all_blocks = 0;  ///< in the matrix
  std::size_t row = 0;
  std::size_t block = 0, blocks = 0;
  float* panel = nullptr;
};
/// One register tile: sums += panel * x, x packed as [input][columns].
struct F32TileCall {
  const float* panel = nullptr;
  const float* x = nullptr;
  std::size_t inputs = 0;
  float* sums = nullptr;  ///< columns * mr, cache-line aligned
};
struct GemmF32Kernel {
  PackedKernelInfo info;
  std::size_t mr = 0, nr = 0;
  void (*decode)(const F32DecodeCall&) = nullptr;
  void (*const* tile)(const F32TileCall&) = nullptr;
};

/// Functions for 1, 2, ... n columns.
template <class Call, std::size_t kN>
struct TileTable {
  void (*functions[kN])(const Call&);
};

}  // namespace denseshift::kernels
