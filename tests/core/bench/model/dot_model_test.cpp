// The model from source to cycles. Parts that need a cross compiler or llvm-mca are skipped where these are missing.

#include "core/bench/model/dot_model.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/bench/model/tool.h"
#include "core/util/error.h"

namespace denseshift::bench {
namespace {

using ::testing::HasSubstr;

#if defined(__aarch64__)
const std::string kCompiler = "g++";
#else
const std::string kCompiler = "aarch64-linux-gnu-g++";
#endif

template <typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// Number at the end of a kernel's name: elements of one step of its source.
std::int64_t elements_of_name(std::string_view name) {
  return std::stoll(std::string(name.substr(name.rfind("_u") + 2)));
}

TEST(KernelSources, AreCompleteForEveryUnit) {
  ASSERT_FALSE(kernel_units().empty());
  for (const KernelUnit& unit : kernel_units()) {
    const bool present = std::any_of(kernel_sources().begin(), kernel_sources().end(),
                                     [&](const KernelSource& source) { return source.path == unit.path; });
    EXPECT_TRUE(present) << unit.path;
    EXPECT_THAT(std::string(unit.options), HasSubstr("-march=armv8"));
  }
}

TEST(ModelCpus, AnUnknownOneIsAUsageError) {
  EXPECT_THAT(message_of([] { (void)model_cpu("cortex-a75"); }), HasSubstr("--model: unknown CPU 'cortex-a75'"));
}

TEST(Tools, MissingOnesAreNamed) {
  EXPECT_THAT(message_of([] { (void)find_mca("/nonexistent/llvm-mca"); }), HasSubstr("/nonexistent/llvm-mca"));
  EXPECT_THAT(message_of([] { (void)find_compilers({"no-such-compiler"}); }), HasSubstr("no-such-compiler"));
}

#if defined(__x86_64__)
TEST(Tools, ACompilerOfAnotherArchitectureIsRefused) {
  if (!find_tool("g++")) GTEST_SKIP() << "no g++";
  EXPECT_THAT(message_of([] { (void)find_compilers({"g++"}); }), HasSubstr("does not compile for AArch64"));
}
#endif

TEST(Mca, ADependentAdditionTakesItsLatency) {
  if (!find_tool("llvm-mca")) GTEST_SKIP() << "no llvm-mca";
  const std::vector<McaResult> results =
      run_mca(find_mca(""), model_cpu("cortex-a57"),
              {{"fadd v0.4s, v0.4s, v1.4s"}, {"add v0.4s, v1.4s, v2.4s", "add v3.4s, v1.4s, v2.4s"}});
  ASSERT_EQ(results.size(), 2U);
  EXPECT_NEAR(results[0].cycles, 5, 0.1);  // FP addition of the A57: 5 cycles
  EXPECT_EQ(results[0].limit, "dependencies");
  EXPECT_NEAR(results[1].cycles, 1, 0.1);  // two vector pipes
  EXPECT_EQ(results[1].instructions, 2);
}

TEST(Mca, AModelOfAnotherCpuIsRefused) {
  if (!find_tool("llvm-mca-14")) GTEST_SKIP() << "no llvm-mca-14, which lacks the Neoverse N1";
  const std::string message = message_of(
      [] { (void)run_mca(find_mca("llvm-mca-14"), model_cpu("neoverse-n1"), {{"add v0.4s, v1.4s, v2.4s"}}); });
  EXPECT_THAT(message, HasSubstr("has no model of Neoverse N1"));
}

TEST(Mca, ARefusedInstructionIsReported) {
  if (!find_tool("llvm-mca")) GTEST_SKIP() << "no llvm-mca";
  EXPECT_THAT(message_of([] { (void)run_mca(find_mca(""), model_cpu("cortex-a57"), {{"frobnicate x0"}}); }),
              HasSubstr("refuses a loop"));
}

TEST(DotModel, ElementsAreMultiplesOfTheSourcesStep) {
  // Under an emulator g++ may be that of the host.
  if (const std::string why = message_of([] { (void)find_compilers({kCompiler}); }); why != "no error") {
    GTEST_SKIP() << why;
  }
  if (!find_tool("llvm-mca")) GTEST_SKIP() << "no llvm-mca";
  DotModelRequest request;
  request.compilers = {kCompiler};
  const DotModel model = model_dot_kernels(request);
  EXPECT_GE(model.kernels.size(), 10U);
  for (const ModelledKernel& kernel : model.kernels) {
    EXPECT_EQ(kernel.elements % elements_of_name(kernel.kernel), 0) << kernel.kernel << ": " << kernel.elements;
    EXPECT_GE(kernel.cycles_per_element() * 1.001, kernel.bound_per_element()) << kernel.kernel;
    EXPECT_DOUBLE_EQ(kernel.microseconds(2000, 2.0), kernel.cycles_per_element()) << kernel.kernel;
  }
}

}  // namespace
}  // namespace denseshift::bench
