// 8-bit activations with AVX-512 (BW): products of bytes summed in 16 bits, see maddubs_steps().

#include <immintrin.h>

#include <utility>

#include "core/kernels/packed/calls.h"

namespace denseshift::kernels {
namespace {

#include "core/kernels/packed/x86_avx512.h"

struct Avx512 : Avx512Bytes {
  using Narrow = __m512i;  // 32 sums of 16 bits, two for each row
  static constexpr std::size_t kVectors = 2, kColumns = 12;
  static constexpr int kXOffset = 0;
  static constexpr int steps(int factor) { return maddubs_steps(factor); }

  static Narrow zero() { return _mm512_setzero_si512(); }
  static Narrow dot(Narrow sum, X x, Bytes w) { return _mm512_add_epi16(sum, _mm512_maddubs_epi16(x, w)); }
  template <short kScale>
  static void add_to(Narrow sum, std::int32_t* to) {
    const __m512i wide = _mm512_madd_epi16(sum, _mm512_set1_epi16(kScale));
    _mm512_storeu_si512(to, _mm512_add_epi32(wide, _mm512_loadu_si512(to)));
  }
};

#include "core/kernels/packed/a8_impl.h"

}  // namespace

DENSESHIFT_A8_KERNELS(Avx512, avx512, Isa::avx512)

}  // namespace denseshift::kernels
