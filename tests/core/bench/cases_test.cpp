// What is timed: every case checks its own result when it is made, so making it is a test; cold cases rotate.

#include <gmock/gmock.h>

#include "core/bench/conv_cases.h"
#include "core/bench/dot_cases.h"
#include "core/util/error.h"

namespace denseshift::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const std::vector<WorkCase>& cases) {
  std::vector<std::string> all;
  for (const WorkCase& one : cases) all.push_back(one.candidate.name);
  return all;
}

TEST(DotCases, EveryVariantAtEveryLevelGivesTheRightSum) {
  for (const kernels::IsaStatus& level : kernels::isa_levels()) {
    if (!level.supported) continue;
    for (const std::size_t n : {std::size_t{1}, std::size_t{100}}) {
      const auto cases = dot_cases(n, kernels::isa_with_included(level.isa), false);
      EXPECT_GE(cases.size(), 4U);
      for (const DotCase& one : cases) {
        EXPECT_GT(one.weight_bytes, 0);
        one.candidate.run(0, 2);
      }
    }
  }
}

TEST(DotCases, TheFirstOfAGroupIsThePapersBaseline) {
  const auto cases = dot_cases(8, kernels::isa_with_included(kernels::Isa::scalar), true);
  for (const auto family : {kernels::DotFamily::f16, kernels::DotFamily::i8}) {
    const auto first = std::ranges::find_if(cases, [&](const DotCase& one) { return one.variant->family == family; });
    ASSERT_NE(first, cases.end());
    EXPECT_EQ(first->variant->variant, kernels::paper_pair(family).baseline);
    first->candidate.run(12345, 3);  // any call of a cold case finds its copy
  }
}

TEST(MatrixCases, OursAreRightAtEveryWidth) {
  for (const int bits : {2, 3, 4}) {
    for (const std::size_t m : {std::size_t{1}, std::size_t{3}}) {
      const auto problem = make_matrix_problem(m, 20, 37, bits);
      const auto cases = matrix_cases(problem, {});
      const std::string w = "w" + std::to_string(bits);
      EXPECT_THAT(names(cases), ElementsAre(w + "a8", w + "a8+q", w + "f32", w + "a8-scalar"));
      for (const WorkCase& one : cases) {
        one.candidate.run(0, 1);
        EXPECT_TRUE(one.ours);
        EXPECT_DOUBLE_EQ(one.work.macs, static_cast<double>(m) * 20 * 37);
      }
    }
  }
}

TEST(MatrixCases, TheScalarCaseGivesTheLevelBack) {
  const auto problem = make_matrix_problem(1, 16, 16, 2);
  const kernels::Isa before = kernels::best_isa();
  for (const WorkCase& one : matrix_cases(problem, {})) one.candidate.run(0, 1);
  EXPECT_EQ(kernels::best_isa(), before);
  kernels::restrict_isa(kernels::Isa::scalar);
  for (const WorkCase& one : matrix_cases(problem, {false, 1, kernels::Isa::scalar})) one.candidate.run(0, 1);
  EXPECT_EQ(kernels::best_isa(), kernels::Isa::scalar);
  kernels::unrestrict_isa();
}

TEST(MatrixCases, PlainLoopsOnlyWhereTheyAreShort) {
  EXPECT_THAT(names(plain_matrix_cases(make_matrix_problem(2, 8, 8, 2), {})), ElementsAre("plain-f32"));
  const auto large = make_matrix_problem(65, 1024, 1024, 2);
  EXPECT_TRUE(plain_matrix_cases(large, {}).empty());
}

TEST(ConvCases, OursAreRightWithStrideAndPadding) {
  for (const std::size_t stride : {std::size_t{1}, std::size_t{2}}) {
    ConvLayer layer;
    layer.shape = {2, 6, 5, 17, 3, 3, stride, 1};
    layer.outputs = 18;
    const auto problem = make_conv_problem(layer, 3);
    for (const WorkCase& one : conv_cases(problem, {})) one.candidate.run(0, 1);
  }
}

TEST(ResnetLayers, MultiplyAccumulatesAreThePublishedOnes) {
  const auto macs = [](const std::string& arch) {
    double sum = 0;
    for (const ConvLayer& layer : resnet_layers(arch, 1)) {
      const auto& shape = layer.shape;
      sum += static_cast<double>(layer.count * shape.out_height() * shape.out_width() * layer.outputs *
                                 shape.kernel_height * shape.kernel_width * shape.channels);
    }
    return sum;
  };
  // 1.814 and 4.089 billion in all, less the first convolution (118013952) and the last layer.
  EXPECT_DOUBLE_EQ(macs("resnet18"), 1814073344.0 - 118013952 - 512 * 1000);
  EXPECT_DOUBLE_EQ(macs("resnet50"), 4089184256.0 - 118013952 - 2048 * 1000);
  for (const ConvLayer& layer : resnet_layers("resnet50", 8)) EXPECT_EQ(layer.shape.batch, 8U);
}

TEST(ResnetLayers, AnUnknownNetworkIsAUsageError) {
  try {
    (void)resnet_layers("resnet81", 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_status(), 2);
    EXPECT_THAT(error.hint(), HasSubstr("resnet18"));
  }
}

}  // namespace
}  // namespace denseshift::bench
