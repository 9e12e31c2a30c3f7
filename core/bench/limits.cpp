#include "core/bench/limits.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/bench/harness.h"
#include "core/bench/limits_kernels.h"
#include "core/kernels/packed/aligned.h"

namespace denseshift::bench {

using kernels::Isa;
using kernels::IsaSet;

void read__scalar(const void* data, std::size_t bytes) {
  const auto* words = static_cast<const std::uint64_t*>(data);
  std::uint64_t sum[8] = {};
  for (std::size_t i = 0; i < bytes / 8; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sum[j] |= words[i + j];
  }
  keep(sum);
}

// Eight chains hide the latency of a multiplication and an addition.
void peak_f32__scalar(std::size_t steps) {
  float sum[8] = {};
  float factor = 0.5F;
  for (std::size_t i = 0; i < steps; ++i) {
    keep(&factor);
    for (float& one : sum) one = one * factor + 1.0F;
  }
  keep(sum);
}

namespace {

double best_seconds(double sample_seconds, std::size_t rounds, const std::function<void(std::size_t)>& run) {
  HarnessOptions options;
  options.rounds = rounds;
  options.sample_seconds = sample_seconds;
  const Measurement measured =
      measure({{"limit", "", "", [&](std::size_t, std::size_t count) { run(count); }}}, options);
  return measured.timings.front().summary.min;
}

ReadFunction read_function(IsaSet allowed) {
#if defined(__x86_64__)
  if (allowed.has(Isa::avx512)) return read__avx512;
  if (allowed.has(Isa::avx2)) return read__avx2;
#elif defined(__aarch64__)
  if (allowed.has(Isa::neon)) return read__neon;
#endif
  (void)allowed;
  return read__scalar;
}

}  // namespace

const std::vector<PeakKernel>& peak_kernels() {
  static const std::vector<PeakKernel> all = {
    {"multiply, add f32", Isa::scalar, false, 8, peak_f32__scalar},
#if defined(__x86_64__)
    {"fma f32", Isa::avx2, false, 12 * 8, peak_f32__avx2},
    {"maddubs + add16", Isa::avx2, true, 12 * 32, peak_maddubs__avx2},
    {"fma f32", Isa::avx512, false, 16 * 16, peak_f32__avx512},
    {"maddubs + add16", Isa::avx512, true, 16 * 64, peak_maddubs__avx512},
    {"vpdpbusd", Isa::avx512vnni, true, 16 * 64, peak_vpdpbusd__avx512vnni},
#elif defined(__aarch64__)
    {"fmla f32", Isa::neon, false, 16 * 4, peak_f32__neon},
    {"smlal", Isa::neon, true, 16 * 8, peak_smlal__neon},
    {"sdot", Isa::neon_dotprod, true, 16 * 16, peak_sdot__neon_dotprod},
#endif
  };
  return all;
}

std::vector<Peak> measure_peaks(IsaSet allowed) {
  constexpr std::size_t kSteps = 1000;
  std::vector<Peak> peaks;
  for (const PeakKernel& kernel : peak_kernels()) {
    if (!allowed.has(kernel.isa)) continue;
    const double seconds = best_seconds(500e-6, 15, [&](std::size_t count) { kernel.run(count * kSteps); });
    peaks.push_back({kernel.name, kernel.isa, static_cast<double>(kernel.step_macs * kSteps) / seconds});
  }
  return peaks;
}

double best_peak(const std::vector<Peak>& peaks, bool integer) {
  double best = 0;
  for (const Peak& peak : peaks) {
    const auto kernel = std::ranges::find_if(
        peak_kernels(), [&](const PeakKernel& one) { return one.name == peak.name && one.isa == peak.isa; });
    if (kernel->integer == integer) best = std::max(best, peak.macs_per_second);
  }
  return best;
}

double measure_read_bandwidth(std::size_t bytes, IsaSet allowed) {
  constexpr std::size_t kBlock = 512;
  bytes = std::max(kBlock, bytes / kBlock * kBlock);
  kernels::AlignedBytes buffer(bytes, 1);
  const ReadFunction read = read_function(allowed);
  const double seconds = best_seconds(500e-6, bytes > (std::size_t{16} << 20) ? 5 : 15, [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) read(buffer.data(), bytes);
  });
  return static_cast<double>(bytes) / seconds;
}

}  // namespace denseshift::bench
