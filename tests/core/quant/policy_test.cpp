// What is quantized where.

#include "core/quant/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/nn/layers.h"
#include "core/nn/model.h"
#include "core/quant/denseshift_quantizer.h"
#include "core/quant/methods.h"

namespace denseshift::quant {
namespace {

using ::testing::HasSubstr;

MethodOptions denseshift(std::int64_t bits) {
  MethodOptions options;
  options.method = "denseshift";
  options.wbits = bits;
  options.impl = "function";  // keeps untouched references untouched: large networks cost no memory
  return options;
}

/// "what | hint" of the usage error, or "no error".
std::string usage_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_status(), 2);
    return std::string(error.what()) + " | " + error.hint();
  }
  return "no error";
}

std::shared_ptr<nn::Classifier> build(const std::string& arch, const MethodOptions& base, const std::string& placement,
                                      const std::vector<std::string>& rules) {
  LayerPolicy policy(base, placement, rules);
  return nn::make_classifier(arch, 1000, policy);
}

const MethodOptions& options_of(nn::Classifier& model, const std::string& layer) {
  for (const auto& [name, found] : nn::weight_layers(model)) {
    if (name == layer) return found->options();
  }
  throw std::logic_error("no layer " + layer);
}

TEST(Policy, PaperPlacementOfTheImageNetNetworks) {
  struct Row {
    const char* arch;
    int convolutions;
    std::int64_t weights;
  };
  // design/tasks 0.1: convolutions except conv1 and their weights, counted in torchvision's networks.
  for (const Row& row : {Row{"resnet18", 19, 11'157'504}, Row{"resnet34", 35, 21'258'240},
                         Row{"resnet50", 52, 23'445'504}, Row{"resnet101", 103, 42'385'408}}) {
    const auto model = build(row.arch, denseshift(2), "paper", {});
    int convolutions = 0;
    std::int64_t weights = 0;
    for (const auto& [name, layer] : nn::weight_layers(*model)) {
      EXPECT_EQ(name, layer->site().name);
      const bool full_precision = name == "conv1" || name == "fc";
      EXPECT_EQ(layer->options().method, full_precision ? "fp32" : "denseshift") << name;
      EXPECT_EQ(layer->quantizer().bits(), full_precision ? 32 : 2) << name;
      if (!full_precision) ++convolutions, weights += layer->weight_count();
    }
    EXPECT_EQ(convolutions, row.convolutions) << row.arch;
    EXPECT_EQ(weights, row.weights) << row.arch;
  }
}

TEST(Policy, EverythingAndNothing) {
  const auto all = build("resnet20", denseshift(3), "all", {});
  for (const auto& [name, layer] : nn::weight_layers(*all)) EXPECT_EQ(layer->options().method, "denseshift") << name;
  const auto none = build("resnet20", {}, "all", {});
  for (const auto& [name, layer] : nn::weight_layers(*none)) EXPECT_EQ(layer->options().method, "fp32") << name;
}

TEST(Policy, LaterRulesWin) {
  const auto model = build("resnet18", denseshift(3), "paper",
                           {"layer1.*=fp32", "layer*.0.conv2=denseshift:4", "layer4.?.conv1=denseshift"});
  EXPECT_EQ(options_of(*model, "layer1.0.conv1").method, "fp32");
  EXPECT_EQ(options_of(*model, "layer1.0.conv1").wbits, 32);
  EXPECT_EQ(options_of(*model, "layer1.0.conv2").method, "denseshift");
  EXPECT_EQ(options_of(*model, "layer1.0.conv2").wbits, 4);
  EXPECT_EQ(options_of(*model, "layer4.1.conv1").wbits, 3) << "the run's bits when the rule names the run's method";
  EXPECT_EQ(options_of(*model, "layer4.0.downsample.0").wbits, 3);
}

TEST(Policy, RuleOnAFullPrecisionRunTakesTheMethodsBits) {
  const auto model = build("resnet18", {}, "paper", {"layer2.*=denseshift"});
  EXPECT_EQ(options_of(*model, "layer2.0.conv1").wbits, 3);
  EXPECT_EQ(options_of(*model, "layer3.0.conv1").method, "fp32");
}

TEST(Policy, ClassifierGetsAShiftBias) {
  const auto model = build("resnet18", denseshift(3), "paper", {"fc=denseshift:4"});
  EXPECT_EQ(options_of(*model, "fc").method, "denseshift");
  EXPECT_EQ(options_of(*model, "fc").shift_bias, unnormalized_shift_bias(512, 4));
  EXPECT_EQ(options_of(*model, "layer4.1.conv2").shift_bias, 0) << "a batch norm follows";
}

