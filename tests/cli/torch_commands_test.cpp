// models, bench train and doctor through the real program with its LibTorch module.

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/run_program.h"

namespace denseshift::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json output(const ProgramResult& result) {
  EXPECT_EQ(result.status, 0) << result.err;
  return json::parse(result.out, nullptr, false);
}

json named(const json& list, const std::string& name) {
  for (const json& item : list) {
    if (item["name"] == name) return item;
  }
  ADD_FAILURE() << "no " << name;
  return json::object();
}

TEST(Models, ArchitecturesHaveThePublishedNumbersOfParameters) {
  const json list = output(run_program({"models", "--json"}));
  // torchvision's documentation of its weights; He et al. 2016, table 6, gives the CIFAR networks rounded.
  const std::map<std::string, std::int64_t> published = {
      {"resnet18", 11689512}, {"resnet34", 21797672}, {"resnet50", 25557032}, {"resnet101", 44549160}};
  for (const auto& [name, parameters] : published) EXPECT_EQ(named(list, name)["parameters"], parameters) << name;
  const std::map<std::string, double> rounded = {
      {"resnet20", 0.27}, {"resnet32", 0.46}, {"resnet44", 0.66}, {"resnet56", 0.85}};
  for (const auto& [name, millions] : rounded) {
    EXPECT_NEAR(named(list, name)["parameters"].get<double>() / 1e6, millions, 0.005) << name;
    EXPECT_EQ(named(list, name)["classes"], 10) << name;
  }
  // torchvision counts 1.814, 4.089 and 7.801 GFLOPs for one image of 224 pixels, a multiply-add as one.
  EXPECT_NEAR(named(list, "resnet18")["macs"].get<double>(), 1.814e9, 1e6);
  EXPECT_NEAR(named(list, "resnet50")["macs"].get<double>(), 4.089e9, 1e6);
  EXPECT_NEAR(named(list, "resnet101")["macs"].get<double>(), 7.801e9, 1e6);
}

TEST(Models, ADescribedNetworkAddsUp) {
  const json network = output(run_program({"models", "--arch", "resnet18", "--wbits", "2", "--json"}));
  std::int64_t weights = 0, quantized = 0, macs = 0;
  double bytes = 0;
  for (const json& layer : network["layers"]) {
    std::int64_t count = 1;
    for (const json& side : layer["shape"]) count *= side.get<std::int64_t>();
    EXPECT_EQ(layer["weights"], count);
    const bool full_precision = layer["name"] == "conv1" || layer["name"] == "fc";
    EXPECT_EQ(layer["wbits"], full_precision ? 32 : 2) << layer;
    EXPECT_EQ(layer["method"], full_precision ? "fp32" : "denseshift") << layer;
    EXPECT_DOUBLE_EQ(layer["bytes"].get<double>(), static_cast<double>(count) * (full_precision ? 4.0 : 0.25));
    weights += count;
    quantized += full_precision ? 0 : count;
    macs += layer["macs"].get<std::int64_t>();
    bytes += layer["bytes"].get<double>();
  }
  EXPECT_EQ(network["layers"].size(), 21U);  // 20 convolutions and the classifier
  EXPECT_EQ(network["parameters"], 11689512);
  EXPECT_EQ(network["quantized_weights"], quantized);
  EXPECT_EQ(network["macs"], macs);
  const std::int64_t others = 11689512 - weights;
  EXPECT_EQ(network["bytes"].get<double>(), bytes + 4.0 * static_cast<double>(others));
  EXPECT_EQ(network["bytes_fp32"], 4 * 11689512);
  EXPECT_EQ(network["trained_values"], 11689512 + quantized);  // two reference tensors at 2 bits
}

TEST(Models, TextNamesEveryLayerAndTheTotals) {
  const ProgramResult result =
      run_program({"models", "--arch", "resnet20", "--wbits", "3", "--rule", "layer3.*=denseshift:4"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("resnet20 with 10 classes on 32x32 images, denseshift at 3 bits"));
  EXPECT_THAT(result.out, HasSubstr("rule layer3.*=denseshift:4"));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("layer1.0.conv1 +16x16x3x3 +denseshift +3 +0 +2,304 "));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("layer3.2.conv2 +64x64x3x3 +denseshift +4 +0 +36,864 "));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("\nparameters +26[0-9],[0-9]{3}\n"));
}

TEST(Models, OptionsReachTheNetwork) {
  const json network = output(run_program(
      {"models", "--arch", "resnet18", "--method", "fp32", "--classes", "7", "--image-size", "64", "--json"}));
  EXPECT_EQ(network["wbits"], 32);
  EXPECT_EQ(network["quantized_weights"], 0);
  EXPECT_EQ(network["bytes"], network["bytes_fp32"]);
  EXPECT_EQ(network["parameters"], 11689512 - 993 * 513);
  const json all = output(run_program({"models", "--arch", "resnet20", "--placement", "all", "--json"}));
  for (const json& layer : all["layers"]) EXPECT_EQ(layer["wbits"], 3) << layer;
  EXPECT_LT(all["layers"].back()["shift_bias"], 0);  // no batch norm behind the classifier
}

