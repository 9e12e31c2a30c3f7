#pragma once
// What a list tells about a kernel.

#include <string_view>

#include "core/kernels/isa.h"

namespace denseshift::kernels {

/// A kernel of one family in one instruction set, for lists in tests, `bench` and `doctor`.
struct PackedKernelInfo {
  std::string_view name;    ///< such as f32_pot2_gemv__avx512_table2
  std::string_view family;  ///< gemv_f32, gemv_a8, gemm_f32, gemm_a8
  Isa isa = Isa::scalar;
  int bits = 2;
};

}  // namespace denseshift::kernels
