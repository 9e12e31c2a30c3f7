// Loops and elements of assembly. The fixtures are dots.cpp beside them, compiled by gcc 12 and clang 14 with -O3
// -ffp-contract=off -march=armv8-a -mtune=cortex-a57, without directives.

#include "core/bench/model/assembly.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "core/util/error.h"

namespace denseshift::bench {
namespace {

using ::testing::HasSubstr;

std::string fixture(const std::string& name) {
  std::ifstream file(DENSESHIFT_TEST_SOURCE_DIR "/data/asm/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A function of one loop with this body.
std::string function(const std::string& body) {
  return "kernel:\n.L1:\n" + body + "\tbne .L1\n\tret\n\t.size kernel, .-kernel\n";
}

std::map<std::int64_t, std::int64_t> reads(const std::string& body) {
  const std::vector<AssemblyLoop> loops = find_loops(function(body), "kernel");
  if (loops.size() != 1) return {{-1, -1}};
  const std::optional<LoopReads> found = loop_reads(loops[0]);
  return found ? found->bytes_by_advance : std::map<std::int64_t, std::int64_t>{{0, 0}};
}

using Reads = std::map<std::int64_t, std::int64_t>;
const Reads kUnknown = {{0, 0}};

TEST(FindLoops, OfACompiledFunctionAloneAndComplete) {
  const std::vector<AssemblyLoop> loops = find_loops(fixture("dots_gcc12.s"), "f16_add8");
  ASSERT_EQ(loops.size(), 2U);
  EXPECT_EQ(loops[0].label, ".L9");
  EXPECT_EQ(loops[0].instructions.size(), 12U);
  EXPECT_EQ(loops[0].instructions.front(), "ldr\td2, [x1, x3]");
  EXPECT_EQ(loops[0].instructions.back(), "bne\t.L9");
  EXPECT_EQ(loops[1].label, ".L11");
}

TEST(FindLoops, NamesMatchWholly) {
  EXPECT_TRUE(find_loops(fixture("dots_gcc12.s"), "f16_add").empty());
  EXPECT_TRUE(find_loops(fixture("dots_gcc12.s"), "6_add8").empty());
  EXPECT_FALSE(find_loops(fixture("dots_clang14.s"), "f16_add8").empty());
}

TEST(FindLoops, ABlockThatIsLeftInTheMiddleIsNoLoopOfOneBlock) {
  EXPECT_TRUE(find_loops(function("\tldr q0, [x0], 16\n\tcbz x1, .L2\n"), "kernel").empty());
}

TEST(LoopReads, FollowEveryKindOfAddress) {
  EXPECT_EQ(reads("\tldr q0, [x0], #16\n"), (Reads{{16, 16}}));
  EXPECT_EQ(reads("\tldr q0, [x0, 16]!\n"), (Reads{{16, 16}}));
  EXPECT_EQ(reads("\tldp q0, q1, [x0, #-32]\n\tadd x0, x0, #64\n\tldp q2, q3, [x0, #-64]\n"), (Reads{{64, 64}}));
  EXPECT_EQ(reads("\tldr q0, [x0, x2]\n\tldr d1, [x1, x2]\n\tadd x2, x2, 16\n"), (Reads{{16, 24}}));
  EXPECT_EQ(reads("\tldr h0, [x0, x2, lsl #1]\n\tldrb w5, [x1, x2]\n\tadd x2, x2, #1\n"), (Reads{{1, 1}, {2, 2}}));
  EXPECT_EQ(reads("\tlsl x4, x2, 1\n\tldr q0, [x0, x4]\n\tadd x2, x2, 8\n"), (Reads{{16, 16}}));
  EXPECT_EQ(reads("\tsub x2, x2, #16\n\tldr q0, [x0, x2]\n"), (Reads{{16, 16}}));
  EXPECT_EQ(reads("\tld1 {v0.16b - v3.16b}, [x0], 64\n"), (Reads{{64, 64}}));
  EXPECT_EQ(reads("\tld2 { v0.8h, v1.8h }, [x0], #32\n"), (Reads{{32, 32}}));
  EXPECT_EQ(reads("\tld1r {v0.4s}, [x0], 4\n"), (Reads{{4, 4}}));
  EXPECT_EQ(reads("\tld1 {v0.h}[3], [x0], 2\n"), (Reads{{2, 2}}));
}

TEST(LoopReads, AnIndexMayBeTakenApart) {
  EXPECT_EQ(reads("\tlsr x5, x4, 2\n\tadd x4, x4, 64\n\tldr q0, [x19, x5]\n"), (Reads{{16, 16}}));
  EXPECT_EQ(reads("\tlsr x5, x4, 2\n\tadd x4, x4, 6\n\tldr q0, [x19, x5]\n"), kUnknown);
}

TEST(LoopReads, ARegisterMayLagByOneIteration) {
  EXPECT_EQ(reads("\tlsl x4, x0, 1\n\tmov x0, x3\n\tadd x3, x3, 8\n\tldr q1, [x9, x4]\n"), (Reads{{16, 16}}));
}

TEST(LoopReads, ConstantsAndSpilledRegistersAreNoInput) {
  EXPECT_EQ(reads("\tldr q0, [x0], 16\n\tldr q1, [sp, 32]\n\tldr q2, [x7, #:lo12:.LC0]\n"), (Reads{{16, 16}}));
}

TEST(LoopReads, TheSameBytesCountOnce) {
  EXPECT_EQ(reads("\tldr q0, [x0]\n\tldr d1, [x0, 8]\n\tadd x0, x0, 16\n"), (Reads{{16, 16}}));
}

TEST(LoopReads, AddressesFromMemoryOrARegisterStrideAreUnknown) {
  EXPECT_EQ(reads("\tldr x1, [x0], 8\n\tldr q0, [x1]\n"), kUnknown);
  EXPECT_EQ(reads("\tldr q0, [x0]\n\tadd x0, x0, x5\n"), kUnknown);
}

TEST(ElementsPerIteration, MustExplainBytesAndDistances) {
  EXPECT_EQ(elements_per_iteration({{{32, 64}}}, 16, 16), 16);
  EXPECT_EQ(elements_per_iteration({{{16, 16}, {64, 64}}}, 8, 2), 64);
  EXPECT_EQ(elements_per_iteration({{{8, 8}, {16, 16}}}, 16, 8), 8);
  EXPECT_EQ(elements_per_iteration({{{32, 32}}}, 16, 16), std::nullopt);            // one array only
  EXPECT_EQ(elements_per_iteration({{{64, 64}}}, 16, 16), std::nullopt);            // every second vector left out
  EXPECT_EQ(elements_per_iteration({{{16, 16}, {32, 32}}}, 16, 16), std::nullopt);  // arrays of other widths
  EXPECT_EQ(elements_per_iteration({}, 16, 16), std::nullopt);
}

TEST(FindMainLoop, IsTheVectorLoopOfBothCompilers) {
  for (const char* file : {"dots_gcc12.s", "dots_clang14.s"}) {
    const std::string assembly = fixture(file);
    EXPECT_EQ(find_main_loop(assembly, "f16_fma", 16, 16).elements, 16) << file;
    // Not the remainder, of which clang unrolls 32 elements.
    EXPECT_EQ(find_main_loop(assembly, "f16_add8", 16, 8).elements, 8) << file;
    EXPECT_EQ(find_main_loop(assembly, "i8_packed2", 8, 2).elements, 64) << file;
  }
}

TEST(FindMainLoop, RefusesWhatItCannotTell) {
  const auto refusal = [](const std::string& assembly, const std::string& name) -> std::string {
    try {
      (void)find_main_loop(assembly, name, 16, 16);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal(fixture("dots_gcc12.s"), "absent"), HasSubstr("absent cannot be modelled: the assembly has no"));
  EXPECT_THAT(refusal(fixture("dots_gcc12.s"), "i8_packed2"), HasSubstr("no loop reads two arrays"));
  EXPECT_THAT(refusal(function("\tldr x1, [x0], 8\n\tldr q0, [x1]\n\tfadd v1.4s, v1.4s, v0.4s\n"), "kernel"),
              HasSubstr("does not move by a constant"));
}

}  // namespace
}  // namespace denseshift::bench
