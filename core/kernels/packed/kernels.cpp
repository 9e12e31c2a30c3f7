#include "core/kernels/packed/kernels.h"

#include <stdexcept>
#include <string>

#include "core/kernels/packed/packed.h"

namespace denseshift::kernels {

#define DENSESHIFT_A8(level)                       \
  extern const GemvA8Kernel u8_pot2_gemv__##level; \
  extern const GemvA8Kernel u8_pot3_gemv__##level; \
  extern const GemvA8Kernel u8_pot4_gemv__##level; \
  extern const GemmA8Kernel u8_pot2_gemm__##level; \
  extern const GemmA8Kernel u8_pot3_gemm__##level; \
  extern const GemmA8Kernel u8_pot4_gemm__##level;
#define DENSESHIFT_F32(level)                        \
  extern const GemvF32Kernel f32_pot2_gemv__##level; \
  extern const GemvF32Kernel f32_pot3_gemv__##level; \
  extern const GemvF32Kernel f32_pot4_gemv__##level; \
  extern const GemmF32Kernel f32_pot2_gemm__##level; \
  extern const GemmF32Kernel f32_pot3_gemm__##level; \
  extern const GemmF32Kernel f32_pot4_gemm__##level;
#include "core/kernels/packed/kernel_list.inc"
#undef DENSESHIFT_A8
#undef DENSESHIFT_F32

std::span<const GemvF32Kernel> gemv_f32_kernels() {
#define DENSESHIFT_A8(level)
#define DENSESHIFT_F32(level) f32_pot2_gemv__##level, f32_pot3_gemv__##level, f32_pot4_gemv__##level,
  static const GemvF32Kernel table[] = {
#include "core/kernels/packed/kernel_list.inc"
  };
#undef DENSESHIFT_F32
  return table;
}

std::span<const GemmF32Kernel> gemm_f32_kernels() {
#define DENSESHIFT_F32(level) f32_pot2_gemm__##level, f32_pot3_gemm__##level, f32_pot4_gemm__##level,
  static const GemmF32Kernel table[] = {
#include "core/kernels/packed/kernel_list.inc"
  };
#undef DENSESHIFT_F32
#undef DENSESHIFT_A8
  return table;
}

std::span<const GemvA8Kernel> gemv_a8_kernels() {
#define DENSESHIFT_F32(level)
#define DENSESHIFT_A8(level) u8_pot2_gemv__##level, u8_pot3_gemv__##level, u8_pot4_gemv__##level,
  static const GemvA8Kernel table[] = {
#include "core/kernels/packed/kernel_list.inc"
  };
#undef DENSESHIFT_A8
  return table;
}

std::span<const GemmA8Kernel> gemm_a8_kernels() {
#define DENSESHIFT_A8(level) u8_pot2_gemm__##level, u8_pot3_gemm__##level, u8_pot4_gemm__##level,
  static const GemmA8Kernel table[] = {
#include "core/kernels/packed/kernel_list.inc"
  };
#undef DENSESHIFT_A8
#undef DENSESHIFT_F32
  return table;
}

const std::vector<PackedKernelInfo>& packed_kernels() {
  static const std::vector<PackedKernelInfo> all = [] {
    std::vector<PackedKernelInfo> infos;
    for (const auto& kernel : gemv_f32_kernels()) infos.push_back(kernel.info);
    for (const auto& kernel : gemm_f32_kernels()) infos.push_back(kernel.info);
    for (const auto& kernel : gemv_a8_kernels()) infos.push_back(kernel.info);
    for (const auto& kernel : gemm_a8_kernels()) infos.push_back(kernel.info);
    return infos;
  }();
  return all;
}

const PackedKernelInfo& chosen_packed_kernel(std::string_view family, int bits) {
  const IsaSet allowed = allowed_isa();
  for (const PackedKernelInfo& info : packed_kernels()) {
    if (info.family == family && info.bits == bits && allowed.has(info.isa)) return info;
  }
  throw std::invalid_argument("no kernel family '" + std::string(family) + "' at " + std::to_string(bits) + " bits");
}

}  // namespace denseshift::kernels