TEST(Policy, LayersWithoutANormGetAShiftBiasByTheirPart) {
  const auto bias = [](const std::string& method, const std::string& part, bool normalized) {
    MethodOptions base = denseshift(3);
    base.method = method;
    if (method == "twn") base.wbits = 2;
    LayerPolicy policy(base, "all", {});
    LayerSite site;
    site.part = part;
    site.normalized = normalized;
    site.fan_in = 1152;
    return policy.choose(site).shift_bias;
  };
  // log2 of rms(2^S) is 1.76, of S3's weights 0.73; log2 sqrt(1152) = 5.09, log2 sqrt(1152 / 2) = 4.59.
  EXPECT_EQ(bias("denseshift", "head", false), -7);
  EXPECT_EQ(bias("denseshift", "fpn", false), -6);
  EXPECT_EQ(bias("denseshift", "head", true), 0);
  EXPECT_EQ(bias("s3", "head", false), -6);
  EXPECT_EQ(bias("s3", "fpn", false), -5);
  EXPECT_EQ(bias("twn", "head", false), 0);
}

TEST(Policy, GivenShiftBiasStays) {
  MethodOptions base = denseshift(3);
  base.shift_bias = -2;
  const auto model = build("resnet20", base, "all", {});
  EXPECT_EQ(options_of(*model, "fc").shift_bias, -2);
  EXPECT_EQ(options_of(*model, "layer1.0.conv1").shift_bias, -2);
}

TEST(Policy, BadRulesAndPlacementsAreUsageErrors) {
  const auto with_rule = [](const std::string& rule) {
    return usage_of([&] { (void)build("resnet20", denseshift(3), "paper", {rule}); });
  };
  for (const char* text : {"layer1", "=fp32", "layer1.*=", ""}) EXPECT_THAT(with_rule(text), HasSubstr("GLOB=METHOD"));
  EXPECT_THAT(with_rule("layer1.*=denseshfit"), HasSubstr("unknown method 'denseshfit' | did you mean denseshift?"));
  EXPECT_THAT(with_rule("layer1.*=denseshift:5"), HasSubstr("wbits: denseshift has no 5-bit weights | use 2, 3 or 4"));
  EXPECT_THAT(with_rule("layer1.*=denseshift:3x"), HasSubstr("'3x'"));
  EXPECT_THAT(with_rule("layer1.*=denseshift:"), HasSubstr("is no bit width"));
  EXPECT_THAT(with_rule("layer1.0.conv9=fp32"),
              HasSubstr("'layer1.0.conv9' matches no layer | did you mean layer1.0.conv"));
  EXPECT_THAT(usage_of([] { LayerPolicy policy({}, "papper", {}); }),
              HasSubstr("placement: unknown value 'papper' | did you mean paper?"));
}

TEST(Policy, BitsMustFitTheMethod) {
  for (const std::int64_t bits : {2, 3, 4}) EXPECT_NO_THROW(check_bits("denseshift", bits));
  EXPECT_NO_THROW(check_bits("fp32", 32));
  for (const std::int64_t bits : {-1, 0, 1, 5, 32}) {
    EXPECT_EQ(usage_of([&] { check_bits("denseshift", bits); }),
              "wbits: denseshift has no " + std::to_string(bits) + "-bit weights | use 2, 3 or 4");
  }
  EXPECT_EQ(usage_of([] { check_bits("fp32", 3); }), "wbits: fp32 has no 3-bit weights | use 32");
  EXPECT_THAT(usage_of([] { LayerPolicy policy(denseshift(7), "paper", {}); }), HasSubstr("no 7-bit weights"));
  EXPECT_THAT(usage_of([] { check_bits("fp23", 32); }), HasSubstr("did you mean fp32?"));
}

TEST(Glob, MatchesWholeNames) {
  struct Row {
    const char *glob, *name;
    bool matches;
  };
  for (const Row& row : {Row{"fc", "fc", true},
                         Row{"fc", "fc2", false},
                         Row{"fc", "f", false},
                         Row{"*", "", true},
                         Row{"", "", true},
                         Row{"", "a", false},
                         Row{"?", "", false},
                         Row{"*", "layer1.0.conv1", true},
                         Row{"layer1.*", "layer1.0.conv1", true},
                         Row{"layer1.*", "layer10.0.conv1", false},
                         Row{"layer?.0.*", "layer4.0.conv2", true},
                         Row{"*conv1", "layer1.0.conv1", true},
                         Row{"*conv1", "layer1.0.conv11", false},
                         Row{"*.conv?", "conv1", false},
                         Row{"*1*1*", "layer1.0.conv1", true},
                         Row{"*a*b", "aab", true},
                         Row{"*a*b", "aba", false},
                         Row{"**", "x", true},
                         Row{"a**", "a", true},
                         Row{"layer4.0.downsample.0", "layer4.0.downsample.0", true},
                         Row{"layer4.0.downsample.0", "layer4x0.downsample.0", false},
                         Row{"a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false}}) {
    EXPECT_EQ(glob_matches(row.glob, row.name), row.matches) << row.glob << " " << row.name;
  }
}

}  // namespace
}  // namespace denseshift::quant
