#pragma once
// Instruction-set levels of the inference kernels, what this CPU has of them, and the choice made for this process.
//
// A kernel is compiled in a translation unit of its own level and entered in its family's list with that level.
// Dispatch takes the first entry of the list whose level is allowed. Tests and `bench` loop over all that the CPU has.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace denseshift::kernels {

/// Levels in the order in which they are listed to people.
enum class Isa : std::uint8_t {
  scalar,       ///< plain C++, every CPU
  avx2,         ///< x86-64 with AVX2, FMA and F16C
  avx512,       ///< avx2 plus AVX-512 F, BW, DQ and VL
  avx512vnni,   ///< avx512 plus VNNI: four 8-bit products added to 32 bits in one step
  neon,         ///< AArch64 of ARMv8.0, such as the Cortex-A57
  neon_fp16,    ///< neon plus FP16 arithmetic (ARMv8.2 FEAT_FP16)
  neon_dotprod  ///< neon plus SDOT and UDOT (ARMv8.2 FEAT_DotProd)
};

/// A set of levels.
class IsaSet {
 public:
  constexpr IsaSet() = default;
  constexpr IsaSet& add(Isa isa) {
    bits_ |= bit(isa);
    return *this;
  }
  [[nodiscard]] constexpr bool has(Isa isa) const { return (bits_ & bit(isa)) != 0; }

 private:
  static constexpr unsigned bit(Isa isa) { return 1U << static_cast<unsigned>(isa); }
  unsigned bits_ = 0;
};

/// One level as this process sees it.
struct IsaStatus {
  Isa isa = Isa::scalar;
  bool supported = false;
  std::string reason;  ///< why not; empty when supported
};

/// Name on the command line: scalar, avx2, avx512, avx512vnni, neon, neon-fp16, neon-dotprod.
[[nodiscard]] std::string_view isa_name(Isa isa);
/// Every level with its state on this CPU, from CPUID and XGETBV on x86, from the kernel's hwcaps on AArch64.
[[nodiscard]] const std::vector<IsaStatus>& isa_levels();
[[nodiscard]] bool isa_supported(Isa isa);
/// The level and all that it includes: avx512 gives scalar, avx2 and avx512.
[[nodiscard]] IsaSet isa_with_included(Isa isa);
/// The level of this name. Throws a usage error for an unknown name (with the nearest one) and for a level that this
/// CPU lacks; `source` is the option or variable to name in the message.
[[nodiscard]] Isa isa_from_name(std::string_view name, std::string_view source = "--isa");

/// What dispatch may use: all supported levels, or those of DENSESHIFT_ISA or of the last restrict_isa(). Throws the
/// usage error of isa_from_name() when DENSESHIFT_ISA is set to something unusable.
[[nodiscard]] IsaSet allowed_isa();
/// The highest level in allowed_isa(), for display.
[[nodiscard]] Isa best_isa();
/// Restricts dispatch of this process to a level and what it includes, as --isa does. Not to be called while kernels
/// run. REQUIRES: isa_supported(isa).
void restrict_isa(Isa isa);
/// Takes back restrict_isa().
void unrestrict_isa();

}  // namespace denseshift::kernels
