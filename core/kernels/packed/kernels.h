#pragma once
// The lists of kernels. One line of kernel_list.inc is one kernel for dispatch, tests and benchmarks.

#include <span>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {

/// Kernels of each family, best level first within a bit width.
[[nodiscard]] std::span<const GemvF32Kernel> gemv_f32_kernels();
[[nodiscard]] std::span<const GemvA8Kernel> gemv_a8_kernels();
[[nodiscard]] std::span<const GemmF32Kernel> gemm_f32_kernels();
[[nodiscard]] std::span<const GemmA8Kernel> gemm_a8_kernels();

/// First kernel of the bit width whose level may be used now. There always is one: the scalar level is always allowed.
template <class Kernel>
[[nodiscard]] const Kernel& chosen_kernel(std::span<const Kernel> kernels, int bits) {
  const IsaSet allowed = allowed_isa();
  for (const Kernel& kernel : kernels) {
    if (kernel.info.bits == bits && allowed.has(kernel.info.isa)) return kernel;
  }
  return kernels.back();
}

}  // namespace denseshift::kernels
