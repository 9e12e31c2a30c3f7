#include <arm_neon.h>

#include <cstdint>

#include "core/bench/limits_kernels.h"

namespace denseshift::bench {

void read__neon(const void* data, std::size_t bytes) {
  const auto* words = static_cast<const std::uint8_t*>(data);
  uint8x16_t a = vdupq_n_u8(0), b = a, c = a, d = a;
  for (std::size_t i = 0; i < bytes; i += 64) {
    a = vorrq_u8(a, vld1q_u8(words + i));
    b = vorrq_u8(b, vld1q_u8(words + i + 16));
    c = vorrq_u8(c, vld1q_u8(words + i + 32));
    d = vorrq_u8(d, vld1q_u8(words + i + 48));
  }
  __asm__ volatile("" : : "w"(a), "w"(b), "w"(c), "w"(d));
}

void peak_f32__neon(std::size_t steps) {
  float32x4_t sum[16] = {};
#pragma GCC unroll 16
  for (float32x4_t& one : sum) __asm__ volatile("" : "+w"(one));
  float32x4_t x = vdupq_n_f32(0.5F);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+w"(x));
#pragma GCC unroll 16
    for (float32x4_t& one : sum) one = vfmaq_f32(one, x, x);
  }
  for (float32x4_t& one : sum) __asm__ volatile("" : : "w"(one));
}

void peak_smlal__neon(std::size_t steps) {
  int16x8_t sum[16] = {};
#pragma GCC unroll 16
  for (int16x8_t& one : sum) __asm__ volatile("" : "+w"(one));
  int8x8_t x = vdup_n_s8(1);
  for (std::size_t i = 0; i < steps; ++i) {
    __asm__ volatile("" : "+w"(x));
#pragma GCC unroll 16
    for (int16x8_t& one : sum) one = vmlal_s8(one, x, x);
  }
  for (int16x8_t& one : sum) __asm__ volatile("" : : "w"(one));
}

}  // namespace denseshift::bench
