// Levels of instruction sets: names, what includes what, and the two ways to override the choice. Every test holds on
// x86-64 and on AArch64.

#include "core/kernels/isa.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>

#include "core/util/error.h"

namespace denseshift::kernels {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Isa kEvery[] = {Isa::scalar, Isa::avx2,      Isa::avx512,      Isa::avx512vnni,
                          Isa::neon,   Isa::neon_fp16, Isa::neon_dotprod};

bool of_another_architecture(Isa isa) {
#if defined(__x86_64__)
  return isa == Isa::neon || isa == Isa::neon_fp16 || isa == Isa::neon_dotprod;
#elif defined(__aarch64__)
  return isa == Isa::avx2 || isa == Isa::avx512 || isa == Isa::avx512vnni;
#else
  return isa != Isa::scalar;
#endif
}

/// Levels in a set, by name and in order.
std::vector<std::string> names(const IsaSet& set) {
  std::vector<std::string> found;
  for (const Isa isa : kEvery) {
    if (set.has(isa)) found.emplace_back(isa_name(isa));
  }
  return found;
}

std::vector<Isa> supported() {
  std::vector<Isa> found;
  for (const IsaStatus& level : isa_levels()) {
    if (level.supported) found.push_back(level.isa);
  }
  return found;
}

/// A level that this CPU lacks; every CPU lacks those of the other architecture.
Isa lacking() {
  for (const IsaStatus& level : isa_levels()) {
    if (!level.supported) return level.isa;
  }
  ADD_FAILURE() << "one CPU has the levels of two architectures";
  return Isa::scalar;
}

/// Sets or, with an empty value, removes DENSESHIFT_ISA for one test.
class ScopedVariable {
 public:
  explicit ScopedVariable(const std::string& value) {
    const char* before = std::getenv("DENSESHIFT_ISA");
    if (before != nullptr) before_ = before;
    set(value);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { set(before_); }

 private:
  static void set(const std::string& value) {
    if (value.empty()) {
      unsetenv("DENSESHIFT_ISA");
    } else {
      setenv("DENSESHIFT_ISA", value.c_str(), 1);
    }
  }
  std::string before_;
};

/// The error that `call` throws; fails the test when it throws none.
template <typename Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return work_error("");
}

TEST(IsaLevels, EveryLevelIsListedOnceInOrder) {
  ASSERT_EQ(isa_levels().size(), std::size(kEvery));
  for (std::size_t i = 0; i < std::size(kEvery); ++i) EXPECT_EQ(isa_levels()[i].isa, kEvery[i]);
}

TEST(IsaLevels, ALevelIsSupportedOrHasAReason) {
  for (const IsaStatus& level : isa_levels()) {
    EXPECT_EQ(level.supported, level.reason.empty()) << isa_name(level.isa);
    EXPECT_EQ(level.supported, isa_supported(level.isa)) << isa_name(level.isa);
  }
  EXPECT_TRUE(isa_supported(Isa::scalar));
}

TEST(IsaLevels, TheOtherArchitectureIsRefusedAsSuch) {
  for (const IsaStatus& level : isa_levels()) {
    EXPECT_EQ(of_another_architecture(level.isa), level.reason == "another architecture") << isa_name(level.isa);
  }
}

// The compiler's own view of the CPU, which reads CPUID by another code than ours.
#if defined(__x86_64__)
TEST(IsaLevels, AgreeWithTheCompilersLibrary) {
  EXPECT_EQ(isa_supported(Isa::avx2), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  EXPECT_EQ(isa_supported(Isa::avx512), __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
  EXPECT_EQ(isa_supported(Isa::avx512vnni),
            isa_supported(Isa::avx512) && static_cast<bool>(__builtin_cpu_supports("avx512vnni")));
}
#elif defined(__aarch64__)
TEST(IsaLevels, EveryAArch64HasNeon) { EXPECT_TRUE(isa_supported(Isa::neon)); }

// Under the emulator the CPU is known, so the levels are.
TEST(IsaLevels, FollowTheEmulatedCpu) {
  const char* cpu = std::getenv("QEMU_CPU");
  if (cpu == nullptr) GTEST_SKIP() << "not under the emulator";
  const std::string name = cpu;
  ASSERT_TRUE(name == "cortex-a57" || name == "max") << name;
  EXPECT_EQ(isa_supported(Isa::neon_fp16), name == "max");
  EXPECT_EQ(isa_supported(Isa::neon_dotprod), name == "max");
}
#endif

TEST(IsaSets, ALevelIncludesWhatItsCpusHave) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(isa_with_included(Isa::scalar)), Names({"scalar"}));
  EXPECT_EQ(names(isa_with_included(Isa::avx2)), Names({"scalar", "avx2"}));
  EXPECT_EQ(names(isa_with_included(Isa::avx512)), Names({"scalar", "avx2", "avx512"}));
  EXPECT_EQ(names(isa_with_included(Isa::avx512vnni)), Names({"scalar", "avx2", "avx512", "avx512vnni"}));
  EXPECT_EQ(names(isa_with_included(Isa::neon)), Names({"scalar", "neon"}));
  EXPECT_EQ(names(isa_with_included(Isa::neon_fp16)), Names({"scalar", "neon", "neon-fp16"}));
  EXPECT_EQ(names(isa_with_included(Isa::neon_dotprod)), Names({"scalar", "neon", "neon-dotprod"}));
}

TEST(IsaSets, AnEmptySetHasNothing) { EXPECT_THAT(names(IsaSet()), IsEmpty()); }

TEST(IsaSets, WhatASupportedLevelIncludesIsSupported) {
  for (const Isa isa : supported()) {
    for (const Isa included : kEvery) {
      if (isa_with_included(isa).has(included)) {
        EXPECT_TRUE(isa_supported(included)) << isa_name(isa) << " includes " << isa_name(included);
      }
    }
  }
}

TEST(IsaNames, LeadBackToTheirLevel) {
  for (const Isa isa : supported()) EXPECT_EQ(isa_from_name(isa_name(isa)), isa);
}

TEST(IsaNames, AnUnknownNameIsAUsageErrorWithTheNearestName) {
  const Error error = error_of([] { (void)isa_from_name("neon-dotprot"); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("--isa: unknown instruction set 'neon-dotprot'"));
  EXPECT_THAT(error.hint(), HasSubstr("neon-dotprod"));
}

TEST(IsaNames, ALevelThatTheCpuLacksIsRefusedWithTheReason) {
  const Isa isa = lacking();
  const Error error = error_of([&] { (void)isa_from_name(isa_name(isa), "DENSESHIFT_ISA"); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("DENSESHIFT_ISA: " + std::string(isa_name(isa)) +
                                      " cannot run here: " + isa_levels()[static_cast<std::size_t>(isa)].reason));
  EXPECT_THAT(error.hint(), HasSubstr("doctor"));
}

TEST(IsaChoice, WithoutOverrideItIsAllThatTheCpuHas) {
  const ScopedVariable variable("");
  for (const IsaStatus& level : isa_levels()) EXPECT_EQ(allowed_isa().has(level.isa), level.supported);
  EXPECT_EQ(best_isa(), supported().back());
}

TEST(IsaChoice, TheVariableRestrictsToALevelAndWhatItIncludes) {
  for (const Isa isa : supported()) {
    const ScopedVariable variable{std::string(isa_name(isa))};
    EXPECT_EQ(names(allowed_isa()), names(isa_with_included(isa)));
    EXPECT_EQ(best_isa(), isa);
  }
}

TEST(IsaChoice, AnUnusableVariableIsAnErrorAndNotIgnored) {
  {
    const ScopedVariable variable{std::string(isa_name(lacking()))};
    EXPECT_THAT(error_of([] { (void)allowed_isa(); }).what(), HasSubstr("DENSESHIFT_ISA: "));
  }
  const ScopedVariable variable("avx");
  EXPECT_THAT(error_of([] { (void)best_isa(); }).what(), HasSubstr("unknown instruction set 'avx'"));
}

TEST(IsaChoice, TheOptionWinsOverTheVariable) {
  const ScopedVariable variable("nonsense");
  for (const Isa isa : supported()) {
    restrict_isa(isa);
    EXPECT_EQ(names(allowed_isa()), names(isa_with_included(isa)));
    EXPECT_EQ(best_isa(), isa);
  }
  unrestrict_isa();
  EXPECT_THAT(error_of([] { (void)allowed_isa(); }).what(), HasSubstr("unknown instruction set 'nonsense'"));
}

}  // namespace
}  // namespace denseshift::kernels
