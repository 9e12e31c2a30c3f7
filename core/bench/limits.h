#pragma once
// What this machine can do at most, measured: bytes read per second from a buffer of a given size, and
// multiply-accumulates per second of the instructions that matrix kernels are made of. A kernel's speed is told as a
// fraction of these.

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/kernels/isa.h"

namespace denseshift::bench {

/// A loop of one kind of multiply-accumulate on registers alone.
struct PeakKernel {
  std::string_view name;  ///< such as "fma f32" or "maddubs + add16"
  kernels::Isa isa = kernels::Isa::scalar;
  bool integer = false;       ///< 8-bit products; else FP32
  std::size_t step_macs = 0;  ///< multiply-accumulates of one step
  void (*run)(std::size_t steps) = nullptr;
};

/// All that are compiled for this architecture, the lowest level first.
[[nodiscard]] const std::vector<PeakKernel>& peak_kernels();

/// A measured limit.
struct Peak {
  std::string_view name;
  kernels::Isa isa = kernels::Isa::scalar;
  double macs_per_second = 0;
};

/// The best of several samples of each peak whose level is allowed.
[[nodiscard]] std::vector<Peak> measure_peaks(kernels::IsaSet allowed);
/// The fastest measured peak of floats or of 8-bit integers; 0 when there is none.
[[nodiscard]] double best_peak(const std::vector<Peak>& peaks, bool integer);

/// Bytes per second that one thread reads from a buffer of `bytes`, over and over, with the widest allowed loads: the
/// best of several samples. The buffer is written first, so that every page is there.
[[nodiscard]] double measure_read_bandwidth(std::size_t bytes, kernels::IsaSet allowed);

}  // namespace denseshift::bench
