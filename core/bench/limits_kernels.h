#pragma once
// Loops of limits.cpp that are compiled for their own level each.

#include <cstddef>

namespace denseshift::bench {

/// Reads `bytes` (a multiple of 512) from an aligned buffer.
using ReadFunction = void (*)(const void* data, std::size_t bytes);

void read__scalar(const void* data, std::size_t bytes);
void peak_f32__scalar(std::size_t steps);

#if defined(__x86_64__)
void read__avx2(const void* data, std::size_t bytes);
void peak_f32__avx2(std::size_t steps);
void peak_maddubs__avx2(std::size_t steps);
void read__avx512(const void* data, std::size_t bytes);
void peak_f32__avx512(std::size_t steps);
void peak_maddubs__avx512(std::size_t steps);
void peak_vpdpbusd__avx512vnni(std::size_t steps);
#elif defined(__aarch64__)
void read__neon(const void* data, std::size_t bytes);
void peak_f32__neon(std::size_t steps);
void peak_smlal__neon(std::size_t steps);
void peak_sdot__neon_dotprod(std::size_t steps);
#endif

}  // namespace denseshift::bench