TEST(Models, MethodsSayWhichBitsTheyHave) {
  const json list = output(run_program({"models", "methods", "--json"}));
  EXPECT_EQ(named(list, "denseshift")["bits"], json({2, 3, 4}));
  EXPECT_EQ(named(list, "fp32")["bits"], json({32}));
  const ProgramResult text = run_program({"models", "methods"});
  EXPECT_THAT(text.out, ::testing::ContainsRegex("\ndenseshift: [^\n]*\n  bits +2, 3 or 4; 3 by default\n"));
}

TEST(Models, MethodsSayEverythingAboutThemselves) {
  const json list = output(run_program({"models", "methods", "--json"}));
  for (const json& item : list) {
    const bool weights = item["quantizes"] == "weights";
    for (const char* key : {"description", "bits", "levels", "trained", "notes"})
      EXPECT_TRUE(item.contains(key)) << item;
    if (!weights) continue;
    for (const char* key : {"start", "needs_pretrained", "own_placement", "options", "default_bits"}) {
      EXPECT_TRUE(item.contains(key)) << item;
    }
    for (const json& option : item["options"]) EXPECT_FALSE(option["help"].empty()) << item;
  }
  EXPECT_EQ(named(list, "pact")["bits"], json({2, 3, 4, 5, 6, 7, 8}));
  EXPECT_THAT(named(list, "ir-net")["own_placement"]["text"], HasSubstr("not the shortcuts"));
  std::istringstream lines(run_program({"models", "methods"}).out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(Models, ActivationsAndWidthAreShown) {
  const json network = output(run_program(
      {"models", "--arch", "resnet18", "--abits", "2", "--activation", "lq-nets", "--width", "2", "--json"}));
  EXPECT_EQ(network["width"], 2);
  EXPECT_EQ(network["abits"], 2);
  ASSERT_EQ(network["activations"].size(), 16u);
  EXPECT_EQ(network["activations"][0],
            json({{"name", "act"}, {"method", "lq-nets"}, {"bits", 2}, {"input_of", {"layer1.0.conv1"}}}));
  const ProgramResult text =
      run_program({"models", "--arch", "resnet18", "--abits", "8", "--method", "ir-net", "--placement", "method"});
  EXPECT_THAT(text.out, HasSubstr("activations: 8 bits (pact)"));
  EXPECT_THAT(text.out, HasSubstr("not the shortcuts"));
}

struct Refusal {
  std::vector<std::string> arguments;
  std::string message, hint;
};

TEST(TorchCommands, BadValuesAreRefusedWithAdvice) {
  const TemporaryFolder folder;
  const Refusal refusals[] = {
      {{"models", "--arch", "resnet81"}, "unknown architecture 'resnet81'", "did you mean resnet18?"},
      {{"models", "--arch", "resnet18", "--method", "densesift"},
       "unknown method 'densesift'",
       "did you mean denseshift?"},
      {{"models", "--arch", "resnet18", "--wbits", "5"}, "denseshift has no 5-bit weights", "use 2, 3 or 4"},
      {{"models", "--arch", "resnet18", "--method", "fp32", "--wbits", "4"}, "fp32 has no 4-bit weights", "use 32"},
      {{"models", "--arch", "resnet18", "--abits", "4", "--activation", "hwgq"},
       "hwgq has no 4-bit activations",
       "use 2"},
      {{"models", "--arch", "resnet18", "--abits", "4", "--activation", "pcat"}, "unknown activation 'pcat'", "pact"},
      {{"models", "--arch", "resnet18", "--abits", "8", "--method", "fp32"}, "abits: no quantized layer", "--abits 32"},
      {{"models", "--arch", "resnet18", "--width", "0"}, "width: 0 is out of range", "from 1"},
      {{"models", "--arch", "resnet18", "--rule", "layer9.*=fp32"}, "'layer9.*' matches no layer", "layer"},
      {{"models", "--arch", "resnet18", "--rule", "layer1.*"},
       "is not GLOB=METHOD[:WBITS[:SHIFT_BIAS]]",
       "for example"},
      {{"bench", "train", "--arch", "resnet19"}, "unknown architecture 'resnet19'", "did you mean resnet18?"},
      {{"bench", "train", "--variants", "w2-laef"}, "variants: unknown value 'w2-laef'", "did you mean w2-leaf?"},
      {{"bench", "train", "--record", "false", "--batch-size", "0"}, "'0' is not a number of 1 or more", "64,8"},
      {{"bench", "train", "--db", folder.path()}, folder.path(), ""},
  };
  for (const Refusal& refusal : refusals) {
    const ProgramResult result = run_program(refusal.arguments, {.directory = folder.path()});
    EXPECT_EQ(result.status, 2) << refusal.message;
    EXPECT_THAT(result.err, HasSubstr(refusal.message));
    EXPECT_THAT(result.err, HasSubstr(refusal.hint));
    EXPECT_EQ(result.out, "");
  }
}

TEST(BenchTrain, MeasuresEachVariantAndRecordsTheResult) {
  const TemporaryFolder folder;
  const ProgramOptions options{.directory = folder.path(), .timeout_seconds = 600};
  const json result = output(
      run_program({"bench", "train", "--arch", "resnet20", "--image-size", "32", "--batch-size", "2,1", "--rounds", "3",
                   "--threads", "1", "--variants", "w4-reference,fp32-torch,w2-leaf,w3-function", "--json"},
                  options));
  ASSERT_EQ(result["training"].size(), 8U);
  EXPECT_EQ(result["threads"], 1);
  EXPECT_EQ(result["arch"], "resnet20");
  for (const char* key : {"cpu", "torch_version", "source_revision", "date", "load_average", "image_size"}) {
    EXPECT_TRUE(result.contains(key)) << key;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    const json& row = result["training"][i];
    EXPECT_EQ(row["batch_size"], i < 4 ? 2 : 1);
    EXPECT_EQ(row["rounds"], 3);
    EXPECT_GT(row["step_ms_min"], 0);
    EXPECT_LE(row["step_ms_min"], row["step_ms_q1"]);
    EXPECT_LE(row["step_ms_q1"], row["step_ms"]);
    EXPECT_LE(row["step_ms"], row["step_ms_q3"]);
    EXPECT_LE(row["step_ms_ratio_q1"], row["step_ms_ratio_q3"]);
    EXPECT_NEAR(row["images_per_second"].get<double>() * row["step_ms"].get<double>(),
                1e3 * row["batch_size"].get<double>(), 1e-6);
    if (row["variant"] == "fp32-torch") {
      EXPECT_EQ(row["step_ms_ratio"], 1);
    }
    EXPECT_GT(row["peak_bytes"], 20e6);  // LibTorch alone takes more
  }
  EXPECT_EQ(result["training"][2]["variant"], "w2-leaf");
  ASSERT_EQ(result["loader"].size(), 2U);
  for (const json& row : result["loader"]) EXPECT_GT(row["images_per_second"], 0);

  const ProgramResult recorded =
      run_program({"query", "SELECT command, arch, status FROM runs", "--json"}, {.directory = folder.path()});
  EXPECT_THAT(recorded.out, ::testing::AllOf(HasSubstr("bench train"), HasSubstr("resnet20"), HasSubstr("finished")));
  const ProgramResult metrics = run_program({"runs", "metrics", "1"}, {.directory = folder.path()});
  EXPECT_THAT(metrics.out, HasSubstr("step_ms/w2-leaf/batch2"));
}

TEST(BenchTrain, PeakMemoryBelongsToTheVariantAlone) {
  const TemporaryFolder folder;
  // Of each of ResNet-18's 11,157,504 quantized weights 8 references, 8 momenta, weight, gradient and a byte of code
  // are kept at 4 bits; weight, momentum and gradient in fp32. That makes 15.25 floats more.
  const json result = output(run_program({"bench", "train", "--image-size", "32", "--batch-size", "2", "--rounds", "1",
                                          "--threads", "1", "--variants", "w4-leaf,fp32", "--no-record", "--json"},
                                         {.directory = folder.path(), .timeout_seconds = 600}));
  const double more =
      result["training"][0]["peak_bytes"].get<double>() - result["training"][1]["peak_bytes"].get<double>();
  const double expected = 15.25 * 4 * 11157504;
  EXPECT_NEAR(more, expected, 0.1 * expected);
  EXPECT_TRUE(result["training"][0]["step_ms_ratio"].is_null());  // nothing to compare with
  EXPECT_FALSE(result.contains("run"));
  EXPECT_EQ(run_command({"/usr/bin/find", folder.path(), "-type", "f"}).out, "");
}

TEST(BenchTrain, TextShowsOneLineForEachVariant) {
  const ProgramResult result =
      run_program({"bench", "train", "--arch", "resnet20", "--image-size", "32", "--batch-size", "2", "--rounds", "1",
                   "--threads", "1", "--variants", "fp32-torch,w2-leaf", "--no-record"},
                  {.timeout_seconds = 600});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, ::testing::ContainsRegex("\nfp32-torch +2 +1 .* 1\\.000 +1\\.000-1\\.000 "));
  EXPECT_THAT(result.out, HasSubstr("\nw2-leaf "));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("\nshapes +2 +[0-9]+\n"));
}

TEST(Doctor, SaysWhatLibTorchStandsOn) {
  const json findings = output(run_program({"doctor", "--json"}));
  std::string detail;
  for (const json& finding : findings) {
    if (finding["subject"] != "LibTorch") continue;
    EXPECT_EQ(finding["status"], "ok") << finding;
    detail = finding["detail"].get<std::string>();
  }
  EXPECT_THAT(detail, ::testing::ContainsRegex("^version [0-9]+\\.[0-9]+"));
  for (const char* part : {"headers ", "BLAS ", "oneDNN ", "kernels ", "threads ", "CUDA devices "}) {
    EXPECT_THAT(detail, HasSubstr(part));
  }
}

}  // namespace
}  // namespace denseshift::testing
