// 8-bit activations with AVX-512 VNNI: four products added to 32 bits in one instruction, no bound to watch.

#include <immintrin.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

#include "core/kernels/packed/x86_avx512.h"

struct Avx512Vnni : Avx512Bytes {
  using Narrow = __m512i;  // 16 sums of 32 bits
  static constexpr std::size_t kVectors = 2, kColumns = 12;
  static constexpr int kXOffset = 0;
  static constexpr int steps(int) { return 0; }

  static Narrow zero() { return _mm512_setzero_si512(); }
  static Narrow dot(Narrow sum, X x, Bytes w) { return _mm512_dpbusd_epi32(sum, x, w); }
  template <int kScale>
  static void add_to(Narrow sum, std::int32_t* to) {
    const __m512i scaled = kScale == 16 ? _mm512_slli_epi32(sum, 4) : sum;
    _mm512_storeu_si512(to, _mm512_add_epi32(scaled, _mm512_loadu_si512(to)));
  }
};

#include "core/kernels/packed/a8_impl.h"

}  // namespace

DENSESHIFT_A8_KERNELS(Avx512Vnni, avx512vnni, Isa::avx512vnni)

}  // namespace denseshift::kernels
