#include "core/kernels/isa.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include "core/util/error.h"
#include "core/util/suggest.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace denseshift::kernels {
namespace {

constexpr Isa kAll[] = {Isa::scalar, Isa::avx2,      Isa::avx512,      Isa::avx512vnni,
                        Isa::neon,   Isa::neon_fp16, Isa::neon_dotprod};

#if defined(__x86_64__)

/// First thing of `needs` that is missing, or an empty text.
std::string first_missing(std::initializer_list<std::pair<bool, const char*>> needs) {
  for (const auto& [present, name] : needs) {
    if (!present) return std::string("the CPU or the system has no ") + name;
  }
  return {};
}

// The system must save the wide registers (XCR0), or they lose their contents between processes.
std::uint64_t saved_register_state() {
  unsigned low = 0;
  unsigned high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

std::string missing_for(Isa isa) {
  unsigned a = 0;
  unsigned b1 = 0;
  unsigned c1 = 0;
  unsigned d = 0;
  unsigned b7 = 0;
  unsigned c7 = 0;
  if (__get_cpuid(1, &a, &b1, &c1, &d) == 0) return "CPUID is not available";
  if (__get_cpuid_count(7, 0, &a, &b7, &c7, &d) == 0) b7 = c7 = 0;
  const std::uint64_t state = (c1 & bit_OSXSAVE) != 0 ? saved_register_state() : 0;
  const std::string avx2 = first_missing({{(state & 0x6) == 0x6, "saved AVX state"},
                                          {(b7 & bit_AVX2) != 0, "AVX2"},
                                          {(c1 & bit_FMA) != 0, "FMA"},
                                          {(c1 & bit_F16C) != 0, "F16C"}});
  if (isa == Isa::avx2 || !avx2.empty()) return avx2;
  const std::string avx512 = first_missing({{(state & 0xe6) == 0xe6, "saved AVX-512 state"},
                                            {(b7 & bit_AVX512F) != 0, "AVX-512F"},
                                            {(b7 & bit_AVX512BW) != 0, "AVX-512BW"},
                                            {(b7 & bit_AVX512DQ) != 0, "AVX-512DQ"},
                                            {(b7 & bit_AVX512VL) != 0, "AVX-512VL"}});
  if (isa == Isa::avx512 || !avx512.empty()) return avx512;
  return first_missing({{(c7 & bit_AVX512VNNI) != 0, "AVX-512 VNNI"}});
}

constexpr bool of_this_architecture(Isa isa) { return isa < Isa::neon; }

#elif defined(__aarch64__)

std::string missing_for(Isa isa) {
#if defined(__linux__)
  const unsigned long caps = getauxval(AT_HWCAP);
  if (isa == Isa::neon_fp16 && ((caps & HWCAP_ASIMDHP) == 0 || (caps & HWCAP_FPHP) == 0)) {
    return "the CPU has no FP16 arithmetic (asimdhp)";
  }
  if (isa == Isa::neon_dotprod && (caps & HWCAP_ASIMDDP) == 0) return "the CPU has no dot product (asimddp)";
  return {};
#else
  return isa == Isa::neon ? std::string() : "this system does not tell what the CPU has";
#endif
}

constexpr bool of_this_architecture(Isa isa) { return isa == Isa::scalar || isa >= Isa::neon; }

#else

std::string missing_for(Isa) { return {}; }
constexpr bool of_this_architecture(Isa isa) { return isa == Isa::scalar; }

#endif

std::optional<Isa>& restriction() {
  static std::optional<Isa> chosen;
  return chosen;
}

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512vnni:
      return "avx512vnni";
    case Isa::neon:
      return "neon";
    case Isa::neon_fp16:
      return "neon-fp16";
    case Isa::neon_dotprod:
      return "neon-dotprod";
  }
  return "";
}

const std::vector<IsaStatus>& isa_levels() {
  static const std::vector<IsaStatus> levels = [] {
    std::vector<IsaStatus> found;
    for (const Isa isa : kAll) {
      std::string reason = !of_this_architecture(isa) ? "another architecture"
                           : isa == Isa::scalar       ? ""
                                                      : missing_for(isa);
      found.push_back({isa, reason.empty(), reason});
    }
    return found;
  }();
  return levels;
}

bool isa_supported(Isa isa) { return isa_levels()[static_cast<std::size_t>(isa)].supported; }

IsaSet isa_with_included(Isa isa) {
  IsaSet set;
  set.add(Isa::scalar).add(isa);
  if (isa >= Isa::neon) {
    set.add(Isa::neon);
  } else {
    for (const Isa lower : {Isa::avx2, Isa::avx512}) {
      if (lower < isa) set.add(lower);
    }
  }
  return set;
}

Isa isa_from_name(std::string_view name, std::string_view source) {
  std::vector<std::string> names;
  for (const IsaStatus& level : isa_levels()) {
    if (isa_name(level.isa) == name) {
      if (level.supported) return level.isa;
      throw usage_error(std::string(source) + ": " + std::string(name) + " cannot run here: " + level.reason,
                        "denseshift doctor lists what this CPU has");
    }
    names.emplace_back(isa_name(level.isa));
  }
  throw usage_error(std::string(source) + ": unknown instruction set '" + std::string(name) + "'",
                    suggestion(std::string(name), names));
}

IsaSet allowed_isa() {
  if (restriction()) return isa_with_included(*restriction());
  const char* variable = std::getenv("DENSESHIFT_ISA");
  if (variable != nullptr && *variable != '\0') return isa_with_included(isa_from_name(variable, "DENSESHIFT_ISA"));
  IsaSet all;
  for (const IsaStatus& level : isa_levels()) {
    if (level.supported) all.add(level.isa);
  }
  return all;
}

Isa best_isa() {
  const IsaSet allowed = allowed_isa();
  Isa best = Isa::scalar;
  for (const Isa isa : kAll) {
    if (allowed.has(isa)) best = isa;
  }
  return best;
}

void restrict_isa(Isa isa) { restriction() = isa; }

void unrestrict_isa() { restriction().reset(); }

}  // namespace denseshift::kernels
